"""Lengths as files write them, in nm."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

from paretoscope.errors import BadFile

_NO_UNIT = {"", "px", "pixel", "pixels", "none", "<undefined>", "undefined", "t.undefined", "a.u.", "unit"}
_SPELLINGS = {
    "å": "angstrom",
    "Å": "angstrom",  # angstrom sign
    "ang": "angstrom",
    "a": "angstrom",
    "µm": "um",
    "μm": "um",
    "\\u00b5m": "um",
    "micron": "um",
    "microns": "um",
    "inches": "inch",
}
_PLAIN = re.compile(r"(1 ?/ ?)?[^\W\d_]{1,16}( ?(\^|\*\*)? ?-?[1-3])?")
"""One unit, perhaps inverse; nothing that could be an expression to evaluate."""


@cache
def _registry() -> Any:
    from pint import UnitRegistry

    return UnitRegistry(cache_folder=None)


def to_nm(step: float, unit: str | None) -> float | None:
    """Return `step` in nm; None where the unit is missing, unknown or not a length.

    unit: 'pm', 'nm', 'um', 'µm', 'Å', 'm', ...  Raises BadFile for 1/length: that is a diffraction pattern.
    """
    text = (unit or "").strip().strip("\x00")
    if text.lower() in _NO_UNIT or not math.isfinite(step) or step == 0:
        return None
    if not _PLAIN.fullmatch(text):
        return None
    import pint

    try:
        quantity = _registry().Quantity(float(step), _SPELLINGS.get(text.lower(), text))
    except (pint.PintError, ValueError, TypeError, AttributeError):
        return None
    if quantity.check("1/[length]") or quantity.check("[]"):
        # milliradians are dimensionless to pint; both mean reciprocal space
        if quantity.check("1/[length]") or "rad" in text.lower():
            raise BadFile(
                "diffraction",
                hint=f"The axes are in {text}: this is a diffraction pattern. Give a real-space image.",
            )
        return None
    return abs(float(quantity.to("nm").magnitude)) if quantity.check("[length]") else None


def to_us(value: Any, unit: str = "s") -> float | None:
    """Return a duration in microseconds; None unless it is a positive number."""
    try:
        duration = float(value) * {"s": 1e6, "ms": 1e3, "us": 1.0}[unit]
    except (TypeError, ValueError, KeyError):
        return None
    return duration if 0 < duration < math.inf else None
