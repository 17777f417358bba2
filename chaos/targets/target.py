"""A decoder as a function of bytes, with what a fuzzer begins from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "contract" / "golden"
Fuzz = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    name: str
    make: Callable[[], Fuzz]
    seeds: Callable[[], list[bytes]]
    runs: int
    """Of the whole size."""
    max_len: int = 2048


def golden(prefix: str) -> dict[str, bytes]:
    return {file.stem: file.read_bytes() for file in sorted(GOLDEN.glob(f"{prefix}*.bin"))}
