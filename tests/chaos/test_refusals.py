from __future__ import annotations

from chaos.outcome import Size
from chaos.refusals import trial


def test_nobody_gets_in_who_does_not_belong() -> None:
    said: list[str] = []
    outcome = trial(Size(0.0), said.append)
    assert not outcome.missed, said
