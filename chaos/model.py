"""Random histories of bridge, store and workers, each step compared with a plain Python ledger.

    hypothesis draws: send, send again, send late, kill the bridge, kill the store, claim, die, take over,
    finish, finish late, give up, try a dead letter again, policies, pauses, time, choices

The store is a real one, the bridge a real `Reception` fed with wire bytes. What fails is shrunk to the
shortest history that still fails.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from chaos.histories.history import again
from chaos.histories.operators import Operators
from chaos.histories.senders import Senders
from chaos.histories.workers import Workers
from chaos.outcome import Outcome, Say, Size, at_least, exactly, told
from paretoscope.adapters.store.launch import EmbeddedStore

RUNS, STEPS = 1000, 40


class Machine(Senders, Workers, Operators):
    """One history of all these, and what always holds."""

    @invariant()
    def the_store_holds_what_the_ledger_says(self) -> None:
        self.seen["steps"] += 1
        ledger = self.ledger
        pipe = self.store._redis.pipeline(transaction=True)
        pipe.hgetall("ps:counters")
        pipe.hgetall("ps:bytes")
        pipe.xlen("ps:work")
        pipe.xlen("ps:choices")
        pipe.zrevrange("ps:dead-letters", 0, -1)
        pipe.zrange("ps:streams", 0, -1)
        for stream in "abc":
            pipe.zrevrange(f"ps:history:{stream}", 0, -1)
            pipe.zrange(f"ps:waiting:{stream}", 0, -1)
        pipe.keys("ps:pixels:*")
        pipe.keys("ps:choice:*")
        counters, held, work, asked, dead, streams, *lists, pixels, choices = again(pipe.execute)
        counted = {name.decode(): int(value) for name, value in counters.items()}
        for name, value in ledger.counted.items():
            assert counted.get(f"frames:{name}", 0) == value, name
        opened = [one for one in ledger.frames.values() if one.open]
        ended = sum(ledger.counted[name] for name in ("done", "failed", "dropped"))
        assert ledger.counted["received"] == len(opened) + ended
        assert work == len(opened)
        assert asked == len(ledger.asked)
        assert int(held.get(b"waiting", 0)) == sum(one.nbytes for one in opened)
        assert [one.decode() for one in dead] == list(ledger.dead)[::-1]
        assert sorted(one.decode() for one in streams) == ledger.streams()
        for index, stream in enumerate("abc"):
            frames = ledger.of(stream)
            assert [one.decode() for one in lists[2 * index]] == [one.frame_id for one in frames[::-1]]
            waiting = [one.frame_id for one in frames if one.open]
            assert [one.decode() for one in lists[2 * index + 1]] == waiting
            kept = sum(one.nbytes for one in frames if not one.open)
            assert int(held.get(f"kept:{stream}".encode(), 0)) == kept
        assert {one.decode().removeprefix("ps:pixels:") for one in pixels} == set(ledger.frames)
        kept = {one.key for one in ledger.asked} | set(ledger.answered)
        assert {one.decode().removeprefix("ps:choice:") for one in choices} == kept
        for one in ledger.frames.values():
            assert again(partial(self.store.state, one.frame_id)) == one.state

    def teardown(self) -> None:
        """Work off what is left: nothing that was acknowledged may be without its one end."""
        try:
            for policy in list(self.ledger.policies):
                self.set_policy(policy, "wait", 1, None)
            while self.ledger.work:
                self.take_over("w1")
                claim = self.claims[-1]
                assert again(partial(self.store.finish_frame, claim, []))
                fence = self.fences[claim.frame_id, claim.fence]
                assert self.ledger.end(claim.frame_id, fence, "done")
            assert again(partial(self.store.claim_frame, "w1")) is None
            while self.ledger.asked:
                self.claim_choice("w1", impatient=True)
                claim = self.choice_claims[-1]
                assert again(partial(self.store.finish_choice, claim, []))
                assert self.ledger.answer(claim.choice_id, self.fences[claim.choice_id, claim.fence])
            told_ends = Counter(
                event.frame_id
                for _, event in again(partial(self.store.read_events, "0", 5000))
                if event.kind in ("result", "drop") or (event.kind == "fault" and event.frame_id)
            )
            assert told_ends == self.ledger.ends == self.ledger.taken
        finally:
            for store in [self.store, *self.workers.values()]:
                store.close()


def trial(size: Size, say: Say) -> Outcome:
    runs = size.times(RUNS, 25)
    Machine.seen.clear()
    say(f"{runs} histories of {STEPS} steps")
    with (
        tempfile.TemporaryDirectory(prefix="ps-model-") as folder,
        EmbeddedStore(Path(folder) / "data") as Machine.server,
    ):
        Machine.server._kept._steady_s = 0.0  # Killed more often than any server would be: back at once.
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=runs,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    seen = Machine.seen
    names = sorted(set(seen) - {"runs", "steps"})
    return Outcome(
        "model",
        f"{seen['runs']} random histories of bridge, store, workers and choices against a plain model",
        [
            at_least("histories", seen["runs"], RUNS if size.share >= 1 else 0),
            exactly("histories that went another way than the model", 0),
            told("steps compared", seen["steps"]),
            *(told(name, seen[name]) for name in names),
        ],
    )
