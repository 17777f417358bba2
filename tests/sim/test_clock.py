"""The instrument's time, as measured."""

from __future__ import annotations

import pytest

from paretoscope_sim.clock import Clock, exposure_s, frame_time_s


def test_a_512_frame_at_32_us_takes_9_2_s():
    assert frame_time_s((512, 512), 32.0) == pytest.approx(9.2, abs=0.05)


@pytest.mark.parametrize(
    ("side", "dwell_us", "measured_s"), [(512, 10.0, 3.468), (512, 5.0, 2.100), (1024, 5.0, 6.665)]
)
def test_frame_times_agree_with_the_public_logs(side, dwell_us, measured_s):
    assert frame_time_s((side, side), dwell_us) == pytest.approx(measured_s, abs=0.05)


def test_what_is_not_exposure_is_set_up_and_flyback():
    assert frame_time_s((512, 512), 32.0) - exposure_s((512, 512), 32.0) == pytest.approx(0.814, abs=0.001)


def test_speed_shortens_every_wait():
    slept: list[float] = []
    clock = Clock(speed=10.0, sleep=slept.append)
    clock.frame((512, 512), 32.0)
    clock.connect()
    assert slept == pytest.approx([0.9203, 0.004], abs=1e-3)


def test_infinite_speed_never_sleeps():
    slept: list[float] = []
    Clock(speed=float("inf"), sleep=slept.append).frame((512, 512), 32.0)
    assert slept == []


def test_a_speed_of_nothing_is_refused():
    with pytest.raises(ValueError, match="speed"):
        Clock(speed=0.0)
