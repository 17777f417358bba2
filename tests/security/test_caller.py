"""Who asks is told to whoever asks: what a page shows of its key."""

from __future__ import annotations

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.api import create_app
from paretoscope.api.scopes import LISTED, needed
from paretoscope.api.server import ApiServer
from security.conftest import bearer


@pytest.mark.parametrize("scope", ["read", "choose", "admin"])
def test_a_key_is_told_what_it_does_not_open(http: httpx.Client, tokens: dict[str, str], scope: str):
    told = http.get("/v1/caller", headers=bearer(tokens[scope])).json()
    assert (told["name"], told["scope"], told["keyed"]) == (f"{scope}-key", scope, True)
    for method, template in LISTED:
        address = template.format(frame_id="none", stream="none", class_id=1, name="none")
        answer = http.request(method, address, headers=bearer(tokens[scope]), json={})
        said = told["refused"].get(f"{method} {template}")
        assert (answer.status_code == 403) == (said is not None), (method, template)
        assert said in (None, needed(method, template))


def test_without_keys_everything_is_open(store: Store):
    with ApiServer(create_app(store)) as server:
        told = httpx.get(f"{server.url}/v1/caller", trust_env=False).json()
    assert told == {"name": "local", "scope": "admin", "keyed": False, "refused": {}}
