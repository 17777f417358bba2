"""Which version is installed, asked without importing the package's numerics."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("paretoscope")
except PackageNotFoundError:
    VERSION = "0+uninstalled"
