"""The operator's pick on a frame's front, through every process of the service."""

from __future__ import annotations

import uuid

import pytest

from paretoscope.contract import LogParams
from paretoscope.contract.views import FrameView
from paretoscope_client import Client, FrameSender
from service.conftest import PIXEL_NM, Service, closed, strontium_titanate


@pytest.fixture
def stream() -> str:
    return f"steered-{uuid.uuid4().hex[:8]}"


def analysed(client: Client, sender: FrameSender, stream: str, seed: int) -> FrameView:
    acknowledged = sender.send(strontium_titanate(seed), pixel_size_nm=PIXEL_NM).wait(30)
    found = closed(client, acknowledged.frame_id)
    assert found.state == "done", found.fault
    return found


def test_a_pick_redetects_its_frame_and_sets_the_next_frames_operating_point(
    service: Service, client: Client, stream: str
) -> None:
    with FrameSender(service.frames, stream) as sender:
        first = analysed(client, sender, stream, seed=1)
        assert first.params is not None
        wanted = first.params.model_copy(update={"threshold": first.params.threshold * 1.7})
        answer = client.choose(first.frame_id, params=wanted, by="test")
        assert answer.frame is not None
        assert answer.frame.revision == 1
        assert answer.frame.params is not None
        assert answer.frame.params.threshold == pytest.approx(wanted.threshold)
        second = analysed(client, sender, stream, seed=2)
    assert second.params is not None
    assert second.params.threshold == pytest.approx(wanted.threshold)
    assert client.front(second.frame_id).chosen == second.chosen


def test_a_pick_for_one_frame_leaves_the_next_alone(service: Service, client: Client, stream: str) -> None:
    with FrameSender(service.frames, stream) as sender:
        first = analysed(client, sender, stream, seed=1)
        odd = LogParams(sigma_min=2.0, sigma_max=2.0, threshold=0.4321, overlap=0.5, num_sigma=1)
        answer = client.choose(first.frame_id, params=odd, scope="frame")
        assert answer.frame is not None
        assert answer.frame.params is not None
        assert answer.frame.params.threshold == pytest.approx(0.4321)
        second = analysed(client, sender, stream, seed=2)
    assert second.params is not None
    assert second.params.threshold != pytest.approx(0.4321)


def test_the_name_of_a_class_stays_with_it_on_the_next_frame(
    service: Service, client: Client, stream: str
) -> None:
    with FrameSender(service.frames, stream) as sender:
        first = analysed(client, sender, stream, seed=1)
        brightest = client.classes(first.frame_id).classes[0]
        client.name_class(stream, brightest.class_id, "Sr column")
        second = analysed(client, sender, stream, seed=2)
    named = [one for one in client.classes(second.frame_id).classes if one.name == "Sr column"]
    assert [one.class_id for one in named] == [brightest.class_id]
    assert named[0].count == pytest.approx(brightest.count, rel=0.3)


def test_every_frame_has_a_ledger_and_a_verdict(service: Service, client: Client, stream: str) -> None:
    with FrameSender(service.frames, stream) as sender:
        found = analysed(client, sender, stream, seed=3)
    assert found.ledger is not None
    stages = {stage.name for stage in found.ledger.stages}
    assert stages >= {"queued", "lattice", "scale-space", "tune", "windows", "refine", "segment", "publish"}
    assert found.ledger.deadline_ms == 3000.0
    assert found.ledger.met == (found.ledger.total_ms <= found.ledger.deadline_ms)
    assert found.guard is not None
