"""The pinned description of the routes: ``python -m paretoscope.api.openapi [FILE]`` renews it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from paretoscope.adapters.store import Store
from paretoscope.api.app import create_app

DEFAULT = Path("docs/reference/openapi.json")
NOWHERE = "redis://127.0.0.1:1"
"""Describing the routes asks the store nothing."""


def described() -> str:
    """The OpenAPI document as text, without the package's version (that changes with every commit)."""
    document = create_app(Store.open(NOWHERE)).openapi()
    document["info"]["version"] = "1"
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(described(), encoding="utf-8")
    print(target)
