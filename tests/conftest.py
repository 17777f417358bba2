"""What every suite shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real and labelled images that stands beside the project."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the data folder ../shared/data is not here")
    return folder


REAL_PROCESSES = {
    "api",
    "bridge",
    "browser",
    "cli",
    "client",
    "docs",
    "packaging",
    "service",
    "store",
    "worker",
}
"""Suites of real sockets, servers, clocks and browsers, on a machine that may be busy with something else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One second chance where another program's load can decide; the report names whoever needed it."""
    for item in items:
        if REAL_PROCESSES & set(item.path.relative_to(ROOT).parts):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=1))
