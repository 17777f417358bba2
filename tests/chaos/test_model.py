"""A few random histories of bridge and store; `python -m chaos model` runs a thousand."""

from __future__ import annotations

from chaos.model import trial
from chaos.outcome import Size


def test_bridge_and_store_go_the_way_of_a_plain_model_whatever_happens() -> None:
    outcome = trial(Size(0.0), print)
    assert outcome.met, "\n".join(outcome.lines())
