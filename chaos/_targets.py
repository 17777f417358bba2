"""Every decoder that reads bytes from outside, as a function of bytes that a fuzzer can call.

    target     what is read                                 what must hold
    request    a multipart message to the bridge            read again from its own encoding it is the same
    reply      a message from the bridge                    the same
    document   a stored document of every type              the same; little memory beside its own bytes
    array      an array within one                          the same; as many bytes as came
    head       Host, Origin, keys, cookies, Accept, ids     only the right key is let in
    plan       a policy, choice, pause, instrument (JSON)   it can be stored, and is the same when read again
    events     server-sent events, at the client            any bytes, in any pieces
    image      an upload: npy or raw pixels                 pixels as promised, not many more bytes than came
    tiff       an upload: TIFF                              within the limits of a frame
    picture    a file: PNG, JPEG, npz, TIFF                 within the limits of a frame

Whatever the bytes are, only errors of our own tree come out. A target raises for everything else.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from paretoscope import contract
from paretoscope.contract import Document, FrameHeader, wire
from paretoscope.contract.arrays import pack_array, unpack_array
from paretoscope.contract.codec import pack, packed_map, unpack
from paretoscope.contract.frame import MAX_FRAME_BYTES, MAX_SIDE_PX
from paretoscope.errors import BadInput, Incompatible, ParetoscopeError

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "contract" / "golden"
KINDS: list[type[Document]] = sorted(
    {
        one
        for one in vars(contract).values()
        if isinstance(one, type) and issubclass(one, Document) and one is not Document
    },
    key=lambda kind: kind.__name__,
)
Fuzz = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    name: str
    make: Callable[[], Fuzz]
    seeds: Callable[[], list[bytes]]
    runs: int
    """Of the whole size."""
    max_len: int = 2048


def _golden(prefix: str) -> dict[str, bytes]:
    return {file.stem: file.read_bytes() for file in sorted(GOLDEN.glob(f"{prefix}*.bin"))}


# --- messages ---


def _framed(header: bytes, pixels: bytes = b"") -> bytes:
    return len(header).to_bytes(2, "little") + header + pixels


def _request_seeds() -> list[bytes]:
    pixels = bytes(range(12))
    seeds = [_framed(header, pixels) for header in _golden("wire").values()]
    seeds += [_framed(header) for header in _golden("wire").values()]
    told = {"stream": "s", "epoch": "e", "sequence": 1, "dtype": "uint16", "crc32": zlib.crc32(pixels)}
    header = FrameHeader.model_validate(told | {"shape": (2, 3), "nbytes": 12})
    return [*seeds, _framed(wire.encode(header), pixels)]


def _request() -> Fuzz:
    def fuzz(data: bytes) -> None:
        end = 2 + int.from_bytes(data[:2], "little")
        header, pixels = data[2:end], data[end:]
        for parts in ([header], [header, pixels]):
            assert isinstance(wire.subject_of(parts), wire.Subject)
            try:
                came = wire.decode_request(parts)
            except (wire.BadFrame, Incompatible) as error:
                if not (error.code and error.hint):
                    raise AssertionError("a refusal without words") from error
                if error.code in ("bad-size", "bad-checksum") and len(parts) == 2:
                    _mended(header, pixels)
                continue
            _same_request(came)

    return fuzz


def _mended(header: bytes, pixels: bytes) -> None:
    """With the size and checksum that these pixels have: what a fuzzer cannot guess."""
    fields = msgpack.unpackb(header)
    crc = zlib.crc32(pixels)
    fields |= {"shape": [1, max(1, len(pixels))], "dtype": "uint8", "nbytes": len(pixels), "crc32": crc}
    with suppress(wire.BadFrame, Incompatible):
        _same_request(wire.decode_request([packed_map(fields), pixels]))


def _same_request(came: wire.Request) -> None:
    if isinstance(came, wire.FrameMessage):
        again = wire.decode_request(wire.encode_frame(came.header, came.pixels))
        assert isinstance(again, wire.FrameMessage)
        assert again.header == came.header
        assert came.image().nbytes == len(came.pixels) == came.header.nbytes
    elif isinstance(came, wire.RowsMessage):
        again = wire.decode_request([wire.encode(came.block), came.pixels])
        assert isinstance(again, wire.RowsMessage)
        assert again.block == came.block
    else:
        assert wire.decode_request([wire.encode(came)]) == came


def _reply() -> Fuzz:
    def fuzz(data: bytes) -> None:
        with suppress(wire.BadFrame, Incompatible):
            came = wire.decode_reply([data])
            assert wire.decode_reply([wire.encode(came)]) == came

    return fuzz


# --- documents ---

EACH_TRACED = 512
"""Every so many documents the memory that reading one takes is measured."""
GROWTH = 256
"""Bytes of memory for a byte that came: an empty map is 1 byte packed and 64 unpacked, pydantic keeps two."""
ROOM_BYTES = 1_000_000


def _document_seeds() -> list[bytes]:
    names = [kind.__name__ for kind in KINDS]
    seeds = []
    for packed in _golden("document").values():
        name = msgpack.unpackb(packed, ext_hook=msgpack.ExtType)["schema"]
        seeds.append(bytes([names.index(name)]) + packed)
    return seeds


def _document() -> Fuzz:
    count = 0

    def fuzz(data: bytes) -> None:
        nonlocal count
        if not data:
            return
        kind, count = KINDS[data[0] % len(KINDS)], count + 1
        traced = count % EACH_TRACED == 0
        if traced:
            tracemalloc.start()
        try:
            with suppress(BadInput, Incompatible):
                packed = pack(unpack(memoryview(data)[1:], kind))
                assert pack(unpack(packed, kind)) == packed
            if traced:
                most = tracemalloc.get_traced_memory()[1]
                assert most < ROOM_BYTES + GROWTH * len(data), f"{most} bytes for {len(data)}"
        finally:
            if traced:
                tracemalloc.stop()

    return fuzz


def _array() -> Fuzz:
    def fuzz(data: bytes) -> None:
        with suppress(BadInput):
            array = unpack_array(data)
            assert array.nbytes < len(data)
            again = unpack_array(pack_array(array).data)
            assert again.dtype == array.dtype
            assert again.shape == array.shape
            assert again.tobytes() == array.tobytes()

    return fuzz


def _array_seeds() -> list[bytes]:
    made = [np.zeros(0, np.float32), np.arange(6, dtype=np.int16).reshape(2, 3), np.array(True)]
    return [pack_array(one).data for one in made]


# --- the head of a request ---


def _head() -> Fuzz:
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


def _head_seeds() -> list[bytes]:
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


# --- what is asked in JSON ---


def _plan() -> Fuzz:
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


def _plan_seeds() -> list[bytes]:
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


def _events() -> Fuzz:
    from paretoscope_client.rest_events import EventReader

    def fuzz(data: bytes) -> None:
        reader = EventReader()
        for line in data.decode("utf-8", "replace").splitlines():
            heard = reader.feed(line)
            assert heard is None or heard.model_dump_json()

    return fuzz


def _event_seeds() -> list[bytes]:
    event = json.dumps({"kind": "result", "stream": "s", "at": "2026-11-21T09:30:00Z", "data": {"qc": 0.1}})
    return [f"id: 1-1\nevent: result\ndata: {event}\n\n: listening\nretry: 1000\n\n".encode()]


# --- images ---


def _saved(save: Callable[[io.BytesIO], Any]) -> bytes:
    sink = io.BytesIO()
    save(sink)
    return sink.getvalue()


def _image() -> Fuzz:
    from paretoscope.api.ingest import PIXEL_TYPES, TIFF_MAGICS, RawLayout, decode_image

    layouts = [
        RawLayout(),
        RawLayout(3, 4, "uint16"),
        RawLayout(2**40, 2**40, "float64"),
        RawLayout(1, 8, "x"),
    ]
    kinds = [None, "application/x-npy", "application/octet-stream", "image/png"]

    def fuzz(data: bytes) -> None:
        body = data[1:]
        if not data or body.startswith(TIFF_MAGICS):
            return
        with suppress(ParetoscopeError):
            image = decode_image(body, kinds[data[0] % 4], layouts[data[0] // 4 % 4])
            assert image.ndim == 2
            assert image.dtype.name in PIXEL_TYPES
            assert image.flags.c_contiguous
            assert image.nbytes <= 2 * len(body)

    return fuzz


def _image_seeds() -> list[bytes]:
    made = [np.zeros((3, 4), kind) for kind in ("u1", "<u2", ">f4", "f8", "?", "i8", "f2")]
    made += [np.asfortranarray(np.arange(12, dtype=np.int16).reshape(3, 4)), np.zeros((2, 3, 4))]
    seeds = [b"\x01" + _saved(lambda sink, one=one: np.save(sink, one, allow_pickle=False)) for one in made]
    return [*seeds, b"\x06" + bytes(24), b"\x04" + bytes(24)]


def _within(image: np.ndarray) -> None:
    assert image.ndim == 2
    assert max(image.shape) <= MAX_SIDE_PX
    assert image.nbytes <= 2 * MAX_FRAME_BYTES


def _tiff() -> Fuzz:
    import tifffile

    from paretoscope.api.ingest import RawLayout, decode_image

    assert tifffile  # here and not at the first image, so that it is watched

    def fuzz(data: bytes) -> None:
        with suppress(ParetoscopeError):
            _within(decode_image(data, "image/tiff", RawLayout()))

    return fuzz


def _tiff_seeds() -> list[bytes]:
    import tifffile

    image = np.arange(48, dtype=np.uint16).reshape(6, 8)
    ways: tuple[dict[str, Any], ...] = (
        {},
        {"compression": "zlib"},
        {"tile": (16, 16)},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"compression": "lzw", "predictor": True},
    )
    seeds = []
    for way in ways:
        with suppress(Exception):  # a compression that needs what is not installed
            seeds.append(_saved(lambda sink, way=way: tifffile.imwrite(sink, image, **way)))
    return seeds


ENDINGS = (".png", ".jpg", ".npz", ".tif", ".npy")


def _picture() -> Fuzz:
    from PIL import Image

    from paretoscope.adapters.files import plain, tiff
    from paretoscope.adapters.files.read import read_image

    assert plain
    assert tiff  # here and not at the first image, so that they are watched
    Image.preinit()

    # In memory where there is such a place: a file a run would wear out a disk.
    shm = Path("/dev/shm")
    folder = tempfile.TemporaryDirectory(prefix="ps-chaos-", dir=shm if os.access(shm, os.W_OK) else None)

    def fuzz(data: bytes) -> None:
        if not data:
            return
        path = Path(folder.name) / f"file{ENDINGS[data[0] % len(ENDINGS)]}"
        path.write_bytes(data[1:])
        with suppress(ParetoscopeError):
            _within(read_image(path).image)

    return fuzz


def _picture_seeds() -> list[bytes]:
    from PIL import Image

    grey = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    small = Image.fromarray((grey % 251).astype(np.uint8))
    colour = Image.merge("RGB", (small, small, small))
    saved = [(0, small, "PNG"), (0, Image.fromarray(grey), "PNG"), (0, colour, "PNG"), (1, small, "JPEG")]
    saved += [(1, colour, "JPEG"), (3, small, "TIFF")]
    seeds = [bytes([at]) + _saved(lambda s, i=one, k=k: i.save(s, format=k)) for at, one, k in saved]
    seeds.append(b"\x02" + _saved(lambda s: np.savez_compressed(s, image=grey, sampling=np.array([0.1]))))
    seeds.append(b"\x04" + _saved(lambda s: np.save(s, grey, allow_pickle=False)))
    return [*seeds, *(b"\x03" + one for one in _tiff_seeds())]


TARGETS: dict[str, Target] = {
    one.name: one
    for one in (
        Target("request", _request, _request_seeds, 2_400_000),
        Target("reply", _reply, lambda: list(_golden("wire").values()), 1_200_000),
        Target("document", _document, _document_seeds, 2_400_000, 4096),
        Target("array", _array, _array_seeds, 1_200_000, 512),
        Target("head", _head, _head_seeds, 1_200_000, 1024),
        Target("plan", _plan, _plan_seeds, 600_000),
        Target("events", _events, _event_seeds, 600_000),
        Target("image", _image, _image_seeds, 340_000, 1024),
        Target("tiff", _tiff, _tiff_seeds, 50_000),
        Target("picture", _picture, _picture_seeds, 10_000, 4096),
    )
}


def every() -> Target:
    """All quick ones in one, the first byte saying which: for a short run in one process."""
    names = [name for name in TARGETS if name not in ("tiff", "picture")]

    def make() -> Fuzz:
        made = [TARGETS[name].make() for name in names]

        def fuzz(data: bytes) -> None:
            if data:
                made[data[0] % len(made)](data[1:])

        return fuzz

    def seeds() -> list[bytes]:
        return [bytes([at]) + seed for at, name in enumerate(names) for seed in TARGETS[name].seeds()]

    return Target("every", make, seeds, sum(one.runs for one in TARGETS.values()), 2048)
