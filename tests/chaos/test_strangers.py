from __future__ import annotations

from chaos import strangers
from chaos.outcome import Size


def test_strangers_at_both_doors_disturb_nobody() -> None:
    assert strangers.trial(Size(0.0), print).missed == []
