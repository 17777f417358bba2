"""Who asks is told to whoever asks: what a page shows of its key."""

from __future__ import annotations

import httpx
import pytest

from paretoscope.adapters.api_keys import KeyFile
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


def test_a_cookie_that_is_not_known_any_more_is_taken_from_the_browser(
    http: httpx.Client, keys: KeyFile, tokens: dict[str, str]
):
    """Or a page, which asks for much at once, would use up its owner's tries at the form."""
    http.post("/login", data={"key": tokens["read"]})
    assert http.get("/v1/streams").status_code == 200
    keys.revoke("read-key")
    assert http.get("/v1/streams").status_code == 401
    assert not http.cookies
    for _ in range(50):
        assert http.get("/v1/streams").status_code == 401
    assert http.post("/login", data={"key": tokens["choose"]}).headers["location"] == "/"


def test_the_forms_of_our_own_pages_are_not_a_strangers(http: httpx.Client, tokens: dict[str, str]):
    """A page without a referrer sends its forms as of origin null, which no browser could log in with."""
    http.post("/login", data={"key": tokens["read"]})
    for page in ("/login", "/"):
        assert http.get(page).headers["referrer-policy"] == "same-origin"
    assert http.post("/login", data={"key": "x"}, headers={"Origin": "null"}).status_code == 403
