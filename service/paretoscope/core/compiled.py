"""Loops that numpy cannot say without temporaries, compiled once and kept on disk.

Only for work on tables of candidates and on atoms one by one, where array operations touch memory many times
over; what is an operation on whole images stays with torch, so that it runs on any device.

`compiled` releases the interpreter's lock: an operator's pick is answered while a search runs. Arithmetic is
IEEE (no fastmath): results do not depend on the machine's vector width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """`function` as machine code: first use compiles it (seconds), later processes load it from the disk."""
    return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
