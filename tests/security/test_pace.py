"""How often a caller may ask."""

from __future__ import annotations

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.pace import Pace
from paretoscope.api.server import ApiServer


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_taken_and_then_the_pace_holds() -> None:
    clock = Clock()
    pace = Pace(2.0, burst=5.0, clock=clock)
    assert [pace.take("a") for _ in range(6)] == [0.0] * 5 + [0.5]
    assert pace.take("b") == 0.0, "another caller is not concerned"
    clock.now_s += 0.5
    assert pace.take("a") == 0.0
    assert pace.take("a") == pytest.approx(0.5)
    clock.now_s += 3600.0
    assert pace.left("a") == 5.0


def test_callers_are_forgotten_before_they_fill_the_memory() -> None:
    pace = Pace(1.0, burst=1.0, most=10, clock=Clock())
    for number in range(1000):
        pace.take(str(number))
    assert len(pace) == 10


def test_a_caller_that_asks_too_often_is_told_when_to_come_back(store: Store) -> None:
    with (
        ApiServer(create_app(store, ApiSettings(requests_per_s=1.0))) as api,
        httpx.Client(base_url=api.url, trust_env=False) as http,
    ):
        answers = [http.get("/version") for _ in range(6)]
        assert [one.status_code for one in answers[:2]] == [200, 200]
        late = answers[-1]
        assert (late.status_code, late.json()["code"], late.json()["retry"]) == (
            429,
            "too-many-requests",
            True,
        )
        assert 1 <= int(late.headers["Retry-After"]) <= 2
