"""Everybody who does not belong, at every door: unknown keys, small scopes, foreign hosts and pages.

HTTP     every route x no key, keys that are nearly right, right keys in wrong places, revoked ones
         every route x every smaller scope
         every route x foreign Host, foreign Origin, cross-site requests, all with the admin's own key
         guesses at one key, by header and by the login form: how many are looked at
frames   a real bridge behind CURVE: no key, keys of one's own making, revoked, another server's, PLAIN

Beside each refusal the same door is tried by somebody who belongs, who must get in.
"""

from __future__ import annotations

import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import zmq
import zmq.auth

from chaos._served import Served
from chaos.outcome import Outcome, Say, Size, at_least, exactly, stopwatch, told
from paretoscope.adapters.api_keys import SCOPES, holds, page_secret
from paretoscope.api import ApiSettings, create_app, scopes
from paretoscope.api.guard import WRONG_BURST, WRONG_PER_S
from paretoscope.api.server import ApiServer
from paretoscope.bridge.security import make_keys, revoke

from bridge.running import Listening, frame, running_bridge  # isort: skip  (tests/, put on the path by _served)

HTTP = 20_000
FRAMES = 2_000
GUESSES = 1_000
AT_ONCE = 50
ANSWER_S = 1.0
REFUSED = {400, 401, 403, 421}
PAGES = ("/", "/docs", "/openapi.json", "/static/style.css", "/static/js/main.js", "/nothing")
BODIES = {
    "policy": {"deadline_s": 2.0},
    "choice": {"point": 0},
    "class_id": {"name": "stranger"},
    "instruments": {"state": "running"},
}


@dataclass
class Door:
    method: str
    template: str
    path: str
    body: dict[str, Any] | None

    @property
    def open(self) -> bool:
        return scopes.is_open(self.method, self.template)


@dataclass
class Tried:
    count: Counter[str] = field(default_factory=Counter)
    accepted: list[str] = field(default_factory=list)
    shut_out: list[str] = field(default_factory=list)
    """Who belongs, and was refused."""


def doors(served: Served) -> list[Door]:
    paths = httpx.get(f"{served.url}/openapi.json", headers=served.bearer("read")).json()["paths"]
    fill = {
        "frame_id": served.frames[0],
        "stream": "stem",
        "class_id": "0",
        "choice_id": "c",
        "name": "simulator",
    }
    found = [Door("GET", page, page, None) for page in PAGES]
    for template, methods in paths.items():
        path = re.sub(r"\{(\w+)\}", lambda part: fill[part[1]], template)
        body = next((body for word, body in BODIES.items() if word in template), {})
        found += [
            Door(method.upper(), template, path, None if method == "get" else body) for method in methods
        ]
    return found


def wrong_keys(served: Served, chance: random.Random, port: int, revoked: str) -> list[dict[str, str]]:
    """Headers that bring no key that is known."""
    right = served.tokens["admin"]
    cookie = page_secret(right)
    at = chance.randrange(16, len(right))
    flipped = right[:at] + ("A" if right[at] != "A" else "B") + right[at + 1 :]
    bad_cookie = cookie[:at] + ("0" if cookie[at] != "0" else "1") + cookie[at + 1 :]
    made = f"ps_{chance.randbytes(6).hex()}_{chance.randbytes(32).hex()[:43]}"
    bearer = [
        flipped, made, right[:-1], right + "A", right[:16], right[3:], right.upper(), f"{right} {right}", "",
        cookie, revoked, f"ps_{right[3:15]}_{made[16:]}", "null", "undefined", "*", "ps_", "\xff" * 59,
    ]  # fmt: skip
    brought = [{"Authorization": f"Bearer {one}"} for one in bearer]
    brought += [
        {"Authorization": one} for one in (right, f"Basic {right}", f"Token {right}", f"Bearer\t{right}")
    ]
    name = f"paretoscope-{port}"
    brought += [
        {"Cookie": f"{name}={one}"} for one in (bad_cookie, right, cookie[:-1], page_secret(revoked), '"')
    ]
    brought += [{"Cookie": f"{place}={cookie}"} for place in ("paretoscope", f"{name}0", "session")]
    brought += [{"X-API-Key": right}, {"X-Forwarded-User": "admin"}, {"X-Forwarded-For": "127.0.0.1"}, {}]
    # A wrong key is not mended by a right cookie beside it.
    return [*brought, {"Authorization": f"Bearer {flipped}", "Cookie": f"{name}={cookie}"}]


def foreign(port: int) -> Iterator[dict[str, str]]:
    """Headers of pages and names that are not ours."""
    for host in (
        "evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", f"localhost.evil:{port}",
        f"evil@127.0.0.1:{port}", f"127.0.0.1:{port}@evil.example", "[::2]", "2130706433", "0x7f000001",
        "127.1", "127.0.0.2",
        "0.0.0.0", "localhost.", f"localhost:{port}/evil", "127.0.0.1:port", "local\thost",
    ):  # fmt: skip
        yield {"Host": host}
    for origin in (
        "http://evil.example", f"http://evil.example:{port}", "null", "http://127.0.0.1:1", "",
        f"http://127.0.0.1:{port}.evil.example", f"http://evil.example/127.0.0.1:{port}",
        f"file://127.0.0.1:{port}",
        f"http://127.0.0.1:{port}@evil.example", f"http://evil@127.0.0.1:{port}", "http://[", "http://",
        f"http://localhost:{port}", "chrome-extension://abcdefgh", f"127.0.0.1:{port}", f"//127.0.0.1:{port}",
    ):  # fmt: skip
        yield {"Origin": origin}


class Asker:
    """Sends headers as they are: a client that is careful with them would hide what is tried here."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = HTTPConnection("127.0.0.1", port, timeout=30.0)

    def __call__(self, door: Door, headers: dict[str, str], query: str = "") -> int:
        body = b"" if door.body is None else json.dumps(door.body).encode()
        told = {"Host": f"127.0.0.1:{self.port}", "Content-Type": "application/json"} | headers
        link = self._connection
        link.putrequest(door.method, door.path + query, skip_host=True, skip_accept_encoding=True)
        for name, value in (told | {"Content-Length": str(len(body))}).items():
            link.putheader(name, value.encode("latin-1"))
        link.endheaders(body)
        answer = link.getresponse()
        assert answer.getheader("Access-Control-Allow-Origin") is None
        if door.path.startswith("/v1/events") and answer.status == 200:
            link.close()  # it would never end
        else:
            answer.read()
        return answer.status

    def close(self) -> None:
        self._connection.close()


def over_http(served: Served, wanted: int, seed: int) -> tuple[Tried, int]:
    """How it went, and how many changes there were that nobody was allowed to make."""
    tried, chance = Tried(), random.Random(seed)
    _, gone = served.keys.make("gone", "admin")
    served.keys.revoke("gone")
    found = doors(served)
    entries = len(served.store.audit(1000))
    with closing(Asker(httpx.URL(served.url).port or 0)) as ask:
        port, right, boss = ask.port, served.tokens["admin"], served.bearer("admin")

        def judge(what: str, door: Door, headers: dict[str, str], query: str = "") -> None:
            status = ask(door, headers, query)
            tried.count[what] += 1
            if status not in REFUSED:
                tried.accepted.append(f"{what}: {door.method} {door.path} {headers} {status}")

        while tried.count.total() < wanted:
            for door in found:
                if not door.open:
                    for headers in wrong_keys(served, chance, port, gone):
                        judge("wrong key", door, headers)
                    judge("wrong key", door, {}, f"?key={right}&access_token={right}&api_key={right}")
                    for scope in SCOPES:
                        if not holds(scope, scopes.needed(door.method, door.template)):
                            judge("missing scope", door, served.bearer(scope))
                for headers in foreign(port):
                    judge(f"foreign {next(iter(headers))}", door, headers | boss)
                if door.method not in scopes.SAFE:
                    for site in ("cross-site", "same-site"):
                        judge("foreign Origin", door, {"Sec-Fetch-Site": site} | boss)
        changed = len(served.store.audit(1000)) - entries
        for door in found:
            for scope in SCOPES:
                if holds(scope, scopes.needed(door.method, door.template)):
                    status = ask(door, served.bearer(scope) | {"Origin": served.url})
                    if status in REFUSED:
                        tried.shut_out.append(f"{scope}: {door.method} {door.path} {status}")
    return tried, changed


def guessing(served: Served, guesses: int) -> list[tuple[str, int, float]]:
    """Guess at the admin's key; (how, how many were looked at, how many may have been)."""
    settings = ApiSettings(keys=served.keys.file, requests_per_s=1e6)
    right = served.tokens["admin"]
    looked = []
    with ApiServer(create_app(served.store, settings)) as api, httpx.Client(base_url=api.url) as http:
        cookie = f"paretoscope-{api.port}={page_secret(right)[:-4]}"

        def by_header(number: int) -> int:
            headers = {"Authorization": f"Bearer {right[:-4]}{number:04d}"}
            return http.get("/v1/streams", headers=headers).status_code

        def by_cookie(number: int) -> int:
            return http.get("/v1/streams", headers={"Cookie": f"{cookie}{number:04d}"}).status_code

        def by_form(number: int) -> int:
            return http.post("/login", data={"key": f"{right[:-4]}{number:04d}"}).status_code

        for how in (by_header, by_cookie, by_form):
            elapsed = stopwatch()
            codes = Counter(how(number) for number in range(guesses))
            may = WRONG_BURST + WRONG_PER_S * elapsed() + 1.0
            looked.append((how.__name__.replace("_", " "), guesses - codes[429], may))
    return looked


def over_curve(served: Served, wanted: int) -> Tried:
    """Strangers at a bridge behind CURVE, in crowds, and a sender on its list in every crowd."""
    tried = Tried()
    with tempfile.TemporaryDirectory(prefix="ps-chaos-") as name:
        keys = Path(name) / "keys"
        (own,) = make_keys(keys, "spectra")
        (gone,) = make_keys(keys, "gone")
        lost = gone.with_name("lost.key_secret")
        lost.write_bytes(gone.read_bytes())
        revoke(keys, "gone")
        secret = zmq.auth.load_certificate(own)
        server = zmq.auth.load_certificate(keys / "bridge.key")[0]
        with running_bridge(served.store, Listening("tcp://*:0", keys)) as bridge:
            address = f"tcp://127.0.0.1:{bridge.address.rpartition(':')[2]}"
            number = 0
            while tried.count.total() < wanted:
                _crowd(tried, address, server, secret, zmq.auth.load_certificate(lost), number)
                number += 1
    strangers = [one.stream for one in served.store.streams() if one.stream.startswith("stranger")]
    tried.accepted += [f"frames of {one} were stored" for one in strangers]
    return tried


def _crowd(tried: Tried, address: str, server: bytes, own: Any, gone: Any, number: int) -> None:
    ways = ("no key", "unlisted key", "revoked key", "wrong server key", "plain password")
    context = zmq.Context()
    try:
        poller, who = zmq.Poller(), {}
        for index in range(AT_ONCE + 1):
            way = ways[index % len(ways)] if index < AT_ONCE else "own"
            peer = context.socket(zmq.DEALER)
            peer.linger = 0
            if way == "plain password":
                peer.plain_username, peer.plain_password = b"admin", b"admin"
            elif way != "no key":
                made = zmq.curve_keypair()
                pair = {"own": own, "revoked key": gone}.get(way, made)
                peer.curve_publickey, peer.curve_secretkey = pair[0], pair[1]
                peer.curve_serverkey = zmq.curve_keypair()[0] if way == "wrong server key" else server
            peer.connect(address)
            stream = "spectra" if way == "own" else f"stranger-{index}"
            peer.send_multipart(frame(number, stream=stream, epoch="e1"))
            poller.register(peer, zmq.POLLIN)
            who[peer] = way
        until, answered = time.monotonic() + ANSWER_S, set()
        # The one who belongs may be slow on a busy machine; strangers are given all the time it takes.
        while time.monotonic() < until or ("own" not in answered and time.monotonic() < until + 20.0):
            for peer, _ in poller.poll(50):
                answered.add(who[peer])
                poller.unregister(peer)
        for way in who.values():
            if way != "own":
                tried.count[way] += 1
        tried.accepted += [f"{way} was answered" for way in answered - {"own"}]
        if "own" not in answered:
            tried.shut_out.append(f"the sender on the list, crowd {number}")
    finally:
        context.destroy(linger=0)


def trial(size: Size, say: Say) -> Outcome:
    seed = random.SystemRandom().randrange(2**31) if size.share else 1
    with Served() as served:
        http, changed = over_http(served, size.times(HTTP, 1), seed)
        say(f"over HTTP {dict(http.count)}, accepted {len(http.accepted)}")
        guesses = guessing(served, size.times(GUESSES, 40))
        say(f"guesses looked at: {guesses}")
        curve = over_curve(served, size.times(FRAMES, 1))
        say(f"over CURVE {dict(curve.count)}, accepted {len(curve.accepted)}")
    for line in [*http.accepted, *http.shut_out, *curve.accepted, *curve.shut_out][:20]:
        say(line)
    kinds = [told(f"tried with {what}", count) for what, count in sorted((http.count + curve.count).items())]
    total = http.count.total() + curve.count.total()
    return Outcome(
        "refusals",
        f"{total:,} attempts to get in by those who do not belong, at every route and at the frame socket",
        [
            at_least("attempts", total, HTTP + FRAMES if size.share >= 1 else 0),
            exactly("accepted", len(http.accepted) + len(curve.accepted)),
            exactly("changes made by them", changed),
            exactly("refused although they belong", len(http.shut_out) + len(curve.shut_out)),
            *kinds,
            *[
                exactly(f"guesses {how} looked at beyond the pace", max(0, round(looked - may)))
                for how, looked, may in guesses
            ],
            *[
                told(f"guesses {how} looked at, of {size.times(GUESSES, 40)}", looked)
                for how, looked, _ in guesses
            ],
        ],
    )
