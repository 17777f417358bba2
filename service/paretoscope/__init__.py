"""Paretoscope: atoms, a Pareto front and classes from a STEM image before the next one is scanned.

Names are loaded when first used, so that clients may import the contract without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from paretoscope.version import VERSION as __version__

if TYPE_CHECKING:
    from paretoscope.analysis import Analysis, analyze, detect
    from paretoscope.contract import LogParams
    from paretoscope.core.lattice import Lattice
    from paretoscope.movie import MovieFrame, detect_movie

_HOMES = {
    "Analysis": "paretoscope.analysis",
    "Lattice": "paretoscope.core.lattice",
    "LogParams": "paretoscope.contract",
    "MovieFrame": "paretoscope.movie",
    "analyze": "paretoscope.analysis",
    "detect": "paretoscope.analysis",
    "detect_movie": "paretoscope.movie",
}

__all__ = [
    "Analysis",
    "Lattice",
    "LogParams",
    "MovieFrame",
    "__version__",
    "analyze",
    "detect",
    "detect_movie",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'paretoscope' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
