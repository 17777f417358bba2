"""What is asked over HTTP: the head of a request, what is asked in JSON, and the events that come back."""

from __future__ import annotations

import json
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos.targets.target import Fuzz
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import BadInput


def head() -> Fuzz:
    from paretoscope.adapters.api_keys import KeyFile, KeyRing, page_secret
    from paretoscope.adapters.store import Store
    from paretoscope.api import scopes
    from paretoscope.api.doorkeeper import Doorkeeper
    from paretoscope.api.guard import Guard
    from paretoscope.api.metrics import Metrics
    from paretoscope.api.negotiate import NotAcceptable, choose_media
    from paretoscope.api.pace import Pace
    from paretoscope.api.routes.events import EVENT_ID
    from paretoscope.api.summary import same_tag
    from paretoscope.api.tail import order

    folder = tempfile.TemporaryDirectory(prefix="ps-chaos-")
    file = KeyFile(Path(folder.name) / "keys.json")
    _, token = file.make("reader", "read")
    cookie = page_secret(token)
    reached: list[Any] = []
    paces = Pace(1e9, 1e9), Pace(1e9, 1e9)
    metrics = Metrics(Store.open("redis://127.0.0.1:1"))

    async def inside(scope: Any, *_: Any) -> None:
        reached.append(scope)

    guard = Guard(inside, KeyRing(file.file), paces[0], paces[1], metrics)
    door = Doorkeeper(guard, ("127.0.0.1", "localhost", "::1"))

    async def heard(*_: Any) -> Any:
        pass

    def fuzz(data: bytes) -> None:
        assert folder.name  # lives as long as this does
        parts = data.split(b"\0", 8)
        names = (b"host", b"origin", b"authorization", b"cookie", b"accept", b"if-none-match", b"x")
        # A header holds no line breaks: the server has taken them apart by then.
        lines = {name: part.translate(None, b"\r\n") for name, part in zip(names, parts[2:], strict=False)}
        if data.endswith(b"1") and b"authorization" in lines:
            lines[b"authorization"] = b"Bearer " + token[: len(lines[b"authorization"])].encode()
        if data.endswith(b"2"):
            lines[b"cookie"] = b"paretoscope-80=" + cookie[: len(lines.get(b"cookie", b""))].encode()
        path = parts[1].decode("utf-8", "replace") if len(parts) > 1 else "/"
        method = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS")[(data[0] if data else 0) % 6]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": list(lines.items()),
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        reached.clear()
        with suppress(StopIteration):
            door(scope, heard, heard).send(None)  # nothing in it waits
        if reached and not scopes.is_open(method, path):
            shown = lines.get(b"authorization", b"").decode("latin-1").partition(" ")[2].strip()
            assert token in shown or cookie.encode() in lines.get(b"cookie", b""), "let in without the key"
        accept = lines.get(b"accept", b"").decode("latin-1")
        with suppress(NotAcceptable):
            assert choose_media(accept, ["application/json", "image/png"])
        same_tag(accept, '"a.1"')
        told = parts[-1].decode("latin-1")
        if re.fullmatch(EVENT_ID, told):
            assert order(told) >= (0, 0)

    return fuzz


def head_seeds() -> list[bytes]:
    hosts = [b"127.0.0.1:80", b"[::1]:80", b"localhost", b"evil.example", b"a@localhost"]
    tags = b'W/"a.1", "b"'
    return [
        b"\0".join(
            (b"\0", b"/v1/streams", host, b"http://" + host, key, cookie, b"a/b;q=0.5, */*", tags, end)
        )
        for host in hosts
        for key, cookie, end in (
            (b"Bearer " + b"x" * 62, b"", b"1-1"),
            (b"", b"paretoscope-80=" + b"x" * 60, b"0"),
            (b"Bearer " + b"x" * 80, b"a=b", b"1"),
            (b"", b"x" * 80, b"2"),
        )
    ]


def plan() -> Fuzz:
    from pydantic import ValidationError

    from paretoscope.api.routes.instruments import _checked
    from paretoscope.api.routes.policy import checked
    from paretoscope.contract import Choice
    from paretoscope.contract.instruments import SETTINGS, InstrumentReport
    from paretoscope.contract.views import ChoiceRequest, ClassName, InstrumentRequest, PauseRequest

    reports = [
        InstrumentReport.model_validate(
            {"name": kind, "kind": kind, "title": kind, "state": "stopped", "since": ""}
            | {"settings": model().model_dump(), "settings_schema": model.model_json_schema()}
        )
        for kind, model in SETTINGS.items()
    ]

    def fuzz(data: bytes) -> None:
        try:
            asked = json.loads(data[1:])
        except (ValueError, RecursionError):
            return
        if not isinstance(asked, dict):
            return
        which = data[0] % 5
        with suppress(BadInput, ValidationError):
            if which == 0:
                policy = checked(asked)
                assert unpack(pack(policy), type(policy)) == policy
            elif which == 1:
                choice = Choice(frame_id="a-b-1", stream="a", **dict(ChoiceRequest.model_validate(asked)))
                assert unpack(pack(choice), Choice) == choice
            elif which == 2:
                wish = InstrumentRequest.model_validate(asked)
                for report in reports:
                    with suppress(BadInput):
                        json.dumps(_checked(report, report.settings, wish.settings)).encode()
            else:
                kind = PauseRequest if which == 3 else ClassName
                kind.model_validate(asked).model_dump_json().encode()

    return fuzz


def plan_seeds() -> list[bytes]:
    from paretoscope.contract.instruments import SETTINGS
    from paretoscope.contract.policy import StreamPolicy

    asked: list[tuple[int, Any]] = [
        (0, StreamPolicy().model_dump(mode="json")),
        (0, {"lattice": {"a_nm": 0.39, "b_nm": 0.39, "gamma_deg": 90.0}, "windows": {"size_px": 64}}),
        (0, {"lattice": "SrTiO3", "rewards": ["qc", "er"], "drop": "newest"}),
        (1, {"point": 1, "by": "x"}),
        (1, {"params": {"sigma_min": 1.0, "sigma_max": 2.0, "threshold": 0.1, "overlap": 0.3}}),
        (3, {"by": "x", "reason": None}),
        (4, {"name": "Si"}),
    ]
    asked += [(2, {"state": "running", "settings": model().model_dump()}) for model in SETTINGS.values()]
    return [bytes([which]) + json.dumps(one).encode() for which, one in asked]


def events() -> Fuzz:
    from paretoscope_client.rest_events import EventReader

    def fuzz(data: bytes) -> None:
        reader = EventReader()
        for line in data.decode("utf-8", "replace").splitlines():
            heard = reader.feed(line)
            assert heard is None or heard.model_dump_json()

    return fuzz


def event_seeds() -> list[bytes]:
    event = json.dumps({"kind": "result", "stream": "s", "at": "2026-11-21T09:30:00Z", "data": {"qc": 0.1}})
    return [f"id: 1-1\nevent: result\ndata: {event}\n\n: listening\nretry: 1000\n\n".encode()]
