"""A disk that fills up under the store, or its memory: what was taken is kept, the rest hears busy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import AtomMap, Choice
from paretoscope.errors import Busy, ParetoscopeError, StoreDown
from paretoscope.settings import Limits
from store.helpers import atom_map, frame
from store.test_store_launch import until

R = TypeVar("R")
SIZE_MB = 24


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    asked = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """All of it, as another program might."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return ballast


def refused(step: Callable[[], object]) -> str:
    """The code with which it is refused for now."""
    with pytest.raises((Busy, StoreDown)) as told:
        step()
    assert told.value.retry
    return told.value.code


def in_time(step: Callable[[], R]) -> R:
    """As a worker does: again until it is taken."""
    taken: list[R] = []

    def tried() -> bool:
        try:
            taken.append(step())
        except ParetoscopeError:
            return False
        return True

    until(tried)
    return taken[0]


@pytest.mark.parametrize("durability", ["always", "everysec"])
def test_below_the_reserve_nothing_new_is_taken_and_what_was_taken_is_finished(
    tiny: Path, durability: str
) -> None:
    limits = Limits(disk_reserve_mb=10)
    with (
        EmbeddedStore(tiny / "data", durability=durability, limits=limits) as running,
        Store.open(running.url, limits) as store,
    ):
        taken = [frame(sequence, side=512)[0].frame_id for sequence in range(6)]
        for sequence in range(6):
            store.put_frame(*frame(sequence, side=512))
        ballast = tiny / "ballast"
        ballast.write_bytes(bytes(13 * 2**20))
        until(lambda: store._closed())
        assert refused(lambda: store.put_frame(*frame(6, side=512))) == "disk-full"
        assert refused(lambda: store.submit_choice(Choice(frame_id=taken[0], stream="stem", weight=0.0))) == (
            "disk-full"
        )
        assert refused(store.probe) == "disk-full"
        assert store.frames("stem") == taken[::-1]
        for frame_id in taken:
            claim = store.claim_frame("w")
            assert claim is not None
            assert claim.frame_id == frame_id
            assert store.finish_frame(claim, [atom_map(frame_id)])
            store.beat("w", pid=1, device="cpu", state="ready")
        assert store.latest("stem") == taken[-1]
        assert running._kept.restarts == 0
        ballast.unlink()
        assert in_time(lambda: store.put_frame(*frame(6, side=512)))


@pytest.mark.parametrize("durability", ["always", "everysec"])
def test_a_disk_that_is_full_at_once_loses_nothing_and_is_not_hammered(tiny: Path, durability: str) -> None:
    limits = Limits(disk_reserve_mb=1)
    with (
        EmbeddedStore(tiny / "data", durability=durability, limits=limits) as running,
        Store.open(running.url, limits) as store,
    ):
        taken = []
        for sequence in range(6):
            store.put_frame(*frame(sequence, side=512))
            taken.append(frame(sequence)[0].frame_id)
        claim = store.claim_frame("w")
        assert claim is not None
        ballast = fill(tiny)
        written = [atom_map(claim.frame_id, count=3000)]
        until(lambda: "disk-full" in tried(lambda: store.finish_frame(claim, written)))
        for _ in range(20):
            refused(lambda: store.put_frame(*frame(7, side=512)))
            assert in_time(lambda: store.frames("stem")) == taken[::-1]
        assert running._kept.restarts <= 2
        ballast.unlink()
        in_time(lambda: store.finish_frame(claim, written))
        assert store.document(claim.frame_id, AtomMap) is not None
        assert in_time(lambda: store.put_frame(*frame(7, side=512)))
        assert store.frames("stem") == [frame(7)[0].frame_id, *taken[::-1]]
        assert store.counters()["frames:done"] == 1
        until(lambda: store._redis.config_get("appendfsync") == {"appendfsync": durability})


def tried(step: Callable[[], object]) -> str:
    try:
        step()
    except ParetoscopeError as error:
        return error.code
    return ""


def test_where_memory_is_full_the_oldest_worked_frames_go_and_never_one_that_waits(folder: Path) -> None:
    limits = Limits(store_mb=24, history_frames=1000, backlog_frames=1000)
    with EmbeddedStore(folder, limits=limits) as running, Store.open(running.url, limits) as store:
        for sequence in range(60):
            store.put_frame(*frame(sequence, side=512, stream="ab"[sequence % 2]))
            claim = store.claim_frame("w")
            assert claim is not None
            store.finish_frame(claim, [])
        used = store._redis.info("memory")
        assert used["used_memory"] <= used["maxmemory"] == 24 * 2**20
        kept = [*store.frames("a"), *store.frames("b")]
        assert 10 < len(kept) < 50
        assert store.latest("a") == frame(58, stream="a")[0].frame_id
        waiting: list[str] = []
        while True:
            described, pixels = frame(100 + len(waiting), side=512, stream="c")
            code = tried(partial(store.put_frame, described, pixels))
            if code:
                break
            waiting.append(described.frame_id)
        assert code == "store-full"
        assert len(waiting) > 20
        assert store.frames("c", 1000) == waiting[::-1]
        assert len(store.frames("a")) == len(store.frames("b")) == 1
        for frame_id in waiting:
            claim = store.claim_frame("w")
            assert claim is not None
            assert claim.frame_id == frame_id
            assert store.finish_frame(claim, [])
        assert store.put_frame(*frame(999, side=512, stream="c"))
