"""Pictures of the page for the documentation, kept where somebody asks for them."""

from __future__ import annotations

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

FOLDER = os.environ.get("PARETOSCOPE_SCREENSHOTS")
"""The documentation's folder; nothing is kept where it is not set."""
COLOURS = 80


def keep_screenshot(page: Page, name: str) -> None:
    """name: path in the documentation's folder."""
    if FOLDER is None:
        return
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    kept = Path(FOLDER) / name
    kept.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE).save(
        kept, optimize=True
    )
