"""How the service stands, in an operator's words: what works, what is slow, what is not there."""

from __future__ import annotations

import time

from paretoscope.adapters.store import Store, WorkerBeat
from paretoscope.adapters.store.link import DISK_FULL
from paretoscope.api.context import Context
from paretoscope.contract.views import StatusReason, StatusView, WorkerView
from paretoscope.errors import ParetoscopeError

SLOW_STORE_MS = 100.0
SILENT_WORKER_S = 4.0
"""Workers give a sign of life each second, and are forgotten after five."""
STALLED_S = 15.0
"""Without a step forward. Stages of large frames take seconds; a worker is given up much later."""
BACKLOG_SHARE = 0.5


def worker_view(beat: WorkerBeat) -> WorkerView:
    return WorkerView(
        consumer=beat.consumer,
        device=beat.device,
        state=beat.state,
        detail=beat.detail,
        at=beat.at,
        age_s=beat.age_s,
        pid=beat.pid,
        tick_age_s=None if beat.tick_age_s is None else beat.tick_age_s + beat.age_s,
        kernel_ms=beat.kernel_ms,
        kernel_age_s=None if beat.kernel_age_s is None else beat.kernel_age_s + beat.age_s,
        kernel_error=beat.kernel_error,
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
    if not store.takes_new():
        wrong("disk-full", DISK_FULL)
    if not context.tail.connected:
        wrong("event-log", "News arrive late: the event log cannot be read. It is tried again by itself.")
    beats = store.workers()
    if not beats:
        wrong("no-worker", "Frames are taken and kept, but nobody analyses them: no worker runs.")
    elif not any(beat.state in ("ready", "working") for beat in beats):
        wrong("workers-starting", "The worker is starting; frames that come now wait for it.")
    workers = [worker_view(beat) for beat in beats]
    for one in workers:
        if (one.age_s or 0.0) > SILENT_WORKER_S:
            wrong("worker-silent", f"Worker {one.consumer} has said nothing for {one.age_s:.0f} s.")
        if one.state == "working" and (one.tick_age_s or 0.0) > STALLED_S:
            wrong(
                "worker-stalled",
                f"Worker {one.consumer} has made no step for {one.tick_age_s:.0f} s on {one.detail}. "
                "If it hangs it is replaced when the frame's time is up.",
            )
        if one.kernel_error:
            wrong("device-failed", f"Worker {one.consumer} cannot compute: {one.kernel_error}")
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
        workers=workers,
        bridge_seen_s=None if bridge is None else bridge.age_s,
        queued=queued,
        paused=store.paused_streams(),
        counts=store.counters(),
    )
