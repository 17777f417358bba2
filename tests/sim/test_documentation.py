"""What the pages say is what the simulator does."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from paretoscope_sim.cli import main
from paretoscope_sim.samples import RECIPES
from paretoscope_sim.vendor import FAULTS

ROOT = Path(__file__).resolve().parents[2]
HOW_TO = (ROOT / "docs/how-to/simulate.md").read_text()
REFERENCE = (ROOT / "docs/reference/simulator.md").read_text()
RENDERS = re.findall(r"^paretoscope-sim (render .*)$", HOW_TO, re.MULTILINE)


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", HOW_TO, re.DOTALL))
def test_python_examples_run(code):
    names: dict[str, object] = {}
    exec(compile(code, "simulate.md", "exec"), names)
    assert names.keys() > {"__builtins__"}


@pytest.mark.parametrize("line", RENDERS)
def test_rendering_examples_run(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(line))
    assert not ended.value.code


@pytest.mark.parametrize("name", RECIPES)
def test_the_reference_lists_every_sample_with_its_options(name):
    row = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{name}`"))
    for option, default in RECIPES[name].options.items():
        shown = f'"{default}"' if isinstance(default, str) else str(default)
        assert f"`{option}={shown}`" in row


@pytest.mark.parametrize("fault", FAULTS)
def test_the_reference_lists_every_fault(fault):
    assert f"`{fault}`" in REFERENCE


def test_without_its_extra_the_command_line_says_what_to_install():
    code = "import sys; sys.modules['scipy'] = None; from paretoscope_sim.cli import main; main(['samples'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "error: scipy is not installed: pip install 'paretoscope[sim]'.\n"
