"""Frames that are claimed, taken over, ended, ended late, given up and tried again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from chaos.histories.history import WORKERS, History, again
from paretoscope.adapters.store import Claim
from paretoscope.contract import Fault

DIED = Fault(code="worker-died", hint="too often")


class Workers(History):
    @rule(name=WORKERS)
    def claim(self, name: str) -> None:
        store = self.worker(name)
        expected = self.ledger.claim(name, self.resuming(name, "frames", self.ledger.work), idle=False)
        self.book(store.claim_frame(name), expected)

    @rule(name=WORKERS, how=st.lists(st.sampled_from(["done", "done", "failed", "buried"]), max_size=5))
    def work(self, name: str, how: list[str]) -> None:
        """Claim and end some frames without trouble."""
        for one in how:
            before = len(self.claims)
            self.claim(name)
            if len(self.claims) > before:
                self.end(self.claims[-1], one)

    @rule(name=WORKERS)
    def take_over(self, name: str) -> None:
        """As a worker that finds all others silent."""
        with self.opened(claim_idle_s=0.0) as impatient:
            expected = self.ledger.claim(name, resuming=True, idle=True)
            self.book(impatient.claim_frame(name), expected)

    def book(self, claim: Claim | None, expected: Any) -> None:
        assert (claim and claim.frame_id) == (expected and expected.frame_id)
        if claim is not None:
            self.seen["claims"] += 1
            assert claim.pixels.tobytes() == self.sent[claim.frame_id][1]
            assert claim.gap == expected.gap
            self.fences[claim.frame_id, claim.fence] = expected.fence
            self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["done", "done", "failed", "buried"]))
    def finish(self, data: st.DataObject, how: str) -> None:
        """By any claim there ever was: the newest of an open frame counts, all others come too late."""
        self.end(data.draw(st.sampled_from(self.claims[-6:])), how)

    def end(self, claim: Claim, how: str) -> None:
        fence = self.fences[claim.frame_id, claim.fence]
        state = "done" if how == "done" else "failed"
        expected = self.ledger.end(claim.frame_id, fence, state, bury=how == "buried")
        self.seen["ends" if expected else "late ends"] += 1
        writes: dict[str, Callable[[], bool]] = {
            "done": partial(self.store.finish_frame, claim, []),
            "failed": partial(self.store.fail_frame, claim, Fault(code="constant-image", hint="x")),
            "buried": partial(self.store.bury_frame, claim, DIED),
        }
        assert again(writes[how]) == expected

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def keep(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        frame = self.ledger.frames.get(claim.frame_id)
        entry = next((one for one in self.ledger.work if one.key == claim.frame_id), None)
        valid = frame is not None and frame.fence == self.fences[claim.frame_id, claim.fence]
        holder = entry.holder if entry is not None and entry.holder is not None else "w1"
        assert again(lambda: self.store.keep(claim, holder)) == (valid and entry is not None)

    @precondition(lambda self: self.ledger.dead)
    @rule(data=st.data())
    def try_a_dead_letter_again(self, data: st.DataObject) -> None:
        frame_id = data.draw(st.sampled_from(sorted(self.ledger.dead)))
        held = self.ledger.frames.get(frame_id)
        if (held is not None and (held.open or held.choices)) or self.ledger.paused:
            return
        waiting = [one for one in self.ledger.frames.values() if one.open]
        dead = self.ledger.dead[frame_id]
        if len(waiting) >= 3 or len(self.ledger.streams()) >= 2 or dead.nbytes > 100:
            return  # Whether there is room is another rule's to try.
        self.seen["dead letters tried again"] += 1
        self.ledger.frames.pop(frame_id, None)
        del self.ledger.dead[frame_id]
        described, _ = self.sent[frame_id]
        self.ledger.put(
            frame_id,
            described.stream,
            described.epoch,
            described.sequence,
            described.nbytes,
            described.crc32,
            0,
        )
        again(lambda: self.store.retry_dead(frame_id))
