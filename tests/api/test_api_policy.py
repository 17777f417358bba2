"""A stream's policy."""

from __future__ import annotations

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.contract import LatticeSpec, StreamPolicy


def test_a_stream_starts_with_the_defaults(http: httpx.Client):
    assert StreamPolicy.model_validate(http.get("/v1/streams/new/policy").json()) == StreamPolicy()


def test_what_is_set_is_what_the_worker_reads(http: httpx.Client, store: Store):
    cell = {"a_nm": 0.39, "b_nm": 0.39, "gamma_deg": 90, "basis": [{"x": 0, "y": 0, "species": "Sr"}]}
    given = {"lattice": cell, "deadline_s": 2, "optimiser": "sobol", "windows": {"size_px": 256, "step": 0.2}}
    answer = http.put("/v1/streams/stem/policy", json=given)
    assert answer.status_code == 200, answer.text
    policy = store.policy("stem")
    assert isinstance(policy.lattice, LatticeSpec)
    assert (policy.deadline_s, policy.optimiser, policy.windows.size_px) == (2.0, "sobol", 256)
    assert http.get("/v1/streams/stem/policy").json() == answer.json()


BAD = {
    "misspelt": ({"latice": "SrTiO3"}, "unknown-field", "lattice"),
    "misspelt inside": ({"windows": {"size": 3}}, "unknown-field", "windows.size_px"),
    "out of range": ({"deadline_s": -1}, "bad-policy", "deadline_s"),
    "no known optimiser": ({"optimiser": "magic"}, "bad-policy", "optimiser"),
    "no known lattice": ({"lattice": "SrTiO4"}, "unknown-lattice", "SrTiO3"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_policy_is_refused_and_named(http: httpx.Client, store: Store, name: str):
    body, code, told = BAD[name]
    answer = http.put("/v1/streams/stem/policy", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert told in answer.json()["hint"]
    assert store.policy("stem") == StreamPolicy()
