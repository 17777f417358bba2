from __future__ import annotations

import pytest

from chaos import hosts
from chaos._network import refusal
from chaos.outcome import Size


@pytest.mark.slow
def test_a_host_cut_off_in_mid_frame_loses_nothing_and_doubles_nothing() -> None:
    refused = refusal()
    if refused is not None:
        pytest.skip(refused)
    outcome = hosts.trial(Size(0.0), lambda _: None)
    assert outcome.figures
    assert outcome.met, outcome.missed
