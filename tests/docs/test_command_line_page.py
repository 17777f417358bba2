"""The pages about the command line name every command and option there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from export_records import record
from paretoscope.adapters.exporters.formats import FORMATS, write_record
from paretoscope.cli import COMMANDS, PASS_ON, make_app

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/command-line.md").read_text()
HOW_TO = (ROOT / "docs/how-to/export-results.md").read_text()
APP = get_command(make_app())
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def sections() -> dict[str, str]:
    """Command -> its part of the page."""
    parts = re.split(r"^## `paretoscope ([a-z]+)`$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def options_of(command: str) -> set[str]:
    parameters = [one for one in APP.commands[command].params if one.param_type_name == "option"]
    return {option for one in parameters for option in (*one.opts, *one.secondary_opts)}


def rows(text: str) -> set[str]:
    """Options in the first column of the tables."""
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `--")]
    return {option for cell in cells for option in OPTION.findall(cell)}


def test_the_page_has_each_command_once_and_lists_it_at_the_top() -> None:
    assert tuple(sections()) == COMMANDS
    listed = re.findall(r"^\| \[`paretoscope ([a-z]+)`\]\(#paretoscope-\1\)", PAGE, re.MULTILINE)
    assert tuple(listed) == COMMANDS


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in PASS_ON])
def test_a_commands_table_holds_its_options_and_no_others(command: str) -> None:
    section = sections()[command]
    assert rows(section) == options_of(command)
    assert set(OPTION.findall(section)) <= options_of(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_its_options_exist(command: str) -> None:
    called = rf"\$ (?:[A-Z_]+=\S+ )?paretoscope {command}\b(.*)"
    examples = re.findall(called, sections()[command])
    assert examples
    if command not in PASS_ON:
        assert set(OPTION.findall(" ".join(examples))) <= options_of(command)


def test_options_outside_the_sections_are_those_of_every_command() -> None:
    head = PAGE.split("\n## `paretoscope ")[0]
    assert set(OPTION.findall(head)) == {"--help", "--version"}


@pytest.mark.parametrize("code", ["0", "1", "2", "130"])
def test_exit_codes_are_told(code: str) -> None:
    assert f"| {code} |" in PAGE.partition("## Exit codes")[2].partition("\n## ")[0]


def test_the_page_leads_to_the_simulators() -> None:
    assert "(simulator.md)" in sections()["simulate"]
    for page in re.findall(r"\]\(([\w./-]+\.md)", PAGE):
        assert (ROOT / "docs/reference" / page).is_file()


def test_every_export_format_is_named() -> None:
    row = next(line for line in sections()["export"].splitlines() if line.startswith("| `--format`"))
    assert all(f"`{name}`" in row for name in FORMATS)


def test_the_how_to_uses_options_that_exist() -> None:
    calls = re.findall(r"^    paretoscope export (.*)$", HOW_TO, re.MULTILINE)
    assert len(calls) == 3
    assert set(OPTION.findall(" ".join(calls))) <= options_of("export")


@pytest.mark.parametrize("library", ["numpy", "h5py"])
def test_the_how_to_reads_what_export_writes(library: str, tmp_path) -> None:
    exported = record()
    list(write_record(tmp_path, exported, ["npy", "hdf5"], image=True))
    codes = re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL)
    code = next(code for code in codes if f"import {library}" in code)
    names: dict[str, np.ndarray] = {}
    stem = tmp_path / exported.header.frame_id
    exec(compile(code.replace("results/FRAME", str(stem)), "export-results.md", "exec"), names)
    np.testing.assert_array_equal(names["image"], exported.image)
    np.testing.assert_array_equal(names["atoms"]["y_px"], exported.atoms.columns["y_px"])
