"""A worker made to hang once in each manner; `python -m chaos hang` is the whole of it."""

from __future__ import annotations

from chaos.hang import trial
from chaos.outcome import Size


def test_a_hung_worker_is_replaced_and_nothing_is_lost_or_done_twice() -> None:
    outcome = trial(Size(0.0), print)
    missed = [one for one in outcome.missed if "longest" not in one]  # how long it took is the whole trial's
    assert not missed, "\n".join(outcome.lines())
