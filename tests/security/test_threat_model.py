"""The threat model names its tests; they exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/explanation/security.md").read_text(encoding="utf-8")


def test_every_threat_has_a_control_and_a_test_that_exists() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", text, re.MULTILINE))
    part = PAGE.split("## Threats")[1].split("## What is not covered")[0]
    rows = [line.split("|")[1:-1] for line in part.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for threat, control, shown in rows:
        names = re.findall(r"`(test_\w+)`", shown)
        assert control.strip(), threat
        assert names, f"no test shows: {threat.strip()}"
        assert set(names) <= there, f"no such test: {set(names) - there}"
