"""A stream's policy."""

from __future__ import annotations

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.contract import LatticeSpec, StreamPolicy
from serving import put


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


def test_a_cell_as_text_is_kept_as_a_cell(http: httpx.Client, store: Store):
    text = "a=0.3905, gamma=90, basis=0:0:Sr; 1/2:1/2:Ti"
    assert http.put("/v1/streams/stem/policy", json={"lattice": text}).status_code == 200
    kept = store.policy("stem").lattice
    assert isinstance(kept, LatticeSpec)
    assert (kept.a_nm, kept.b_nm, kept.gamma_deg) == (0.3905, 0.3905, 90.0)
    assert [(site.x, site.y, site.species) for site in kept.basis] == [(0.0, 0.0, "Sr"), (0.5, 0.5, "Ti")]


BAD = {
    "misspelt": ({"latice": "SrTiO3"}, "unknown-field", "lattice"),
    "misspelt inside": ({"windows": {"size": 3}}, "unknown-field", "windows.size_px"),
    "out of range": ({"deadline_s": -1}, "bad-policy", "deadline_s"),
    "no known optimiser": ({"optimiser": "magic"}, "bad-policy", "optimiser"),
    "no known lattice": ({"lattice": "SrTiO4"}, "unknown-lattice", "SrTiO3"),
    "a cell that is no number": ({"lattice": "a=zz,b=0.39"}, "bad-lattice", "a is 'zz'"),
    "a cell without a": ({"lattice": "b=0.39"}, "bad-lattice", "no a"),
    "a flat cell as text": ({"lattice": "a=0.39,gamma=190"}, "bad-lattice", "10 to 170"),
    "a cell of one sign": ({"lattice": "="}, "bad-lattice", "key=value"),
    "a cell in angstrom": ({"lattice": {"a_nm": 390.5, "b_nm": 390.5, "gamma_deg": 90}}, "bad-lattice", "nm"),
    "columns that coincide": ({"lattice": "a=0.4,basis=0:0;1:1"}, "bad-lattice", "apart"),
    "a negative cell": (
        {"lattice": {"a_nm": -1, "b_nm": 1, "gamma_deg": 90}},
        "bad-policy",
        "lattice.a_nm: ",
    ),
    "half a cell": ({"lattice": {"a_nm": 1, "b_nm": 1}}, "bad-policy", "lattice.gamma_deg: Field required"),
    "a lattice that is a number": ({"lattice": 5}, "bad-policy", "lattice: "),
    "no known criterion": ({"segment": {"classes": "aic"}}, "bad-policy", "'bic'"),
    "no known reward": ({"rewards": ["qc", "beauty"]}, "unknown-reward", "known: qc, er"),
    "one reward twice": ({"rewards": ["qc", "qc"]}, "repeated-reward", "twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_policy_is_refused_and_named(http: httpx.Client, store: Store, name: str):
    body, code, told = BAD[name]
    answer = http.put("/v1/streams/stem/policy", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert told in answer.json()["hint"]
    assert store.policy("stem") == StreamPolicy()


def test_drops_are_seen_by_stream_and_by_metric_with_their_reason(http: httpx.Client, store: Store):
    http.put("/v1/streams/stem/policy", json={"drop": "newest", "keep_newest": 2})
    for sequence in range(4):
        put(store, sequence)
    assert store.claim_frame("w") is not None
    tally = http.get("/v1/streams/stem/tally").json()
    assert tally["dropped_by_reason"] == {"newer-frame": 2}
    assert 'paretoscope_drops_total{reason="newer-frame"} 2.0' in http.get("/metrics").text
