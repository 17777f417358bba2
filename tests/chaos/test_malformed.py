from __future__ import annotations

from chaos import malformed
from chaos.outcome import Size


def test_malformed_messages_are_answered_counted_and_harmless() -> None:
    assert malformed.trial(Size(0.0), print).missed == []


def test_the_flood_is_the_same_each_time() -> None:
    assert list(malformed.messages(7, 50)) == list(malformed.messages(7, 50))
