"""A flood of messages that no sound sender sends, on the frame socket, while a sound one goes on.

Made by seeded dice from sound messages: bytes turned, fields of other types and sizes, wrong numbers of
parts, msgpack that promises more than it holds, rows out of order. Each must be answered once; a part that
claims more than any frame has ends its connection instead.
"""

from __future__ import annotations

import random
import socket
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import zmq

from chaos.outcome import Outcome, Say, Size, at_least, exactly, told, under
from chaos.stage import Stage, until
from chaos.traffic import Traffic, Watch

MESSAGES = 100_000
CLAIMS = 1000
"""Raw connections that claim a part larger than any frame."""
WINDOW = 64
GROWTH_MIB = 50.0
ANSWER_MS = 30_000
WARM_UP = 500

PIXELS = bytes(range(64))
FIELDS: dict[str, Any] = {
    "schema": "paretoscope",
    "version": [1, 1],
    "type": "frame",
    "stream": "junk",
    "epoch": "e1",
    "sequence": 0,
    "shape": [8, 8],
    "dtype": "uint8",
    "nbytes": 64,
    "crc32": zlib.crc32(PIXELS),
    "pixel_size_nm": [0.02, 0.02],
    "dwell_us": 10.0,
    "detector": "HAADF",
    "simulated": True,
}
VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63)),
    *(0.0, -0.5, 1e308, float("nan"), float("inf")),
    *("", "x", "../../etc/passwd", "a" * 10_000, "\u0000", "\u202e", "uint16", "object", "O8", ">f8"),
    *(b"", b"\xff" * 100, [], [[]], [1, 2, 3], ["8", "8"], [float("nan"), 1.0]),
    *([-4, -6], [2**40, 2**40], [16384, 16384], {}, {"a": {"b": []}}, {1: 2}),
    *(msgpack.ExtType(5, b"x" * 40), msgpack.Timestamp(0)),
]
TYPES = [
    *("frame", "end", "heartbeat", "rows-begin", "rows", "rows-end"),
    *("ack", "fault", "busy", "rows-held", "", "x"),
]
BOMBS = [
    b"\x91" * 60_000,  # lists in lists
    b"\x81\xa1a" * 20_000,  # maps in maps
    b"\xdd\xff\xff\xff\xff",  # four thousand million items, none there
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xffx",
    b"\xc9\xff\xff\xff\xff\x01",
    b"\xdc\xff\xff" + b"\xc0" * 65_000,
    b"\xc1",
    bytes(65_537),
]


def packed(fields: dict[str, Any]) -> bytes:
    return bytes(msgpack.packb(fields) or b"")


Maker = Callable[[random.Random], list[bytes]]


def noise(dice: random.Random) -> list[bytes]:
    return [dice.randbytes(dice.choice((0, 1, 7, 64, 300, 2000))) for _ in range(dice.randint(1, 5))]


def turned(dice: random.Random) -> list[bytes]:
    """A sound frame with some bytes of its header turned, put in or cut out."""
    head = bytearray(packed(FIELDS))
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(head))
        change = dice.randrange(3)
        if change == 0:
            head[at] = dice.randrange(256)
        elif change == 1:
            head[at:at] = dice.randbytes(dice.randint(1, 4))
        else:
            del head[at : at + dice.randint(1, 4)]
    return [bytes(head), PIXELS]


def strange(dice: random.Random) -> list[bytes]:
    """A sound message with one to three fields strange, missing or new."""
    fields = FIELDS | {"type": dice.choice(TYPES)}
    if dice.random() < 0.5:
        fields |= {"first_row": dice.choice((0, 1, 8, 2**33)), "rows": dice.choice((0, 1, 8, 9)), "frames": 3}
    for _ in range(dice.randint(1, 3)):
        name = dice.choice([*fields, "new", "first_row", "rows", "frames"])
        if dice.random() < 0.2:
            fields.pop(name, None)
        else:
            fields[name] = dice.choice(VALUES)
    return [packed(fields), *([PIXELS] if dice.random() < 0.7 else [])]


def parted(dice: random.Random) -> list[bytes]:
    """Sound in all but the number and size of its parts."""
    head = packed(FIELDS)
    return dice.choice(
        (
            [head],
            [head, PIXELS, PIXELS],
            [head, PIXELS[:-1]],
            [head, b""],
            [b"", head, PIXELS],
            [b""],
            [head, bytes(dice.choice((65, 10_000, 1_000_000)))],
            [PIXELS, head],
            [head] * 40,
        )
    )


def bomb(dice: random.Random) -> list[bytes]:
    return [dice.choice(BOMBS), *([PIXELS] if dice.random() < 0.5 else [])]


def rows(dice: random.Random) -> list[bytes]:
    """One of the messages about rows, with numbers that seldom fit what came before."""
    fields = FIELDS | {"type": dice.choice(("rows-begin", "rows", "rows", "rows-end"))}
    fields |= {"stream": f"junk{dice.randrange(40)}", "sequence": dice.randrange(3)}
    if fields["type"] != "rows":
        return [packed(fields)]
    first, count = dice.randrange(8), dice.randint(1, 8)
    fields |= {"first_row": first, "rows": count, "crc32": zlib.crc32(PIXELS[: 8 * count])}
    return [packed(fields), PIXELS[: 8 * count]]


MAKERS: tuple[Maker, ...] = (noise, turned, strange, strange, parted, bomb, rows)


def messages(seed: int, count: int) -> Iterator[list[bytes]]:
    """`count` messages, always the same ones for a seed."""
    dice = random.Random(seed)
    for _ in range(count):
        yield dice.choice(MAKERS)(dice)


class Flood:
    """Sends over one connection, a window at a time, and counts the answers by type and code."""

    def __init__(self, address: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(address)
        self.sent = 0
        self.answers: Counter[str] = Counter()

    def __enter__(self) -> Flood:
        return self

    def send(self, parts: list[bytes]) -> None:
        while self.sent - self.answered >= WINDOW and self._hear():
            pass
        self._socket.send_multipart(parts)
        self.sent += 1

    def finish(self) -> None:
        while self.answered < self.sent and self._hear():
            pass

    @property
    def answered(self) -> int:
        return self.answers.total()

    def _hear(self) -> bool:
        """Take one answer; False when none comes any more."""
        if not self._socket.poll(ANSWER_MS):
            return False
        told_by_bridge = msgpack.unpackb(self._socket.recv_multipart()[0])
        kind, code = told_by_bridge["type"], told_by_bridge.get("code", "")
        self.answers[f"{kind} {code}".strip()] += 1
        return True

    def __exit__(self, *_: object) -> None:
        self._context.destroy(linger=0)


def claim(port: int, size: int) -> bool:
    """Greet as a DEALER does, then claim a part of `size` bytes; whether the connection was ended for it."""
    with socket.create_connection(("127.0.0.1", port), timeout=30.0) as line:
        line.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31))
        ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
        line.sendall(b"\x04" + bytes([len(ready)]) + ready)
        try:
            line.sendall(b"\x02" + size.to_bytes(8, "big"))
            while line.recv(4096):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
    return True


def trial(size: Size, say: Say) -> Outcome:
    count, claims = size.times(MESSAGES, 2000), size.times(CLAIMS, 20)
    goal = MESSAGES if size.share >= 1 else 0
    dice = random.Random(3)
    with Stage() as stage, Watch(stage) as watch, Traffic(stage, every_s=0.2) as traffic:
        until(lambda: len(watch.closes) >= 2, "the first results", 120.0)
        before = stage.pids("bridge")
        with Flood(stage.frames) as flood:
            for parts in messages(4, WARM_UP):  # Not counted: what is allocated once is no growth.
                flood.send(parts)
            flood.finish()
            warm, first = flood.sent, stage.rss_mib("bridge")
            highest = first
            for number, parts in enumerate(messages(5, count), 1):
                flood.send(parts)
                if number % 2000 == 0:
                    highest = max(highest, stage.rss_mib("bridge"))
                if number % 20_000 == 0:
                    say(f"{number} sent, bridge at {highest:.0f} MiB at most")
            flood.finish()
        ended = sum(claim(stage.frames_port, dice.choice((2**28 + 1, 2**40, 2**62))) for _ in range(claims))
        growth = max(highest, stage.rss_mib("bridge")) - first
        traffic.stop(120.0)
        books = watch.settle(traffic)
        same = stage.pids("bridge") == before
        with stage.store() as store:
            counted = store.counters()
    faults = sum(number for name, number in counted.items() if name.startswith("fault:"))
    answered = flood.answers
    refused = sum(number for name, number in answered.items() if name.startswith("fault"))
    figures = [
        at_least("malformed messages sent", flood.sent - warm, goal),
        exactly("messages without exactly one answer", flood.sent - flood.answered),
        told("refused with a code", refused),
        told("different codes", sum(name.startswith("fault") for name in answered)),
        told("harmless after all (sound, or known already)", flood.answered - refused),
        exactly("refusals that were not counted", max(0, refused - faults)),
        exactly("failures of the bridge's own ('internal')", answered["fault internal"]),
        exactly("claims of endless parts not cut off", claims - ended),
        exactly("bridges that died", counted.get("bridges:died", 0) + (not same)),
        under("growth of the bridge's memory at its highest", growth, GROWTH_MIB, "MiB"),
        told("good frames acknowledged", books.acknowledged),
        exactly("good frames lost", len(books.lost) + len(traffic.refused)),
        exactly("good frames with more than one result", len(books.doubled)),
    ]
    what = f"{count:,} malformed and {claims:,} endless messages on the frame socket beside a sound sender"
    return Outcome("malformed", what, figures)
