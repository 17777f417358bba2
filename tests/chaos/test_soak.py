from __future__ import annotations

from pathlib import Path

import pytest

from chaos import soak
from chaos._memory import Scales, by_minute
from chaos.outcome import Size
from chaos.stage import Stage


@pytest.mark.slow
def test_a_short_night_of_kills_and_bad_company_loses_nothing(tmp_path: Path) -> None:
    outcome = soak.trial(Size(0.0), lambda _: None)
    assert outcome.met, outcome.missed
    told = {one.name: one.value for one in outcome.figures}
    assert told["frames tracked"] > 0
    assert any(name.startswith("kills of") for name in told)
    soak.draw(outcome, tmp_path / "night.png")
    assert (tmp_path / "night.png").stat().st_size > 10_000


def test_growth_is_told_since_the_last_restart_and_not_by_single_jumps() -> None:
    scales = Scales(Stage())
    before, after = frozenset({1}), frozenset({2})
    scales.weights["api"] = [(0.1 * step, 500.0 - step, before) for step in range(20)]
    growing = [(2.0 + 0.1 * step, 100.0 + 0.5 * step / 60, after) for step in range(60)]
    growing[30] = (growing[30][0], 400.0, after)
    scales.weights["api"] += growing
    slope, low, high = scales.slope_mib_per_h("api", 0.0)
    assert abs(slope - 5.0) < 0.01
    assert low <= slope <= high
    assert by_minute([(0.1, 3.0), (0.9, 5.0), (2.5, 7.0)])[0::2] == [4.0, 7.0]
