"""Whether frames that come now will be analysed: all on their way is tried, and told with its figure."""

from __future__ import annotations

import time
from collections.abc import Callable

from paretoscope.api.context import Context
from paretoscope.api.standing import SILENT_WORKER_S, worker_view
from paretoscope.contract.views import Readiness, ReadinessCheck, WorkerView
from paretoscope.errors import ParetoscopeError

SLOWEST_STORE_MS = 2000.0
SLOWEST_KERNEL_MS = 1000.0
"""It takes about one; a device that needs a thousand times as long is not one to rely on."""
OLDEST_PROOF_S = 10.0
"""Of a device that computes. The kernel runs every two seconds when there is time for it; in the middle of a
frame each step forward is as good."""
SILENT_BRIDGE_S = 8.0


def readiness(context: Context) -> Readiness:
    """Never raises: what fails is what it tells."""
    workers, bridge_s = list[WorkerView](), None
    store = _store(context)
    checks = [store]
    if store.ok:
        try:
            workers = [worker_view(beat) for beat in context.store.workers()]
            bridge = context.store.bridge()
            bridge_s = None if bridge is None else bridge.age_s
        except ParetoscopeError as error:
            store = checks[0] = store.model_copy(update={"ok": False, "words": error.hint})
    if store.ok:
        checks += [_event_log(context), *_worker(workers), _bridge(context, bridge_s)]
    reasons = [check.words for check in checks if not check.ok]
    return Readiness(
        ready=not reasons,
        store=store.ok,
        store_ms=store.value,
        bridge_seen_s=bridge_s,
        event_log=context.tail.connected,
        workers=workers,
        checks=checks,
        reasons=reasons,
    )


def _store(context: Context) -> ReadinessCheck:
    """Write a value and read it back."""
    begun = time.perf_counter()
    try:
        context.store.probe()
    except ParetoscopeError as error:
        return ReadinessCheck(name="store", ok=False, unit="ms", limit=SLOWEST_STORE_MS, words=error.hint)
    took_ms = 1e3 * (time.perf_counter() - begun)
    return _within(
        "store",
        took_ms,
        "ms",
        SLOWEST_STORE_MS,
        lambda: f"The store took {took_ms:.0f} ms to take and give back a value; is the disk busy?",
    )


def _event_log(context: Context) -> ReadinessCheck:
    if context.tail.connected:
        return ReadinessCheck(name="event-log", ok=True)
    words = "The event log cannot be read; it is tried again twice a second."
    return ReadinessCheck(name="event-log", ok=False, words=words)


def _worker(workers: list[WorkerView]) -> list[ReadinessCheck]:
    """Of the worker that stands best: one is enough."""
    at_work = [one for one in workers if one.state in ("ready", "working")]
    if not at_work:
        words = (
            "Workers are starting; kernels compile on first use."
            if workers
            else "No worker was heard of lately; start one with `paretoscope worker`."
        )
        failed = [one.kernel_error for one in workers if one.kernel_error]
        if failed:
            words = f"No worker can compute: {failed[0]}"
        return [ReadinessCheck(name="worker", ok=False, unit="s", limit=SILENT_WORKER_S, words=words)]
    return min((_checks(one) for one in at_work), key=lambda checks: sum(not one.ok for one in checks))


def _checks(worker: WorkerView) -> list[ReadinessCheck]:
    name, age_s = worker.consumer, worker.age_s or 0.0
    heard = _within(
        "worker",
        age_s,
        "s",
        SILENT_WORKER_S,
        lambda: f"Worker {name} has said nothing for {age_s:.0f} s; it is replaced if it hangs.",
    )
    if worker.kernel_error or worker.kernel_ms is None or worker.kernel_age_s is None:
        words = worker.kernel_error or "it has not told whether its device computes."
        failed = f"Worker {name} on {worker.device}: {words}"
        return [heard, ReadinessCheck(name="kernel", ok=False, unit="ms", words=failed)]
    kernel_ms = worker.kernel_ms
    kernel = _within(
        "kernel",
        kernel_ms,
        "ms",
        SLOWEST_KERNEL_MS,
        lambda: f"Worker {name} needed {kernel_ms:.0f} ms for a kernel of one; is {worker.device} busy?",
    )
    ages_s = [worker.kernel_age_s]
    if worker.state == "working" and worker.tick_age_s is not None:
        ages_s.append(worker.tick_age_s)
    proof_s = min(ages_s)
    proof = _within(
        "kernel-age",
        proof_s,
        "s",
        OLDEST_PROOF_S,
        lambda: f"Worker {name} has computed nothing for {proof_s:.0f} s; it is replaced if it hangs.",
    )
    return [heard, kernel, proof]


def _bridge(context: Context, age_s: float | None) -> ReadinessCheck:
    if age_s is None and not context.settings.needs_bridge:
        return ReadinessCheck(name="bridge", ok=True, unit="s")
    if age_s is None:
        words = "Frames cannot come over ZeroMQ: no bridge was heard of lately. It is started anew by itself."
        return ReadinessCheck(name="bridge", ok=False, unit="s", limit=SILENT_BRIDGE_S, words=words)
    return _within(
        "bridge",
        age_s,
        "s",
        SILENT_BRIDGE_S,
        lambda: f"The bridge, which takes frames over ZeroMQ, has said nothing for {age_s:.0f} s.",
    )


def _within(name: str, value: float, unit: str, limit: float, words: Callable[[], str]) -> ReadinessCheck:
    ok = value <= limit
    return ReadinessCheck.model_validate(
        {"name": name, "ok": ok, "value": value, "unit": unit, "limit": limit, "words": "" if ok else words()}
    )
