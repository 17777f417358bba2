"""Nobody is let in without a key, with a wrong one, or beyond its scope."""

from __future__ import annotations

import hmac
import re
import secrets
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from paretoscope.adapters import api_keys
from paretoscope.adapters.api_keys import SCOPES, KeyFile, KeyRing, check_reach, holds, page_secret
from paretoscope.adapters.store import Store
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.scopes import LISTED, OPEN, SAFE, needed
from paretoscope.api.server import ApiServer
from paretoscope.errors import BadParameters, KeyNeeded, NotAllowed, NotFound
from paretoscope_client import Client
from security.conftest import bearer
from serving import put_worked

STAND_INS = {"frame_id": "stem-e1-000000", "stream": "stem", "class_id": "0", "choice_id": "c"}


def operations(document: dict) -> list[tuple[str, str, str]]:
    """(METHOD, template, an address that fits it) of everything in an OpenAPI document."""
    found = []
    for template, methods in document["paths"].items():
        filled = re.sub(r"\{(\w+)\}", lambda part: STAND_INS.get(part[1], "1"), template)
        found += [(method.upper(), template, filled) for method in methods]
    return found


@pytest.fixture
def every(http: httpx.Client, tokens: dict[str, str]) -> list[tuple[str, str, str]]:
    found = operations(http.get("/openapi.json", headers=bearer(tokens["read"])).json())
    assert len(found) >= 20
    return found


def test_no_route_is_open_without_a_key_but_the_stated_ones(http: httpx.Client, every) -> None:
    pages = [("GET", path, path) for path in ("/", "/docs", "/openapi.json", "/static/style.css", "/nothing")]
    for method, template, address in [*every, *pages]:
        answer = http.request(method, address)
        if (method, template) in OPEN:
            assert answer.status_code == 200, address
        else:
            assert (answer.status_code, answer.json()["code"]) == (401, "key-needed"), (method, address)
            assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert {one for one in OPEN if one[1] not in ("/login", "/logout")} == {("GET", "/healthz")}


def test_a_wrong_key_opens_no_route(every, store: Store, keys: KeyFile) -> None:
    made = secrets.token_urlsafe(32)
    for number, (method, template, address) in enumerate(every):
        if (method, template) in OPEN:
            continue
        # A new API for every few, or the pace of wrong keys would answer instead.
        if number % 10 == 0:
            app = create_app(store, ApiSettings(keys=keys.file))
        with httpx.Client(transport=_Direct(app), base_url="http://127.0.0.1") as http:
            answer = http.request(method, address, headers=bearer(f"ps_{'0' * 12}_{made}"))
        assert (answer.status_code, answer.json()["code"]) == (401, "key-needed"), (method, address)


class _Direct(httpx.BaseTransport):
    """Asks an application without a socket."""

    def __init__(self, app) -> None:
        import asyncio

        self._run = asyncio.run
        self._transport = httpx.ASGITransport(app=app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            answer = await self._transport.handle_async_request(request)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return self._run(ask())


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Basic {token}", "{token}", "Bearer {token}x", "Bearer {half}", "bearer\t{token}"],
)
def test_what_is_nearly_a_key_is_none(http: httpx.Client, tokens: dict[str, str], header: str) -> None:
    token = tokens["admin"]
    told = header.format(token=token, half=token[:30])
    assert http.get("/v1/streams", headers={"Authorization": told}).status_code == 401


def test_every_route_asks_for_its_scope_and_refuses_a_smaller_one(
    http: httpx.Client, every, tokens: dict[str, str]
) -> None:
    tried = 0
    for method, template, address in every:
        if (method, template) in OPEN:
            continue
        asked = needed(method, template)
        for scope in SCOPES:
            if not holds(scope, asked):
                answer = http.request(method, address, headers=bearer(tokens[scope]))
                assert (answer.status_code, answer.json()["code"]) == (403, "missing-scope"), (
                    method,
                    address,
                )
                tried += 1
    assert tried >= 4


def test_every_route_that_changes_something_has_its_scope_listed(every) -> None:
    changing = {(method, template) for method, template, _ in every if method not in SAFE}
    assert changing - set(LISTED) == set(), "name their scope in api/scopes.py"
    routes = {(method, template) for method, template, _ in every}
    assert set(LISTED) <= routes, "listed, and no such route"


def test_the_description_tells_each_routes_scope(http: httpx.Client, tokens: dict[str, str]) -> None:
    document = http.get("/openapi.json", headers=bearer(tokens["read"])).json()
    for method, template, _ in operations(document):
        told = document["paths"][template][method.lower()]
        if (method, template) in OPEN:
            assert "security" not in told
        else:
            assert (told["security"], told["x-scope"]) == ([{"key": []}], needed(method, template))


def test_each_scope_does_its_work(http: httpx.Client, tokens: dict[str, str], store: Store, worker) -> None:
    frame_id = put_worked(store)
    assert http.get(f"/v1/frames/{frame_id}", headers=bearer(tokens["read"])).status_code == 200
    picked = http.post(f"/v1/frames/{frame_id}/choice", json={"point": 2}, headers=bearer(tokens["choose"]))
    assert picked.status_code == 200
    policy = http.put("/v1/streams/stem/policy", json={"deadline_s": 2.0}, headers=bearer(tokens["admin"]))
    assert policy.status_code == 200


def test_a_revoked_key_is_refused_at_its_next_request(
    http: httpx.Client, tokens: dict[str, str], keys: KeyFile
) -> None:
    assert http.get("/v1/streams", headers=bearer(tokens["read"])).status_code == 200
    keys.revoke("read-key")
    assert http.get("/v1/streams", headers=bearer(tokens["read"])).status_code == 401
    _, fresh = keys.make("read-key", "read")
    assert http.get("/v1/streams", headers=bearer(fresh)).status_code == 200


def test_a_revoked_listener_hears_nothing_more(
    http: httpx.Client, tokens: dict[str, str], keys: KeyFile, store: Store
) -> None:
    with http.stream("GET", "/v1/events?after=0", headers=bearer(tokens["read"])) as events:
        lines = events.iter_lines()
        assert "listening" in next(lines)
        keys.revoke("read-key")
        put_worked(store)
        heard = []
        with suppress(httpx.RemoteProtocolError):  # the connection is cut, not ended
            heard.extend(lines)
        assert not any(line.startswith("event:") for line in heard)


def test_the_door_stays_shut_when_the_last_key_is_revoked_or_the_file_is_lost(
    http: httpx.Client, tokens: dict[str, str], keys: KeyFile
) -> None:
    for scope in SCOPES:
        keys.revoke(f"{scope}-key")
    assert http.get("/v1/streams").status_code == 401
    keys.file.unlink()
    assert http.get("/v1/streams").status_code == 401


def test_a_file_that_cannot_be_read_lets_nobody_in(
    http: httpx.Client, tokens: dict[str, str], keys: KeyFile
) -> None:
    keys.file.write_text('{"keys": ')
    assert http.get("/v1/streams", headers=bearer(tokens["admin"])).status_code == 401


def test_a_file_that_others_may_read_is_refused(keys: KeyFile) -> None:
    keys.make("laptop", "read")
    keys.file.chmod(0o640)
    with pytest.raises(BadParameters, match="chmod 600"):
        check_reach("127.0.0.1", keys.file)
    with pytest.raises(BadParameters, match="chmod 600"):
        keys.keys()


def test_the_file_holds_neither_token_nor_cookie_and_only_its_owner_may_read_it(keys: KeyFile) -> None:
    _, token = keys.make("laptop", "choose")
    told = keys.file.read_text()
    assert token not in told
    assert token.rpartition("_")[2] not in told
    assert page_secret(token) not in told
    assert page_secret(token).rpartition(".")[2] not in told
    for made in keys.file.parent.iterdir():
        assert made.stat().st_mode & 0o077 == 0, made
    assert keys.file.parent.stat().st_mode & 0o077 == 0


def test_beyond_loopback_a_missing_file_keeps_everybody_out(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="paretoscope keys make"):
        check_reach("0.0.0.0", tmp_path / "none.json")
    check_reach("127.0.0.1", tmp_path / "none.json")
    settings = ApiSettings(keys=tmp_path / "none.json", keys_required=True)
    with ApiServer(create_app(store, settings)) as api:
        assert httpx.get(f"{api.url}/v1/streams", trust_env=False).status_code == 401


def test_a_name_is_taken_once_and_an_unknown_one_cannot_be_revoked(keys: KeyFile) -> None:
    keys.make("laptop", "read")
    with pytest.raises(BadParameters, match="key-exists"):
        keys.make("laptop", "admin")
    with pytest.raises(BadParameters, match="bad-name"):
        keys.make("../laptop", "read")
    with pytest.raises(NotFound, match="Known: laptop"):
        keys.revoke("tablet")
    assert keys.revoke(keys.keys()[0].key_id).name == "laptop"


def test_a_ring_without_a_file_asks_nobody(tmp_path: Path) -> None:
    assert not KeyRing(tmp_path / "none.json").on
    assert not KeyRing(None).on
    assert KeyRing(None, required=True).on


def test_the_python_client_carries_its_key(
    guarded: ApiServer, tokens: dict[str, str], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame_id = put_worked(store)
    with Client(guarded.url) as stranger, pytest.raises(KeyNeeded):
        stranger.frame(frame_id)
    with Client(guarded.url, key=tokens["read"]) as reader:
        assert reader.frame(frame_id).frame_id == frame_id
        with pytest.raises(NotAllowed, match="choose"):
            reader.choose(frame_id, point=1)
        assert tokens["read"] not in repr(reader.__dict__)
    monkeypatch.setenv("PARETOSCOPE_KEY", tokens["read"])
    with Client(guarded.url) as reader:
        assert reader.frame(frame_id).frame_id == frame_id


def test_a_key_is_never_logged(
    http: httpx.Client, tokens: dict[str, str], keys: KeyFile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    wrong = f"ps_{'1' * 12}_{secrets.token_urlsafe(32)}"
    http.get("/v1/streams", headers=bearer(tokens["read"]))
    http.get("/v1/streams", headers=bearer(wrong))
    http.post("/v1/frames", headers=bearer(tokens["read"]))
    http.post("/login", data={"key": wrong})
    keys.revoke("read-key")
    http.get("/v1/streams", headers=bearer(tokens["read"]))
    assert "a wrong key came from 127.0.0.1" in caplog.text
    for secret in (tokens["read"], wrong):
        assert secret.rpartition("_")[2] not in caplog.text


def test_one_peer_may_not_try_keys_for_ever(http: httpx.Client, tokens: dict[str, str]) -> None:
    codes = {http.get("/v1/streams", headers=bearer("x" * 40)).status_code for _ in range(30)}
    assert codes == {401, 429}
    late = http.get("/v1/streams", headers=bearer("x" * 40))
    assert (late.status_code, late.json()["code"]) == (429, "too-many-wrong-keys")
    assert int(late.headers["Retry-After"]) >= 1


def test_strangers_cannot_shut_out_an_owner_who_shares_their_address(
    http: httpx.Client, tokens: dict[str, str]
) -> None:
    """All callers behind one proxy have its address."""
    while http.get("/v1/streams", headers=bearer("x" * 40)).status_code != 429:
        pass
    assert http.get("/v1/streams", headers=bearer(tokens["read"])).status_code == 200
    assert http.get("/v1/streams").status_code == 401


def test_guesses_at_one_key_are_paced_whether_token_or_cookie(
    http: httpx.Client, tokens: dict[str, str]
) -> None:
    guess, cookie = tokens["read"][:-4] + "AAAA", page_secret(tokens["choose"])[:-4] + "0000"
    for headers, right in (
        (bearer(guess), bearer(tokens["read"])),
        ({"Cookie": f"paretoscope-{http.base_url.port}={cookie}"}, bearer(tokens["choose"])),
    ):
        codes = [http.get("/v1/streams", headers=headers).status_code for _ in range(25)]
        assert codes[:20] == [401] * 20
        assert codes[-1] == 429
        late = http.get("/v1/streams", headers=right)
        assert late.status_code == 429, "a right guess is not told from a wrong one by then"
    assert http.get("/v1/streams", headers=bearer(tokens["admin"])).status_code == 200


def test_secrets_are_compared_in_constant_time(
    keys: KeyFile, tokens: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(api_keys, "hmac", SimpleNamespace(compare_digest=compare, new=hmac.new))
    ring, token = KeyRing(keys.file), tokens["read"]
    assert ring.owner(token[:-1] + "x") is None
    assert ring.page_owner(page_secret(token)[:-1] + "x") is None
    assert ring.owner(token) is not None
    assert len(compared) == 3
    assert all(len(one) == len(other) == 64 for one, other in compared), "digests, whatever was sent"


def test_a_browser_gets_in_by_the_form_and_out_again(http: httpx.Client, tokens: dict[str, str]) -> None:
    led = http.get("/", headers={"Accept": "text/html"})
    assert (led.status_code, led.headers["location"]) == (303, "/login")
    page = http.get("/login")
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    wrong = http.post("/login", data={"key": "ps_none"})
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
    right = http.post("/login", data={"key": f" {tokens['choose']} "})
    assert (right.status_code, right.headers["location"]) == (303, "/")
    cookie = right.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert tokens["choose"] not in cookie
    assert http.get("/v1/streams").status_code == 200  # httpx keeps the cookie, as a browser does
    assert http.put("/v1/streams/stem/policy", json={}).status_code == 403
    assert http.post("/v1/streams", headers=bearer("wrong")).status_code == 401
    http.post("/logout")
    assert http.get("/v1/streams").status_code == 401


def test_a_cookie_is_no_key_and_a_key_is_no_cookie(http: httpx.Client, tokens: dict[str, str]) -> None:
    port = http.base_url.port
    assert http.get("/v1/streams", headers=bearer(page_secret(tokens["read"]))).status_code == 401
    for value in (tokens["read"], page_secret(tokens["read"])[:-1] + "x", "", '"'):
        cookie = {"Cookie": f"paretoscope-{port}={value}"}
        assert http.get("/v1/streams", headers=cookie).status_code == 401
    cookie = {"Cookie": f"paretoscope-{port}={page_secret(tokens['read'])}"}
    assert http.get("/v1/streams", headers=cookie).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_host_or_origin_is_refused_even_with_a_key(
    http: httpx.Client, tokens: dict[str, str], method: str
) -> None:
    for headers, code in (
        ({"Host": "evil.example"}, "wrong-host"),
        ({"Origin": "http://evil.example"}, "foreign-origin"),
        ({"Origin": "null"}, "foreign-origin"),
        ({"Origin": "http://["}, "foreign-origin"),
        ({"Origin": f"http://evil.example/{http.base_url.netloc.decode()}"}, "foreign-origin"),
        ({"Origin": f"file://{http.base_url.netloc.decode()}"}, "foreign-origin"),
        ({"Host": f"evil.example@{http.base_url.netloc.decode()}"}, "wrong-host"),
        ({"Host": "127.0.0.1/evil.example"}, "wrong-host"),
    ):
        answer = http.request(method, "/v1/streams", headers=headers | bearer(tokens["admin"]))
        assert answer.json()["code"] == code
        assert "access-control-allow-origin" not in answer.headers
