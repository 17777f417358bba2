"""The Tango device on the real PyTango, in a device server of its own, in front of a running API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

tango = pytest.importorskip("tango", reason="pip install 'paretoscope[tango]'")

from tango.test_context import DeviceTestContext  # noqa: E402

from paretoscope.adapters.store import Store  # noqa: E402
from paretoscope.api.server import ApiServer  # noqa: E402
from paretoscope_client.tango_device import ParetoscopeDevice  # noqa: E402
from serving import SIDE, SmallWorker, api, put_worked, server, store, worker  # noqa: E402, F401


def device_for(url: str, **properties: Any) -> DeviceTestContext:
    given = {"url": url, "stream": "stem"} | properties
    return DeviceTestContext(ParetoscopeDevice, properties=given, process=True)


@pytest.fixture
def device(api: ApiServer) -> Iterator[Any]:  # noqa: F811
    with device_for(api.url, allow=["simulated"]) as proxy:
        yield proxy


def until(holds: Callable[[], bool], within_s: float = 15.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_the_newest_result_stands_in_the_attributes(device: Any, store: Store) -> None:  # noqa: F811
    assert device.state() == tango.DevState.INIT
    frame_id = put_worked(store)
    assert until(lambda: device.state() == tango.DevState.ON)
    assert (device.frame_id, device.atoms, device.er, device.qc) == (frame_id, 60, 0.12, 0.06)
    assert device.fit
    assert not device.reasons
    assert 0 <= device.age_s < 15.0
    assert "fit for control" in device.status()
    put_worked(store, 1)
    assert until(lambda: device.frame_id == "stem-e1-000001")


def test_targets_are_rows_of_x_and_y_fractions(device: Any, store: Store) -> None:  # noqa: F811
    put_worked(store)
    assert until(lambda: device.state() == tango.DevState.ON)
    rows = device.targets
    assert rows.shape == (60, 2)
    expected = {round((6.5 + 12 * k) / SIDE, 6) for k in range(8)}
    assert {round(value, 6) for value in np.unique(rows).tolist()} == expected


def test_an_unfit_result_is_an_alarm_and_gives_no_targets(api: ApiServer, store: Store) -> None:  # noqa: F811
    put_worked(store)
    with device_for(api.url) as device:
        assert until(lambda: device.state() == tango.DevState.ALARM)
        assert "not fit for control: simulated" in device.status()
        assert (device.fit, list(device.reasons)) == (False, ["simulated"])
        with pytest.raises(tango.DevFailed) as refused:
            _ = device.targets
        assert refused.value.args[0].reason == "unfit-result"


def test_a_pick_is_taken_and_its_refusal_keeps_code_and_hint(
    device: Any,
    store: Store,  # noqa: F811
    worker: SmallWorker,  # noqa: F811
) -> None:
    put_worked(store)
    assert until(lambda: device.state() == tango.DevState.ON)
    assert device.pick(1.0)
    assert (device.atoms, device.er) == (38, 0.0)
    with pytest.raises(tango.DevFailed) as refused:
        device.pick(7.0)
    assert "weight" in refused.value.args[0].desc


def test_change_events_come_with_each_result(device: Any, store: Store) -> None:  # noqa: F811
    heard: list[Any] = []
    device.subscribe_event("atoms", tango.EventType.CHANGE_EVENT, heard.append, stateless=True)
    put_worked(store)
    assert until(lambda: any(one.attr_value is not None and one.attr_value.value == 60 for one in heard))


def test_a_service_that_is_away_is_a_fault() -> None:
    with device_for("http://127.0.0.1:9") as device:
        assert until(lambda: device.state() == tango.DevState.FAULT)
        assert "cannot be reached" in device.status()
        with pytest.raises(tango.DevFailed) as refused:
            _ = device.er
        assert refused.value.args[0].reason == "no-result"
