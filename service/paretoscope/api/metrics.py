"""Counts and times for Prometheus: counters from the store (all processes), stage times from the ledgers."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.frames import DROP_REASONS
from paretoscope.contract import Event, Ledger
from paretoscope.errors import ParetoscopeError

log = logging.getLogger(__name__)

SECONDS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.6, 1.0, 2.0, 3.0, 6.0, 10.0, 30.0, 60.0)

OUTCOMES = (
    "received",
    "done",
    "failed",
    "dropped",
    "late",
    "missing",
    "duplicate",
    "busy",
    "paused",
    "fenced",
)
TOLD_FROM_ZERO = (
    *(f"frames:{outcome}" for outcome in OUTCOMES),
    *(f"drop:{reason}" for reason in DROP_REASONS),
    *("gaps", "dead-letters", "workers:died", "workers:hung"),
)
"""There from the start: a rate over a counter that appears with its first loss misses that loss."""


class StoreCollector(Collector):
    """Reads the store's counters when Prometheus asks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("paretoscope_store_up", "1 when the store answers.")
        try:
            counters, streams, workers = self._store.counters(), self._store.streams(), self._store.workers()
        except ParetoscopeError:
            up.add_metric([], 0.0)
            yield up
            return
        up.add_metric([], 1.0)
        yield up
        frames = CounterMetricFamily(
            "paretoscope_frames", "Frames by what became of them.", labels=["outcome"]
        )
        faults = CounterMetricFamily("paretoscope_faults", "Faults by code.", labels=["code"])
        drops = CounterMetricFamily("paretoscope_drops", "Frames dropped by policy.", labels=["reason"])
        other = CounterMetricFamily("paretoscope_counted", "Whatever else is counted.", labels=["what"])
        rows = CounterMetricFamily(
            "paretoscope_rows", "Blocks of rows, and frames that came in them.", labels=["outcome"]
        )
        families = {"frames": frames, "fault": faults, "rows": rows, "drop": drops}
        for name, value in (dict.fromkeys(TOLD_FROM_ZERO, 0) | counters).items():
            group, _, label = name.partition(":")
            family = families.get(group) if label else None
            (family or other).add_metric([label if family else name], value)
        yield from (frames, faults, drops, rows, other)
        queue = GaugeMetricFamily("paretoscope_queue", "Frames not yet done.", labels=["stream"])
        for stream in streams:
            queue.add_metric([stream.stream], stream.queued)
        yield queue
        yield GaugeMetricFamily("paretoscope_workers", "Workers heard of lately.", value=len(workers))


class Metrics:
    def __init__(self, store: Store) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(StoreCollector(store))
        self._store = store
        self._stage = Histogram(
            "paretoscope_stage_seconds",
            "Time of one stage of one frame.",
            ["stage"],
            registry=self.registry,
            buckets=SECONDS,
        )
        self._total = Histogram(
            "paretoscope_frame_seconds",
            "From last byte to published result.",
            ["mode", "met"],
            registry=self.registry,
            buckets=SECONDS,
        )

        self.refused = Counter(
            "paretoscope_http_refused",
            "Requests that were not let in, by code.",
            ["code"],
            registry=self.registry,
        )

        self.unaudited = Counter(
            "paretoscope_unaudited",
            "Changes that the store could not take into the audit log.",
            registry=self.registry,
        )

    def saw(self, event: Event) -> None:
        """Called for every new event, outside the event loop."""
        if event.kind != "result" or event.frame_id is None:
            return
        try:
            ledger = self._store.document(event.frame_id, Ledger)
        except ParetoscopeError as error:
            log.info("no ledger of %s to count: %s", event.frame_id, error)
            return
        if ledger is None:
            return
        for stage in ledger.stages:
            self._stage.labels(stage.name).observe(stage.ms / 1000)
        self._total.labels(ledger.mode, str(ledger.met).lower()).observe(ledger.total_ms / 1000)
