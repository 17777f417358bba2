"""A worker that was thought dead and comes back changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import AtomMap, Fault, StreamMemory
from store.helpers import atom_map, frame
from worker import fakes
from worker.test_worker_process import until


def test_a_worker_paused_in_mid_frame_and_resumed_is_refused(server: EmbeddedStore, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, [root / "service", root / "clients", root / "tests"])),
        "REDIS_URL": server.url,
        "PARETOSCOPE_DEVICE": "cpu",
        "PARETOSCOPE_WORKER_NAME": "paused",
        "PARETOSCOPE_LOG_LEVEL": "error",
    }
    with Store.open(server.url, claim_idle_s=1.0) as store:
        store._redis.flushall()
        go = tmp_path / "go"
        header, pixels = frame(0, note=f"hold:{go}")
        store.put_frame(header, pixels)
        with subprocess.Popen([sys.executable, fakes.__file__], env=environment) as paused:
            try:
                until(lambda: store.document(header.frame_id, AtomMap) is not None)
                family = [psutil.Process(paused.pid), *psutil.Process(paused.pid).children(recursive=True)]
                for one in family:
                    one.suspend()
                claims = []
                until(lambda: claims.append(store.claim_frame("other")) or claims[-1] is not None)
                claim = claims[-1]
                assert claim.deliveries == 2
                before = store.document(header.frame_id, AtomMap)
                go.touch()
                for one in family:
                    one.resume()
                until(lambda: store.counters().get("frames:fenced", 0) >= 2)  # what it publishes, its result
                until(
                    lambda: {beat.consumer: beat.state for beat in store.workers()}.get("paused") == "ready"
                )
                assert store.state(header.frame_id) == "working"
                assert store.document(header.frame_id, AtomMap) == before
                assert store.memory("stem") == StreamMemory()
                assert store.finish_frame(claim, [atom_map(header.frame_id, count=7)])
            finally:
                paused.kill()
        atoms = store.document(header.frame_id, AtomMap)
        assert atoms is not None
        assert atoms.count == 7
        events = [event.kind for _, event in store.read_events("0", count=1000)]
        assert events.count("result") == 1


def test_an_old_claim_is_refused_in_all_it_writes(server: EmbeddedStore) -> None:
    with Store.open(server.url, claim_idle_s=0.0) as store:
        store._redis.flushall()
        store.put_frame(*frame(0))
        old, new = store.claim_frame("a"), store.claim_frame("b")
        assert old is not None
        assert new is not None
        assert new.fence > old.fence
        late = [atom_map(old.frame_id, count=9)]
        assert not store.publish(old.frame_id, late, old)
        assert not store.finish_frame(old, late)
        assert not store.fail_frame(old, Fault(code="late", hint="-"))
        assert not store.bury_frame(old, Fault(code="late", hint="-"))
        assert not store.set_memory("stem", StreamMemory(neighbour_px=3.0), old)
        assert not store.keep(old, "a")
        assert store.keep(new, "b")
        assert store.state(new.frame_id) == "working"
        assert store.document(new.frame_id, AtomMap) is None
        assert store.dead_letters() == []
        assert store._redis.xlen("ps:work") == 1, "a late write must not take the frame out of the queue"
        assert store.publish(new.frame_id, late, new)
        assert store.finish_frame(new, late)
        assert store.counters()["frames:fenced"] == 5


def test_a_frame_tried_again_has_newer_claims_than_before(server: EmbeddedStore) -> None:
    with Store.open(server.url, claim_idle_s=0.0) as store:
        store._redis.flushall()
        store.put_frame(*frame(0))
        first = store.claim_frame("a")
        assert first is not None
        assert store.bury_frame(first, Fault(code="worker-died", hint="-"))
        store.retry_dead(first.frame_id)
        again = store.claim_frame("b")
        assert again is not None
        assert again.fence > first.fence
        assert not store.finish_frame(first, [])
        assert store.finish_frame(again, [])
