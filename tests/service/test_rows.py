"""Rows through every process of the service: the frame is tracked from what grew while it was scanned."""

from __future__ import annotations

import re
import time
import uuid

import httpx
import numpy as np
import pytest

from paretoscope_client import Client, FrameSender
from paretoscope_client.scan import Scan
from service.conftest import PIXEL_NM, Service, closed, strontium_titanate


@pytest.fixture
def stream() -> str:
    return f"rows-{uuid.uuid4().hex[:8]}"


def scan(sender: FrameSender, image: np.ndarray, row_s: float = 0.002) -> Scan:
    """Rows at an instrument's pace."""
    with sender.begin(image.shape, image.dtype, pixel_size_nm=PIXEL_NM) as scanned:
        for first in range(0, len(image), 16):
            time.sleep(16 * row_s)
            scanned.rows(image[first : first + 16])
    return scanned


def counted(service: Service, outcome: str) -> float:
    text = httpx.get(f"{service.url}/metrics").text
    found = re.search(rf'^paretoscope_rows_total{{outcome="{outcome}"}} (\S+)$', text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def test_a_tracked_frame_comes_from_what_grew_and_is_the_frame_sent_whole(
    service: Service, client: Client, stream: str
) -> None:
    with FrameSender(service.frames, stream, heartbeat_s=0.1) as sender:
        tuned = sender.send(strontium_titanate(1), pixel_size_nm=PIXEL_NM).wait(30)
        assert closed(client, tuned.frame_id).state == "done"
        image, ahead = strontium_titanate(2), None
        for _ in range(5):  # on a busy machine the worker may not be free in time; nothing is lost then
            receipt = scan(sender, image).receipt
            assert receipt is not None
            by_rows = closed(client, receipt.wait(30).frame_id)
            assert by_rows.ledger is not None
            if "grown" in {stage.name for stage in by_rows.ledger.stages}:
                ahead = by_rows
                break
        assert ahead is not None, "no frame came from what grew"
        whole = closed(client, sender.send(image, pixel_size_nm=PIXEL_NM).wait(30).frame_id)
        assert sender.counters["by-rows"] > 0
    assert whole.atoms == ahead.atoms
    assert np.array_equal(client.image(ahead.frame_id), client.image(whole.frame_id))
    for outcome in ("assembled", "used"):  # bridge and worker bring their counts to the store now and then
        deadline = time.monotonic() + 10
        while not counted(service, outcome) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert counted(service, outcome) > 0, outcome
