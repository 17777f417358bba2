"""Every change is on record, with who and when."""

from __future__ import annotations

import json

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.server import ApiServer
from paretoscope.contract import AuditEntry
from paretoscope.errors import BadParameters
from paretoscope.settings import Limits
from security.conftest import bearer
from serving import put_worked


def test_a_choice_a_policy_and_a_name_are_on_record_with_who_and_when(
    http: httpx.Client, tokens: dict[str, str], store: Store, worker
) -> None:
    frame_id = put_worked(store)
    loop, boss = bearer(tokens["choose"]), bearer(tokens["admin"])
    http.post(f"/v1/frames/{frame_id}/choice", json={"point": 2, "by": "somebody else"}, headers=loop)
    http.put("/v1/streams/stem/classes/1", json={"name": "Si"}, headers=loop)
    http.put("/v1/streams/stem/policy", json={"deadline_s": 2.0}, headers=boss | {"X-Request-ID": "abc-1"})
    entries = http.get("/v1/audit", headers=boss).json()["entries"]
    assert [(one["who"], one["method"], one["path"], one["status"]) for one in entries] == [
        ("admin-key", "PUT", "/v1/streams/stem/policy", 200),
        ("choose-key", "PUT", "/v1/streams/stem/classes/1", 200),
        ("choose-key", "POST", f"/v1/frames/{frame_id}/choice", 200),
    ]
    policy, _, choice = entries
    assert '"deadline_s"' in policy["asked"]
    assert policy["request_id"] == "abc-1"
    assert "somebody else" in choice["asked"]
    assert choice["peer"] == "127.0.0.1"
    assert entries[0]["at"] > entries[-1]["at"]


def test_what_was_refused_or_only_looked_at_is_no_change(
    http: httpx.Client, tokens: dict[str, str], store: Store
) -> None:
    boss = bearer(tokens["admin"])
    http.get("/v1/streams", headers=boss)
    http.put("/v1/streams/stem/policy", json={"deadline_s": -1.0}, headers=boss)
    http.put("/v1/streams/stem/policy", json={}, headers=bearer(tokens["choose"]))
    http.post("/v1/frames?rows=8&columns=8&dtype=uint8", content=bytes(64), headers=boss)
    http.post("/login", data={"key": tokens["admin"]})
    assert http.get("/v1/audit", headers=boss).json()["entries"] == []


def test_without_keys_changes_are_on_record_as_local(store: Store) -> None:
    with ApiServer(create_app(store)) as api:
        httpx.put(f"{api.url}/v1/streams/stem/policy", json={"deadline_s": 2.0}, trust_env=False)
        (entry,) = httpx.get(f"{api.url}/v1/audit", trust_env=False).json()["entries"]
    assert (entry["who"], entry["key_id"]) == ("local", None)


def test_the_record_is_read_page_by_page_and_bounded(store: Store) -> None:
    with Store.open(store.url, Limits(audit=200)) as small:
        for number in range(1000):
            small.append_audit(
                AuditEntry(at="2026-11-21T09:30:00Z", who="w", method="PUT", path=f"/{number}", status=200)
            )
        newest = small.audit(2)
        older = small.audit(2, before=newest[-1][0])
        assert [entry.path for _, entry in [*newest, *older]] == ["/999", "/998", "/997", "/996"]
        assert len(small.audit(1000)) <= 400  # trimmed by whole nodes of the stream
        with pytest.raises(BadParameters, match="bad-audit-id"):
            small.audit(2, before="yesterday")


def test_a_long_body_is_kept_in_part(http: httpx.Client, tokens: dict[str, str]) -> None:
    boss = bearer(tokens["admin"])
    long = {"lattice": None, "seed": 1} | {"rewards": ["qc", "er"]}
    content = (" " * 5000) + json.dumps(long)
    headers = boss | {"Content-Type": "application/json"}
    assert http.put("/v1/streams/stem/policy", content=content, headers=headers).status_code == 200
    (entry,) = http.get("/v1/audit", headers=boss).json()["entries"]
    assert len(entry["asked"]) == 2048


def test_the_record_outlives_the_api(store: Store) -> None:
    for _ in range(2):
        with ApiServer(create_app(store, ApiSettings())) as api:
            httpx.put(f"{api.url}/v1/streams/stem/policy", json={}, trust_env=False)
    assert len(store.audit()) == 2
