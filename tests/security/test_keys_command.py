"""``paretoscope keys``, and a service that refuses to stand open to other machines."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.memory_store import MemoryStore
from bridge.running import Listening, eventually, frame, running_bridge
from bridge.test_bridge_keys import KeyedClient
from paretoscope.adapters.api_keys import KeyFile, KeyRing
from paretoscope.adapters.key_journal import KeyJournal
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.bridge.security import make_keys, revoke, senders
from paretoscope.cli import main
from paretoscope.contract import AuditEntry
from paretoscope.errors import StoreDown

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Told:
    code: int
    out: str
    err: str


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Told]:
    """The command line on a data folder of its own."""
    for name in [*os.environ]:
        if name.startswith("PARETOSCOPE_") or name == "REDIS_URL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PARETOSCOPE_DATA", str(tmp_path / "data"))

    def command(*arguments: str) -> Told:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        said = capsys.readouterr()
        return Told(int(ended.value.code or 0), said.out, said.err)

    return command


def test_a_key_is_made_shown_once_listed_and_revoked(run: Callable[..., Told], tmp_path: Path) -> None:
    made = run("keys", "make", "--scope", "choose", "--name", "laptop")
    assert made.code == 0, made.err
    token = made.out.strip()
    file = tmp_path / "data" / "api-keys.json"
    owner = KeyRing(file).owner(token)
    assert owner is not None
    assert (owner.name, owner.scope) == ("laptop", "choose")
    listed = run("keys", "list")
    assert "laptop" in listed.out
    assert "choose" in listed.out
    assert token not in listed.out + listed.err + made.err
    again = run("keys", "make", "--name", "laptop")
    assert (again.code, len(again.err.splitlines())) == (2, 1)
    assert run("keys", "revoke", "--name", "laptop").code == 0
    assert KeyRing(file).owner(token) is None
    gone = run("keys", "revoke", "--name", "laptop")
    assert gone.code == 2
    assert "no-such-key" in gone.err
    nameless = run("keys", "make")
    assert nameless.code == 2
    assert "--name" in nameless.err


def test_a_sender_gets_a_pair_and_loses_its_place(run: Callable[..., Told], tmp_path: Path) -> None:
    made = run("keys", "make", "--scope", "send", "--name", "spectra")
    secret = Path(made.out.strip())
    assert secret == tmp_path / "data" / "frames-keys" / "clients" / "spectra.key_secret"
    assert secret.stat().st_mode & 0o077 == 0
    assert "spectra" in run("keys", "list").out
    assert run("keys", "revoke", "--name", "spectra").code == 0
    assert not secret.exists()
    assert run("keys", "list").out == ""


def test_keys_made_and_revoked_are_on_record_with_who_and_when(
    run: Callable[..., Told], tmp_path: Path
) -> None:
    """Also those from before the store ran; and what was refused is no change."""
    data = tmp_path / "data"
    made = run("keys", "make", "--name", "laptop", "--scope", "choose")
    assert "when the service starts" in made.err
    run("keys", "make", "--name", "laptop")
    run("keys", "make", "--name", "../laptop")
    journal = data / "keys-journal.jsonl"
    assert journal.stat().st_mode & 0o077 == 0
    assert made.out.strip() not in journal.read_text()
    with EmbeddedStore(data) as server, Store.open(server.url) as store:
        KeyJournal(journal).hand_over(store)  # what the API does when it starts
        assert (
            "when the service starts" not in run("keys", "make", "--name", "spectra", "--scope", "send").err
        )
        run("keys", "revoke", "--name", "laptop")
        run("keys", "revoke", "--name", "nobody")
        entries = [entry for _, entry in store.audit()]
    assert [(one.method, one.path, one.asked) for one in reversed(entries)] == [
        ("MAKE", "/keys/laptop", "scope choose"),
        ("MAKE", "/keys/spectra", "scope send"),
        ("REVOKE", "/keys/laptop", ""),
    ]
    assert {one.who.partition(" ")[0] for one in entries} == {f"os:{pwd.getpwuid(os.getuid()).pw_name}"}
    assert sorted(one.at for one in entries) == [one.at for one in reversed(entries)]
    assert journal.read_text() == ""


def test_a_key_that_cannot_be_recorded_is_not_made(run: Callable[..., Told], tmp_path: Path) -> None:
    (tmp_path / "data" / "keys-journal.jsonl").mkdir(parents=True)
    told = run("keys", "make", "--name", "laptop")
    assert (told.code, told.out, len(told.err.splitlines())) == (2, "", 1)
    assert not (tmp_path / "data" / "api-keys.json").exists()


def test_a_journal_that_is_handed_over_keeps_what_the_store_did_not_take(tmp_path: Path) -> None:
    journal = KeyJournal(tmp_path / "journal")
    for name in "abc":
        with journal.noting("MAKE", name, "read"):
            pass
    taken: list[AuditEntry] = []

    class Failing:
        def append_audit(self, entry: AuditEntry) -> str:
            if entry.path == "/keys/b" and len(taken) < 2:
                taken.append(entry)
                raise StoreDown(hint="gone")
            taken.append(entry)
            return "1-1"

    with pytest.raises(StoreDown):
        journal.hand_over(Failing())
    journal.file.write_text("no record\n" + journal.file.read_text())
    assert journal.hand_over(Failing()) == 3
    assert [one.path for one in taken] == ["/keys/a", "/keys/b", "/keys/b", "/keys/c"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PARETOSCOPE_HTTP_HOST", "0.0.0.0", "paretoscope keys make --scope admin"),
        ("PARETOSCOPE_HTTP_HOST", "::", "paretoscope keys make --scope admin"),
        ("PARETOSCOPE_FRAMES", "tcp://0.0.0.0:0", "paretoscope keys make --scope send"),
    ],
)
def test_beyond_loopback_the_service_starts_only_with_keys(
    run: Callable[..., Told],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    says: str,
) -> None:
    monkeypatch.setenv("PARETOSCOPE_HTTP_PORT", "0")
    monkeypatch.setenv("PARETOSCOPE_FRAMES", "tcp://127.0.0.1:0")
    monkeypatch.setenv(name, value)
    told = run("serve", "--workers", "0")
    assert (told.code, len(told.err.splitlines())) == (2, 1)
    assert says in told.err
    assert "keys-needed" in told.err
    assert not (tmp_path / "data").exists()  # told before anything was started


def test_the_api_process_refuses_by_itself_too(tmp_path: Path) -> None:
    roots = [ROOT / "service", ROOT / "clients", ROOT / "instrument_sim"]
    asked = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, roots)),
        "PARETOSCOPE_DATA": str(tmp_path / "data"),
        "PARETOSCOPE_HTTP_HOST": "0.0.0.0",
        "PARETOSCOPE_HTTP_PORT": "0",
    }
    command = [sys.executable, "-m", "paretoscope.api.process"]
    told = subprocess.run(command, env=asked, capture_output=True, text=True, timeout=60)
    assert told.returncode != 0
    assert "keys-needed" in told.stderr


def test_secret_halves_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    make_keys(tmp_path / "keys", "spectra")
    for secret in (tmp_path / "keys").rglob("*.key_secret"):
        assert secret.stat().st_mode & 0o077 == 0, secret
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_a_running_bridge_follows_its_allow_list(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    _, second = make_keys(keys, "first", "second")
    (keys / "clients" / "second.key").rename(tmp_path / "second.key")
    with running_bridge(MemoryStore(), Listening("tcp://*:0", keys)) as bridge:
        with KeyedClient(bridge, keys, second) as client:
            client.send(*frame(0))
            assert eventually(lambda: bridge.counters.get("bridge:handshake-refused"))
        (tmp_path / "second.key").rename(keys / "clients" / "second.key")

        def answered() -> bool:
            with KeyedClient(bridge, keys, second) as client:
                client.send(*frame(0))
                return bool(client.socket.poll(500))

        assert eventually(answered)
        revoke(keys, "first")
        assert senders(keys) == ["second"]


def test_a_change_never_leaves_half_a_file(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "api-keys.json")
    for number in range(20):
        file.make(f"k{number}", "read")
        assert len(KeyFile(file.file).keys()) == number + 1
    assert sorted(one.name for one in tmp_path.iterdir()) == [".api-keys.json.lock", "api-keys.json"]
