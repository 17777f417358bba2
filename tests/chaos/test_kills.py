"""A few kills of workers and of the store; `python -m chaos kills` is the whole of it."""

from __future__ import annotations

from chaos.kills import trial
from chaos.outcome import Size


def test_nothing_acknowledged_is_lost_or_done_twice_when_workers_and_the_store_are_killed() -> None:
    outcome = trial(Size(0.0), print)
    missed = [one for one in outcome.missed if "longest" not in one]  # how long it took is the whole trial's
    assert not missed, "\n".join(outcome.lines())
