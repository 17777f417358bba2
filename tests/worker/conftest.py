from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.worker.choices import ChoiceWorker
from paretoscope.worker.frames import FrameWorker
from paretoscope.worker.patience import Patience
from paretoscope.worker.pulse import Pulse
from worker.fakes import BrightPixels


@dataclass
class Bench:
    """A worker in this process, its store and its workflow."""

    store: Store
    workflow: BrightPixels
    frames: FrameWorker
    choices: ChoiceWorker

    def work(self) -> str:
        claim = self.store.claim_frame("w")
        assert claim is not None
        self.frames.work(claim)
        return claim.frame_id

    def answer(self) -> str:
        claim = self.store.claim_choice("w")
        assert claim is not None
        self.choices.answer(claim)
        return claim.choice_id


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path_factory.mktemp("worker-store")) as running:
        yield running


@pytest.fixture
def bench(server: EmbeddedStore) -> Iterator[Bench]:
    with Store.open(server.url, claim_idle_s=60.0) as store:
        store._redis.flushall()
        workflow = BrightPixels()
        patience = Patience(threading.Event())
        pulse = Pulse(store, "w")
        yield Bench(
            store,
            workflow,
            FrameWorker(store, workflow, pulse, patience, "w", device="cpu", version="1"),
            ChoiceWorker(store, workflow, pulse, patience, "w"),
        )
