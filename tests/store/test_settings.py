from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from paretoscope.adapters.store import Store
from paretoscope.errors import BadParameters
from paretoscope.settings import Settings, load


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "PARETOSCOPE_CONFIG", "PARETOSCOPE_HTTP_PORT", "PARETOSCOPE_DATA"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "paretoscope.toml"
    file.write_text('http_port = 8100\nframes = "tcp://127.0.0.1:6000"\n[limits]\nhistory_frames = 7\n')
    monkeypatch.setenv("PARETOSCOPE_HTTP_PORT", "8200")
    monkeypatch.setenv("PARETOSCOPE_LIMITS__BACKLOG_FRAMES", "9")
    settings = load(file)
    assert settings.http_port == 8200
    assert settings.frames == "tcp://127.0.0.1:6000"
    assert settings.limits.history_frames == 7
    assert settings.limits.backlog_frames == 9
    assert settings.limits.events == 10_000


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "p.toml"
    file.write_text("http_port = 8300\n")
    monkeypatch.setenv("PARETOSCOPE_CONFIG", str(file))
    assert load().http_port == 8300


def test_an_option_wins_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETOSCOPE_HTTP_PORT", "8200")
    assert load(http_port=8400, frames=None).http_port == 8400


def test_redis_url_is_spelled_as_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://store:6379/0")
    assert load().redis_url == "redis://store:6379/0"


def test_the_data_folder_follows_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert load().data == tmp_path / "paretoscope"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("http_port = 99999\n", "http_port"),
        ("htp_port = 8000\n", "htp_port"),
        ("[limits]\nhistory_frames = 0\n", "limits.history_frames"),
        ("http_port = \n", "toml"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(BadParameters, match="bad-settings") as told:
        load(file)
    assert named in told.value.hint


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")


def test_settings_do_not_change_once_read() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.http_port = 1  # type: ignore[misc]


def test_every_setting_is_in_the_reference_with_its_default() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/reference/settings.md").read_text()
    rows = {line.split("|")[2].strip(" `"): line for line in text.splitlines() if line.startswith("| `")}
    tree = load().model_dump(mode="json")
    trees = {name: tree.pop(name) for name in ("limits", "instruments")}
    flat = tree | {f"{part}.{name}": value for part, held in trees.items() for name, value in held.items()}
    assert set(rows) == set(flat)
    for name, value in flat.items():
        if value is not None and name != "data":
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            assert f"| `{shown}` |" in rows[name]


def test_children_read_the_same_settings_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(data=tmp_path, http_hosts=("lab", "stem.example"), log_json=True, redis_url="redis://h/1")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load().model_dump() == settings.model_dump()


def test_how_long_a_silent_worker_keeps_its_frame_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARETOSCOPE_LIMITS__CLAIM_IDLE_S", "2.5")
    with Store.open("unix:///nowhere.sock", load().limits) as store:
        assert store.claim_idle_s == 2.5
    monkeypatch.setenv("PARETOSCOPE_LIMITS__CLAIM_IDLE_S", "0.5")
    with pytest.raises(BadParameters, match="claim_idle_s"):
        load()
