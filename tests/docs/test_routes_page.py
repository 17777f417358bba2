"""The page of REST routes is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

from paretoscope.api.openapi import described

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_of_routes_lists_every_route_and_no_other():
    page = (ROOT / "docs/reference/rest.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(GET|PUT|POST|DELETE) (/[^`]*)` \|", page, re.MULTILINE))
    paths = json.loads(described())["paths"]
    assert told == {(method.upper(), path) for path, methods in paths.items() for method in methods}
