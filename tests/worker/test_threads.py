"""How many threads a worker's numerics may use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoscope.adapters.threads import VARIABLES, compute_threads, thread_environment


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
