"""Strangers at both doors, the frame socket (with CURVE) and the API, while those who belong go on.

Each connection is one of: come and go, come and reset, half a greeting, the other door's protocol, a TLS
hello, junk behind a sound greeting, a request without an end, bytes that trickle in, a key nobody knows. They
come from many loopback addresses; whoever belongs is judged by what they get meanwhile.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import zmq
import zmq.auth

from chaos._readers import Readers
from chaos.outcome import Outcome, Say, Size, at_least, exactly, told, under
from chaos.stage import Part, Stage, until
from chaos.traffic import Traffic, Watch
from paretoscope.bridge.security import make_keys
from paretoscope.contract import Heartbeat
from paretoscope.contract.wire import encode

CONNECTIONS = 10_000
WARM_UP = 300
HANDS = 8
"""Strangers at a time, beside those who trickle."""
TRICKLES, TRICKLE_S = 20, 3.0
"""So many connections at a time send a byte now and then, and for how long."""
POOL = 9
"""Descriptors that busy minutes may add: connections to the store are made when needed, and kept."""
GROWTH_MIB = 50.0
STREAM = "night"
DOORS: tuple[Part, ...] = ("bridge", "api")
WHERE = b"POST /v1/frames?stream=x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
CURVE_GREETING = GREETING.replace(b"NULL\0", b"CURVE")
TLS_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(256)) * 2
HTTP = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def call(port: int, dice: random.Random) -> socket.socket:
    """A connection from one of many addresses of this machine."""
    source = f"127.{dice.randint(1, 200)}.{dice.randint(0, 250)}.{dice.randint(1, 250)}"
    return socket.create_connection(("127.0.0.1", port), timeout=10.0, source_address=(source, 0))


def saying(*what: bytes) -> Callable[[int, random.Random], None]:
    """Connect, say one of these, look whether there is an answer, leave."""

    def stranger(port: int, dice: random.Random) -> None:
        with call(port, dice) as line:
            line.sendall(dice.choice(what))
            line.settimeout(dice.choice((0.001, 0.02)))
            with contextlib.suppress(OSError):
                line.recv(4096)

    return stranger


def vanish(port: int, dice: random.Random) -> None:
    call(port, dice).close()


def reset(port: int, dice: random.Random) -> None:
    with call(port, dice) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.sendall(dice.randbytes(dice.randint(0, 64)))


def half_greeting(port: int, dice: random.Random) -> None:
    with call(port, dice) as line:
        line.sendall(dice.choice((GREETING, CURVE_GREETING))[: dice.randint(1, 63)])


def junk_behind(port: int, dice: random.Random) -> None:
    with call(port, dice) as line:
        line.sendall(dice.choice((GREETING, CURVE_GREETING)) + dice.randbytes(dice.randint(1, 4000)))
        line.settimeout(0.02)
        with contextlib.suppress(OSError):
            line.recv(4096)


AT_FRAMES: tuple[Callable[[int, random.Random], None], ...] = (
    vanish,
    reset,
    half_greeting,
    junk_behind,
    saying(HTTP, TLS_HELLO, b"SSH-2.0-x\r\n", b"\0" * 200, b"\xff" * 5000, GREETING, CURVE_GREETING),
)
AT_API: tuple[Callable[[int, random.Random], None], ...] = (
    vanish,
    reset,
    half_greeting,
    saying(GREETING, TLS_HELLO, b"\0" * 200, b"\xff" * 5000, b"SSH-2.0-x\r\n"),
    saying(
        WHERE + b"Content-Length: 99999999999\r\n\r\nxx",
        WHERE + b"Content-Length: 100\r\n\r\nhalf",
        WHERE + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\nx",
        WHERE + b"Content-Length: -1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/streams HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 70_000,
        b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        HTTP,
    ),
)


def unknown_key(address: str, bridge_key: bytes) -> bool:
    """Knock with a key that is not on the list; whether it was answered."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as door:
        door.setsockopt(zmq.LINGER, 0)
        door.setsockopt(zmq.RECONNECT_IVL, -1)
        door.curve_publickey, door.curve_secretkey = zmq.curve_keypair()
        door.curve_serverkey = bridge_key
        monitor = door.get_monitor_socket(int(zmq.EVENT_DISCONNECTED) + int(zmq.EVENT_HANDSHAKE_SUCCEEDED))
        door.connect(address)
        door.send(encode(Heartbeat(stream=STREAM)))
        poller = zmq.Poller()
        poller.register(door, zmq.POLLIN)
        poller.register(monitor, zmq.POLLIN)
        answered = bool(dict(poller.poll(3000)).get(door))
        door.disable_monitor()
        monitor.close(linger=0)
    return answered


class Crowd:
    """Strangers from several threads at once; `count` of them in all."""

    def __init__(self, stage: Stage, bridge_key: bytes, count: int, seed: int) -> None:
        self._stage = stage
        self._bridge_key = bridge_key
        self._left = count
        self._seed = seed
        self._lock = threading.Lock()
        self.came: Counter[str] = Counter()
        self.let_in = 0
        """Unknown keys that were answered."""

    def run(self) -> None:
        threads = [threading.Thread(target=self._hand, args=(self._seed + hand,)) for hand in range(HANDS)]
        threads.append(threading.Thread(target=self._trickle, args=(self._seed + HANDS,)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _next(self, number: int = 1) -> int:
        """How many of `number` connections there are still to make."""
        with self._lock:
            number = min(number, self._left)
            self._left -= number
            return number

    def _saw(self, what: str, number: int = 1) -> None:
        with self._lock:
            self.came[what] += number

    def _hand(self, seed: int) -> None:
        dice = random.Random(seed)
        while self._next():
            if dice.random() < 0.05:
                self.let_in += unknown_key(self._stage.frames, self._bridge_key)
                self._saw("unknown keys")
                continue
            at_frames = dice.random() < 0.5
            port = self._stage.frames_port if at_frames else self._stage.http_port
            try:
                dice.choice(AT_FRAMES if at_frames else AT_API)(port, dice)
            except OSError as error:
                self._saw(f"sent away: {type(error).__name__}")
            self._saw("at the frame socket" if at_frames else "at the API")

    def _trickle(self, seed: int) -> None:
        """Slow ones: a byte now and then of a greeting or a request, many at a time."""
        dice = random.Random(seed)
        while number := self._next(TRICKLES):
            lines = []
            for index in range(number):
                at_frames = index % 2 == 0
                with contextlib.suppress(OSError):
                    line = call(self._stage.frames_port if at_frames else self._stage.http_port, dice)
                    lines.append((line, GREETING if at_frames else WHERE))
            until_s = time.monotonic() + TRICKLE_S
            for at in range(1000):
                if time.monotonic() > until_s:
                    break
                for line, words in lines:
                    with contextlib.suppress(OSError):
                        line.send(words[at : at + 1] or b"x")
                time.sleep(0.2)
            for line, _ in lines:
                line.close()
            self._saw("that trickle", number)


def trial(size: Size, say: Say) -> Outcome:
    count, warm_up = size.times(CONNECTIONS, 150), size.times(WARM_UP, 30)
    with TemporaryDirectory(prefix="ps-chaos-keys-") as made:
        folder = Path(made)
        keys = (make_keys(folder, "microscope")[0], folder / "bridge.key")
        bridge_key, _ = zmq.auth.load_certificate(keys[1])
        with (
            Stage(frames_keys=str(folder)) as stage,
            Watch(stage) as watch,
            Readers(stage.url, STREAM) as readers,
            Traffic(stage, STREAM, every_s=0.2, keys=keys) as traffic,
        ):
            until(lambda: len(watch.closes) >= 2, "the first results", 120.0)
            Crowd(stage, bridge_key, warm_up, seed=100).run()  # What is allocated once.
            time.sleep(6.0)  # Beyond the time a handshake may take.
            pids = {part: stage.pids(part) for part in DOORS}
            memory = {part: stage.rss_mib(part) for part in DOORS}
            open_before = {part: stage.connections(part) for part in DOORS}
            files_before = {part: stage.descriptors(part) for part in DOORS}
            say(f"before: {memory} MiB, {open_before} connections, {files_before} descriptors")
            crowd = Crowd(stage, bridge_key, count, seed=200)
            crowd.run()
            growth = {part: stage.rss_mib(part) - memory[part] for part in DOORS}
            left = {part: _left_open(stage, part, open_before[part]) for part in DOORS}
            files = {part: stage.descriptors(part) - files_before[part] for part in DOORS}
            same = all(stage.pids(part) == pids[part] for part in DOORS)
            traffic.stop(120.0)
            books = watch.settle(traffic)
            missed, doubled = readers.settle(list(traffic.acknowledged))
            with stage.store() as store:
                counted = store.counters()
    died = counted.get("bridges:died", 0) + counted.get("apis:died", 0)
    came = crowd.came
    figures = [
        at_least("hostile connections", count, CONNECTIONS if size.share >= 1 else 0),
        *(told(f"of these {what}", number) for what, number in sorted(came.items())),
        exactly("unknown CURVE keys let in", crowd.let_in),
        told("handshakes that the bridge counted as failed", counted.get("bridge:handshake-failed", 0)),
        told("and as refused", counted.get("bridge:handshake-refused", 0)),
        exactly("processes that died", died + (not same)),
        under("growth of the bridge's memory", growth["bridge"], GROWTH_MIB, "MiB"),
        under("growth of the API's memory", growth["api"], GROWTH_MIB, "MiB"),
        exactly("connections left open at the bridge", left["bridge"]),
        exactly("connections left open at the API", left["api"]),
        under("more descriptors in the bridge", files["bridge"], POOL),
        under("more descriptors in the API", files["api"], POOL),
        told("good frames acknowledged", books.acknowledged),
        exactly("good frames lost", len(books.lost) + len(traffic.refused)),
        exactly("good frames with more than one result", len(books.doubled)),
        exactly("frames that a reader missed or got twice", len(missed) + len(doubled)),
        exactly("errors that readers' programs saw", len(readers.broke)),
    ]
    what = f"{count:,} strangers at frame socket and API beside a sender with its key and two readers"
    return Outcome("strangers", what, figures)


def _left_open(stage: Stage, part: Part, before: int) -> int:
    """Connections more than before, once those that wait for a time-out had it."""
    with contextlib.suppress(TimeoutError):
        until(lambda: stage.connections(part) <= before, "connections to be closed", 60.0, 0.25)
    return max(0, stage.connections(part) - before)
