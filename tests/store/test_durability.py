"""What was acknowledged is there after a kill, amid a rewrite, and behind a file that was cut off."""

from __future__ import annotations

import os
import random
import shutil
import signal
from pathlib import Path

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import AtomMap
from paretoscope.errors import NotFound, StoreDown
from paretoscope.settings import Limits
from store.helpers import atom_map, frame, front
from store.test_store_launch import until

ROOMY = Limits(backlog_frames=1000)


def kill(server: EmbeddedStore, store: Store) -> None:
    before = server.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    until(lambda: server.pid not in (None, before) and store.ping())


def put(store: Store, sequence: int, side: int = 16) -> str:
    """As a sender does: again until it is taken."""
    header, pixels = frame(sequence, side=side)
    while True:
        try:
            store.put_frame(header, pixels)
            return header.frame_id
        except StoreDown:
            continue


@pytest.mark.parametrize("durability", ["always", "everysec"])
def test_a_killed_store_comes_back_with_everything_acknowledged(folder: Path, durability: str) -> None:
    with EmbeddedStore(folder, durability=durability) as running, Store.open(running.url, ROOMY) as store:
        acknowledged: list[str] = []
        for first in range(0, 100, 25):
            acknowledged += [put(store, sequence) for sequence in range(first, first + 25)]
            kill(running, store)
        assert store.frames("stem", 200) == acknowledged[::-1]
        assert store.counters()["frames:received"] == len(acknowledged)


def test_a_kill_in_the_middle_of_a_rewrite_loses_nothing_and_leaves_nothing_behind(folder: Path) -> None:
    with EmbeddedStore(folder) as running, Store.open(running.url, ROOMY) as store:
        acknowledged = [put(store, sequence, side=1024) for sequence in range(12)]
        for first in (12, 15, 18):
            store._redis.bgrewriteaof()
            acknowledged += [put(store, sequence, side=512) for sequence in range(first, first + 3)]
            kill(running, store)
        assert store.frames("stem", 200) == acknowledged[::-1]
        for sequence, frame_id in enumerate(acknowledged):
            assert (store.pixels(frame_id) == frame(sequence, side=1024 if sequence < 12 else 512)[1]).all()
        kill(running, store)
        until(lambda: not list(folder.glob("temp-rewriteaof-*.aof")))


def sound(store: Store, frame_id: str, sequence: int) -> bool:
    """Whether the frame is there, whole in every list; False where there is nothing of it at all."""
    stream = "stem"
    listed = {
        "frame": store._redis.exists(f"ps:frame:{frame_id}"),
        "pixels": store._redis.exists(f"ps:pixels:{frame_id}"),
        "history": store._redis.zscore(f"ps:history:{stream}", frame_id) is not None,
    }
    assert len(set(map(bool, listed.values()))) == 1, listed
    if not listed["frame"]:
        with pytest.raises(NotFound):
            store.state(frame_id)
        return False
    state = store.state(frame_id)
    entries = [fields[b"frame"].decode() for _, fields in store._redis.xrange("ps:work")]
    assert entries.count(frame_id) == (1 if state in ("queued", "working") else 0)
    assert (store.document(frame_id, AtomMap) is not None) == (state == "done")
    assert (store.pixels(frame_id) == frame(sequence)[1]).all()
    return True


def test_a_file_cut_off_anywhere_holds_whole_frames_only(folder: Path, tmp_path: Path) -> None:
    with EmbeddedStore(folder) as running, Store.open(running.url) as store:
        for sequence in range(6):
            store.put_frame(*frame(sequence))
            if sequence % 2:
                claim = store.claim_frame("w")
                assert claim is not None
                store.finish_frame(claim, [atom_map(claim.frame_id), front(claim.frame_id)])
    (log,) = (folder / "appendonlydir").glob("*.incr.aof")
    size = log.stat().st_size
    dice = random.Random(20)
    for cut in sorted(dice.sample(range(200, size), 12)):
        copy = tmp_path / f"cut-{cut}"
        shutil.copytree(folder / "appendonlydir", copy / "appendonlydir")
        os.truncate(copy / "appendonlydir" / log.name, cut)
        with EmbeddedStore(copy) as running, Store.open(running.url) as store:
            there = [sound(store, frame(sequence)[0].frame_id, sequence) for sequence in range(6)]
            count = sum(there)
            assert there == [True] * count + [False] * (6 - count)
            counters = store.counters()
            assert counters.get("frames:received", 0) == count
            waiting = sum(store.state(frame_id) in ("queued", "working") for frame_id in store.frames("stem"))
            assert int(store._redis.hget("ps:bytes", "waiting") or 0) == waiting * frame(0)[0].nbytes
            put(store, 100)
            assert store.state(frame(100)[0].frame_id) == "queued"
