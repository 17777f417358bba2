from __future__ import annotations

from chaos.outcome import Size

from chaos import strangers


def test_strangers_at_both_doors_disturb_nobody() -> None:
    assert strangers.trial(Size(0.0), print).missed == []
