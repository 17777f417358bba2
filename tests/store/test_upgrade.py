"""Stores that earlier versions left behind are read, worked off and trimmed by this one.

`recorded/` holds what they wrote (see record_store.py): three worked frames, one that failed, one in a
dead worker's hand, three that wait, a choice that was answered and one that waits.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.bridge.reception import Reception
from paretoscope.bridge.session import Session
from paretoscope.bridge.tally import Tally
from paretoscope.contract import (
    Ack,
    AtomMap,
    Classes,
    Fault,
    Guard,
    Ledger,
    OperatingPoint,
    ParetoFront,
)
from paretoscope.contract.wire import encode
from paretoscope.settings import Limits
from store.helpers import PARAMS
from store.record_store import frame

RECORDED = Path(__file__).parent / "recorded"
VERSIONS = sorted(one.name.removesuffix(".tar.gz") for one in RECORDED.glob("*.tar.gz"))
EXPIRES = re.compile(rb"(PEXPIREAT\r\n\$\d+\r\nps:choice[^\r]+\r\n\$13\r\n)\d{13}")


@pytest.fixture(params=VERSIONS)
def then(request: pytest.FixtureRequest, folder: Path) -> Iterator[Store]:
    """The store as that version left it, the same day."""
    with tarfile.open(RECORDED / f"{request.param}.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    (log,) = (folder / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(EXPIRES.sub(rb"\g<1>9999999999999", log.read_bytes()))
    with EmbeddedStore(folder) as running, Store.open(running.url, claim_idle_s=0.0) as store:
        yield store


def ids(*sequences: int) -> list[str]:
    return [f"stem-e1-{sequence:06d}" for sequence in sequences]


def test_what_it_kept_is_listed_and_read(then: Store) -> None:
    assert then.frames("stem") == ids(7, 6, 5, 4, 2, 1, 0)
    assert [then.state(one) for one in ids(0, 1, 2, 4, 5, 6, 7)] == [
        *["done"] * 3,
        "failed",
        "working",
        *["queued"] * 2,
    ]
    for frame_id in ids(0, 1, 2):
        for kind in (AtomMap, ParetoFront, Classes, Ledger, Guard):
            assert then.document(frame_id, kind) is not None, kind
        assert (then.pixels(frame_id) == frame("stem", int(frame_id[-1]))[1]).all()
    fault = then.document(ids(4)[0], Fault)
    assert fault is not None
    assert (fault.code, then.gap(ids(4)[0])) == ("constant-image", 1)
    assert then.latest("stem") == ids(2)[0]
    assert {one.stream: (one.frames, one.queued) for one in then.streams()} == {
        "stem": (7, 3),
        "eels": (1, 1),
    }
    assert [one.frame_id for one in then.history("stem")] == then.frames("stem")
    assert (then.policy("stem").deadline_s, then.policy("eels").drop) == (5.0, "newest")
    assert then.class_names("stem") == {0: "Sr"}
    memory = then.memory("stem")
    assert memory.operating is not None
    assert memory.operating.choice_id == "answered"
    assert then.choice_result("answered").state == "done"
    kinds = {event.kind for _, event in then.read_events("0", count=1000)}
    assert {"frame", "result", "fault", "choice"} <= kinds
    assert then.counters()["frames:received"] == 8
    assert then.dead_letters() == []
    assert then.tally("nobody") == {}


def test_what_it_left_open_is_finished_here_once(then: Store) -> None:
    claimed = []
    for frame_id, deliveries in zip([*ids(5, 6, 7), "eels-e1-000000"], (2, 1, 1, 1), strict=True):
        claim = then.claim_frame("now")
        assert claim is not None
        assert (claim.frame_id, claim.deliveries) == (frame_id, deliveries)
        assert (claim.pixels == frame(claim.header.stream, claim.header.sequence)[1]).all()
        assert then.keep(claim, "now")
        assert then.finish_frame(claim, [])
        assert not then.finish_frame(claim, [])
        claimed.append(claim.frame_id)
    assert then.claim_frame("now") is None
    assert int(then._redis.hget("ps:bytes", "waiting")) == 0
    counts = then.counters()
    assert counts["frames:received"] == counts["frames:done"] + counts["frames:failed"]


def test_the_choice_that_waited_is_answered(then: Store) -> None:
    claim = then.claim_choice("now")
    assert claim is not None
    assert (claim.choice_id, claim.choice.by) == ("waiting", "ada")
    operating = OperatingPoint(params=PARAMS, origin="operator", frame_id=ids(1)[0], choice_id="waiting")
    assert then.keep(claim, "now")
    assert then.finish_choice(claim, [], operating)
    assert then.choice_result("waiting").state == "done"
    assert then.memory("stem").operating == operating
    assert then.claim_choice("now") is None


def test_its_frames_are_trimmed_by_todays_limits(then: Store) -> None:
    then.limits = Limits(history_frames=2)
    for _ in range(4):
        claim = then.claim_frame("now")
        assert claim is not None
        then.finish_frame(claim, [])
    assert then.frames("stem") == ids(7, 6)
    left = {one.decode() for one in then._redis.keys("ps:pixels:*")}
    assert left == {f"ps:pixels:{one}" for one in [*ids(6, 7), "eels-e1-000000"]}
    assert int(then._redis.hget("ps:bytes", "kept:stem")) == 2 * frame("stem", 0)[0].nbytes


def test_its_senders_go_on_where_they_were(then: Store) -> None:
    bridge = Reception(then, Session(), Tally(then, then._now_text), lambda: 0.0, then._clock)

    def send(sequence: int) -> Ack:
        header, pixels = frame("stem", sequence)
        reply = bridge.answer([encode(header), np.ascontiguousarray(pixels).tobytes()])
        assert isinstance(reply, Ack), reply
        return reply

    assert send(7).duplicate
    assert (send(8).gap, send(10).gap) == (0, 1)
    assert then.frames("stem")[:3] == ids(10, 8, 7)
