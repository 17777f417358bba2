from __future__ import annotations

from pathlib import Path

import pytest

from paretoscope.cli import COMMANDS, main


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, out, err


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "simulate"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told([command, "--help"], capsys)
    assert code == 0
    assert f"paretoscope {command}" in out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["serve", "--port", "70000"], "--port"),
        (["serve", "--bogus"], "--bogus"),
        (["nonsense"], "nonsense"),
        (["demo", "--frames", "0"], "--frames"),
        (["demo", "--replay", "nowhere.npy"], "nowhere.npy"),
        (["serve", "--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = told(arguments, capsys)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert named in err
    assert len(err.splitlines()) == 1


def test_a_wrong_setting_in_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.toml"
    file.write_text("http_prot = 1\n")
    code, _, err = told(["serve", "--config", str(file)], capsys)
    assert code == 2
    assert "http_prot" in err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(["--version"], capsys)
    assert code == 0
    assert out.strip()
