"""How many threads a worker's numerics may use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoscope.adapters.threads import (
    VARIABLES,
    WORKER_VARIABLE,
    compute_threads,
    standby_environment,
    thread_environment,
)


@given(processes=st.integers(1, 64), cores=st.integers(1, 256))
def test_workers_together_leave_a_core_to_the_bridge_and_the_api(processes: int, cores: int) -> None:
    each = compute_threads(processes, cores)
    assert each >= 1
    assert each * processes <= max(cores - 1, processes)


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert set(thread_environment()) == {*VARIABLES, "OMP_WAIT_POLICY"}
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert thread_environment() == {}


def test_a_standby_loads_with_one_thread_and_its_process_takes_the_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    told = standby_environment(2)
    assert {told[name] for name in VARIABLES} == {"1"}
    assert told[WORKER_VARIABLE] == str(compute_threads(2))
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert standby_environment(2)[WORKER_VARIABLE] == "7"
    assert standby_environment(2)["OMP_NUM_THREADS"] == "1"
