"""How the service stands, in an operator's words: what works, what is slow, what is not there."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from paretoscope.adapters.store import Store, WorkerBeat
from paretoscope.api.context import Context
from paretoscope.contract.views import StatusReason, StatusView, WorkerView
from paretoscope.errors import ParetoscopeError

SLOW_STORE_MS = 100.0
SILENT_WORKER_S = 4.0
"""Workers give a sign of life each second, and are forgotten after five."""
BACKLOG_SHARE = 0.5


def age_s(at: str) -> float:
    """Seconds since a UTC time; never negative, clocks of two machines differ."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds())


def worker_view(beat: WorkerBeat) -> WorkerView:
    return WorkerView(
        consumer=beat.consumer,
        device=beat.device,
        state=beat.state,
        detail=beat.detail,
        at=beat.at,
        age_s=age_s(beat.at),
    )


def store_ms(store: Store) -> float:
    """How long the store takes to answer. Raises StoreDown."""
    begun = time.perf_counter()
    store.ping()
    return 1000 * (time.perf_counter() - begun)


def standing(context: Context) -> StatusView:
    """Never raises: a store that is down is what it tells."""
    try:
        return _of(context)
    except ParetoscopeError as error:
        words = f"Results cannot be read, and frames wait at their senders. {error.hint}"
        reason = StatusReason(code=error.code, words=words)
        return StatusView(state="down", reasons=[reason], store_ms=None, event_log=False, workers=[])


def _of(context: Context) -> StatusView:
    store, reasons = context.store, list[StatusReason]()

    def wrong(code: str, words: str) -> None:
        reasons.append(StatusReason(code=code, words=words))

    latency_ms = store_ms(store)
    if latency_ms > SLOW_STORE_MS:
        wrong(
            "store-slow", f"The store takes {latency_ms:.0f} ms to answer; is the disk or the machine busy?"
        )
    if not context.tail.connected:
        wrong("event-log", "News arrive late: the event log cannot be read. It is tried again by itself.")
    beats = store.workers()
    if not beats:
        wrong("no-worker", "Frames are taken and kept, but nobody analyses them: no worker runs.")
    elif not any(beat.state in ("ready", "working") for beat in beats):
        wrong("workers-starting", "The worker is starting; frames that come now wait for it.")
    for beat in beats:
        if age_s(beat.at) > SILENT_WORKER_S:
            wrong("worker-silent", f"Worker {beat.consumer} has said nothing for {age_s(beat.at):.0f} s.")
    bridge = store.bridge()
    if bridge is None:
        wrong("no-bridge", "Instruments cannot send frames over ZeroMQ: no bridge was heard of lately.")
    for stream in bridge.contested if bridge is not None else ():
        wrong(
            "stream-taken",
            f"Two programs send as stream {stream}: one is taken, the other waits. Give each a stream of its "
            "own, or stop one.",
        )
    queued = sum(one.queued for one in store.streams())
    if queued > BACKLOG_SHARE * store.limits.backlog_frames:
        wrong(
            "backlog",
            f"{queued} frames wait to be analysed; at {store.limits.backlog_frames} senders have to wait. "
            "Scan slower, shorten the deadline, or add workers.",
        )
    if store.instruments_are_run():
        for one in store.instruments():
            if one.state == "failed":
                wrong("instrument-failed", f"{one.title} failed: {one.reason}")
    return StatusView(
        state="degraded" if reasons else "ok",
        reasons=reasons,
        store_ms=round(latency_ms, 3),
        event_log=context.tail.connected,
        workers=[worker_view(beat) for beat in beats],
        bridge_seen_s=None if bridge is None else age_s(bridge.at),
        queued=queued,
        paused=store.paused_streams(),
        counts=store.counters(),
    )
