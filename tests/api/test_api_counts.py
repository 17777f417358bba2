"""Whatever is not worked is counted by its reason, per stream and for all of them."""

from __future__ import annotations

import httpx
import pytest

from bridge.running import BareClient, eventually, running_bridge
from bridge.running import frame as sent
from paretoscope.adapters.store import Store
from paretoscope.contract import StreamPolicy
from paretoscope.errors import Busy
from serving import put, put_worked, results


def tally(http: httpx.Client, stream: str = "stem") -> dict:
    return http.get(f"/v1/streams/{stream}/tally").json()


def test_a_sender_that_hears_busy_or_sends_twice_is_counted_on_its_stream(http: httpx.Client, store: Store):
    for sequence in range(8):  # 8 may wait
        put(store, sequence)
    with pytest.raises(Busy):
        put(store, 8)
    put(store, 3)
    store.pause("stem")
    with pytest.raises(Busy):
        put(store, 9)
    told = tally(http)
    assert (told["received"], told["busy"], told["held"], told["duplicates"]) == (8, 1, 1, 1)
    with pytest.raises(Busy):
        put(store, 0, stream="never-heard-of")
    assert store.tally("never-heard-of") == {}, "names that anybody can think of take no room"


def test_a_late_write_of_a_worker_that_lost_its_frame_is_counted_on_its_stream(
    http: httpx.Client, store: Store
):
    put(store)
    late = store.claim_frame("slow")
    store.claim_idle_s = 0.0
    other = store.claim_frame("other")
    assert late is not None
    assert other is not None
    assert not store.finish_frame(late, results(late.frame_id))
    assert store.finish_frame(other, results(other.frame_id))
    assert tally(http)["fenced"] == 1


def test_what_the_bridge_refuses_or_had_before_is_counted_on_the_stream_that_sent_it(
    http: httpx.Client, store: Store
):
    put_worked(store)
    with running_bridge(store) as bridge, BareClient(bridge.address) as sender:
        assert sender.ask(*sent(1, stream="stem", epoch="e1"))["type"] == "ack"
        assert sender.ask(*sent(1, stream="stem", epoch="e1"))["duplicate"]
        assert sender.ask(*sent(2, stream="stem", epoch="e1", nbytes=7))["code"] == "bad-size"
        assert sender.ask(*sent(0, stream="never-heard-of", nbytes=7))["code"] == "bad-size"
        assert eventually(lambda: tally(http)["failed_by_code"] == {"bad-size": 1})
    told = tally(http)
    assert (told["duplicates"], told["failed"]) == (1, 0)
    assert store.tally("never-heard-of") == {}
    assert store.counters()["fault:bad-size"] == 2


@pytest.mark.parametrize(
    "sample",
    [
        'paretoscope_drops_total{reason="newer-frame"}',
        'paretoscope_drops_total{reason="stream-busy"}',
        'paretoscope_drops_total{reason="too-old"}',
        'paretoscope_frames_total{outcome="missing"}',
        'paretoscope_frames_total{outcome="busy"}',
        'paretoscope_frames_total{outcome="duplicate"}',
        'paretoscope_frames_total{outcome="fenced"}',
        'paretoscope_counted_total{what="gaps"}',
    ],
)
def test_every_kind_of_loss_is_a_metric_from_the_start(http: httpx.Client, sample: str):
    assert f"{sample} 0.0" in http.get("/metrics").text


def test_drops_and_gaps_are_counted_by_reason_in_the_metrics(http: httpx.Client, store: Store):
    store.set_policy("stem", StreamPolicy(drop="newest", keep_newest=1))
    for sequence in (0, 1, 5):
        put(store, sequence)
    claim = store.claim_frame("w")
    assert claim is not None
    told = http.get("/metrics").text
    assert 'paretoscope_drops_total{reason="newer-frame"} 2.0' in told
    assert 'paretoscope_frames_total{outcome="missing"} 3.0' in told
    assert 'paretoscope_counted_total{what="gaps"} 1.0' in told
    assert http.get("/v1/status").json()["counts"]["drop:newer-frame"] == 2
