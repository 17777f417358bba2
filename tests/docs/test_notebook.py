"""The notebook of the tutorial, executed cell by cell against a demo."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from docs.test_snippets import address, environment  # noqa: F401

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs/tutorial/control-loop.ipynb"


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(address: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from nbclient import NotebookClient

    for name, value in (environment() | {"PARETOSCOPE_URL": address, "MPLBACKEND": "agg"}).items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=100).execute()
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "('simulated'" in said
    assert "<- chosen" in said
    assert said.count("places to visit") == 3


def test_the_notebook_is_kept_without_outputs_and_is_valid() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    assert NOTEBOOK.stat().st_size < 20_000
