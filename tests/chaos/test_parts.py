from __future__ import annotations

from chaos import parts
from chaos.outcome import Size


def test_killed_parts_come_back_and_clients_go_on_by_themselves() -> None:
    assert parts.trial(Size(0.0), print).missed == []
