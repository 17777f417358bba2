"""Policies, pauses, the passing of time, and choices."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from chaos._ledger import Policy
from chaos.histories.history import STREAMS, WORKERS, History, again
from paretoscope.contract import Choice, StreamPolicy


class Operators(History):
    @rule(
        stream=STREAMS,
        drop=st.sampled_from(["wait", "wait", "drop", "newest"]),
        keep_newest=st.integers(1, 3),
        max_age_s=st.sampled_from([None, None, 5.0]),
    )
    def set_policy(self, stream: str, drop: Any, keep_newest: int, max_age_s: float | None) -> None:
        self.ledger.policies[stream] = Policy(drop, keep_newest, max_age_s)
        wanted = StreamPolicy(drop=drop, keep_newest=keep_newest, max_age_s=max_age_s)
        again(lambda: self.store.set_policy(stream, wanted))

    @rule(stream=STREAMS, seconds=st.sampled_from([0.0, 1.0, 4.0, 6.0]))
    def pause_or_resume_or_wait(self, stream: str, seconds: float) -> None:
        if seconds:
            self.ledger.now_s += seconds
            return
        if stream in self.ledger.paused:
            again(lambda: self.store.resume(stream))
        elif len(self.ledger.paused) >= self.limits.streams:
            return  # So many may be paused, and no more.
        else:
            again(lambda: self.store.pause(stream))
        self.ledger.paused ^= {stream}

    @precondition(lambda self: self.ledger.frames)
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        frame_id = data.draw(st.sampled_from(sorted(self.ledger.frames)))
        self.next_choice += 1
        choice_id = f"c{self.next_choice}"
        stream = self.ledger.frames[frame_id].stream
        choice = Choice(frame_id=frame_id, stream=stream, weight=0.5, choice_id=choice_id)
        self.ledger.choose(choice_id, frame_id)
        self.seen["choices"] += 1
        for _ in range(2):  # the second is the first's, asked again
            assert again(lambda: self.store.submit_choice(choice)) == choice_id

    @rule(name=WORKERS, impatient=st.booleans())
    def claim_choice(self, name: str, impatient: bool) -> None:
        if impatient:
            expected = self.ledger.claim_choice(name, resuming=True, idle=True)
            with self.opened(claim_idle_s=0.0) as store:
                claim = store.claim_choice(name)
        else:
            store = self.worker(name)
            expected = self.ledger.claim_choice(
                name, self.resuming(name, "choices", self.ledger.asked), idle=False
            )
            claim = store.claim_choice(name)
        assert (claim and claim.choice_id) == expected
        if claim is not None:
            self.fences[claim.choice_id, claim.fence] = self.ledger.choices[claim.choice_id].fence
            self.choice_claims.append(claim)

    @precondition(lambda self: self.choice_claims)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.choice_claims))
        expected = self.ledger.answer(claim.choice_id, self.fences[claim.choice_id, claim.fence])
        self.seen["answers" if expected else "late answers"] += 1
        assert again(lambda: self.store.finish_choice(claim, [])) == expected
