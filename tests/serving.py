"""A real store, a real API on a free port, and a small worker that answers choices; for several suites."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator

import anyio
import numpy as np
import pytest

from paretoscope.adapters.store import Claim, Store, utc_now, utc_text
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.server import ApiServer
from paretoscope.contract import (
    AtomClass,
    AtomMap,
    Classes,
    Document,
    ExpectedCount,
    Fault,
    FrameHeader,
    FrontPoint,
    Guard,
    Ledger,
    LogParams,
    OperatingPoint,
    ParameterMap,
    ParetoFront,
    StageTime,
    WindowResult,
)
from paretoscope.errors import Busy, StoreDown
from paretoscope.settings import Limits

# anyio loads this on first use: in the API's thread, where pytest would parse it beside the main thread's own
# parsing, of which CPython 3.11 now and then makes a SystemError.
assert callable(anyio.open_file)

SIDE = 96
SPACING = 12.0


def picture(sequence: int = 0, side: int = SIDE) -> np.ndarray:
    """(side, side) uint16: a square lattice of bright columns, other noise for each number."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    phase = 2 * np.pi / SPACING
    wave = (np.cos(phase * (y - SPACING / 2)) + np.cos(phase * (x - SPACING / 2))) / 2
    noise = np.random.default_rng(sequence).normal(0.0, 0.03, (side, side))
    return np.clip(8000 + 30000 * (np.exp(2 * (wave - 1)) + noise), 0, 65535).astype(np.uint16)


def frame(sequence: int = 0, stream: str = "stem", **extra: object) -> tuple[FrameHeader, np.ndarray]:
    pixels = picture(sequence)
    told = {
        "stream": stream,
        "epoch": "e1",
        "sequence": sequence,
        "shape": pixels.shape,
        "dtype": "uint16",
        "nbytes": pixels.nbytes,
        "crc32": zlib.crc32(pixels),
        "pixel_size_nm": (0.02, 0.02),
        "dwell_us": 10.0,
        "frame_time_s": 0.5,
        "simulated": True,
    }
    return FrameHeader.model_validate(told | extra), pixels


def points() -> list[FrontPoint]:
    """A front from few missed to few false atoms."""
    rows = [
        (0.02, 0.00, 0.30, 64, 19),
        (0.05, 0.06, 0.12, 60, 8),
        (0.08, 0.15, 0.05, 54, 3),
        (0.12, 0.4, 0.0, 38, 0),
    ]
    return [
        FrontPoint(
            params=LogParams(sigma_min=1.5, sigma_max=4.0, threshold=threshold, overlap=0.3),
            qc=qc,
            er=er,
            n_found=found,
            n_close=close,
        )
        for threshold, qc, er, found, close in rows
    ]


def results(frame_id: str, chosen: int = 1, revision: int = 0) -> list[Document]:
    """What a worker would write; as many atoms as the chosen point found, on the columns of `picture`."""
    point = points()[chosen]
    centres = np.arange(SPACING / 2, SIDE, SPACING, dtype=np.float32)
    y, x = (grid.ravel()[: point.n_found] for grid in np.meshgrid(centres, centres, indexing="ij"))
    count = len(y)
    labels = (np.arange(count) % 3).astype(np.int32)
    labels[:2] = -1
    components = np.stack([np.cos(labels * 2.0), np.sin(labels * 2.0)], axis=1).astype(np.float32)
    components[:2] = np.nan
    spot = np.exp(-((np.mgrid[0:9, 0:9] - 4.0) ** 2).sum(axis=0) / 6).astype(np.float32)
    return [
        AtomMap(
            frame_id=frame_id,
            revision=revision,
            columns={
                "atom_id": np.arange(count, dtype=np.int32),
                "y_px": y,
                "x_px": x,
                "y_nm": y * np.float32(0.02),
                "x_nm": x * np.float32(0.02),
                "y_error_px": np.where(np.arange(count) == 3, np.nan, 0.05).astype(np.float32),
                "sigma_px": np.full(count, 2.3, np.float32),
                "score": np.linspace(0.1, 0.4, count, dtype=np.float32),
                "confidence": np.linspace(0.5, 1.0, count, dtype=np.float32),
                "class_id": labels,
                "area_kind": np.ones(count, np.uint8),
            },
            pixel_size_nm=(0.02, 0.02),
            shape=(SIDE, SIDE),
            params=point.params,
            mask=np.pad(np.ones((12, 9), np.uint8), ((0, 0), (0, 3)), constant_values=2),
            mask_step_px=8,
        ),
        ParetoFront(
            frame_id=frame_id,
            revision=revision,
            points=points(),
            chosen=chosen,
            hypervolume=0.91,
            n_expected=ExpectedCount(
                value=64.0,
                source="lattice-occupied-area",
                lattice="SrTiO3 (given by name)",
                neighbour_px=SPACING,
            ),
            evaluations=96,
        ),
        ParameterMap(
            frame_id=frame_id,
            window_px=64,
            step_px=32,
            grid=(1, 2),
            windows=[
                WindowResult(
                    y_px=0, x_px=0, params=point.params, qc=0.1, er=0.0, n_found=20, n_expected=22.5
                ),
                WindowResult(y_px=0, x_px=32, params=None, reason="nothing to count: vacuum"),
            ],
        ),
        Classes(
            frame_id=frame_id,
            revision=revision,
            classes=[AtomClass(class_id=k, count=int((labels == k).sum()), weight=1 / 3) for k in range(3)],
            labels=labels,
            probability=np.where(labels < 0, np.nan, 0.9).astype(np.float32),
            centroids=np.stack([spot, spot**2, 1 - spot]),
            dispersions=np.stack([spot * 0.1, spot * 0.2, spot * 0.3]),
            components=components,
            explained_variance=np.array([0.6, 0.2], np.float32),
            patch_px=9,
        ),
        Ledger(
            frame_id=frame_id,
            received_at=utc_text(utc_now()),  # the page tells how old a result is
            stages=[
                StageTime(name=name, ms=ms)
                for name, ms in (
                    ("queued", 4.0),
                    ("scale-space", 21.0),
                    ("lattice", 35.0),
                    ("tune", 410.0),
                    ("refine", 12.0),
                    ("segment", 88.0),
                )
            ],
            total_ms=574.0,
            deadline_ms=3000.0,
            acquisition_ms=500.0,
            met=True,
            evaluations=96,
            optimiser="qlognehvi",
        ),
        Guard(frame_id=frame_id, fit_for_control=False, reasons=["simulated"]),
    ]


def put(store: Store, sequence: int = 0, **extra: object) -> str:
    header, pixels = frame(sequence, **extra)
    store.put_frame(header, pixels)
    return header.frame_id


def put_worked(store: Store, sequence: int = 0, **extra: object) -> str:
    """A frame with a finished result."""
    frame_id = put(store, sequence, **extra)
    while store.state(frame_id) != "done":  # a running worker may take it first
        claim = store.claim_frame("w", 0.01)
        if claim is not None:
            store.finish_frame(claim, results(claim.frame_id))
    return frame_id


class Beating:
    """The signs of life of a worker in the best of health, each second, until stopped."""

    def __init__(self, store: Store, consumer: str) -> None:
        self._store, self.consumer = store, consumer
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Beating:
        self.once()
        self._thread.start()
        return self

    def once(self, **told: object) -> None:
        vitals = {"state": "ready", "tick_age_s": 0.1, "kernel_ms": 0.9, "kernel_age_s": 0.5, "ttl_s": 30.0}
        self._store.beat(self.consumer, pid=1, device="cpu", **(vitals | told))  # type: ignore[arg-type]

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            try:
                self.once()
            except (StoreDown, Busy):
                continue

    def stop(self) -> None:
        """No more, and forgotten."""
        self._stop.set()
        self._thread.join(10.0)
        self._store._redis.delete(f"ps:worker:{self.consumer}")

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10.0)


class SmallWorker:
    """Answers frames and choices at once from `results`, until stopped; fails constant images."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._beating = Beating(store, "small")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._revision = 0

    def __enter__(self) -> SmallWorker:
        self._beating.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._beating.__exit__()
        self._stop.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            claim = self._store.claim_frame("small", 0.02)
            if claim is not None:
                self._work(claim)
            asked = self._store.claim_choice("small", 0.02)
            if asked is None:
                continue
            choice = asked.choice
            self._revision += 1
            chosen = choice.point if choice.point is not None else round(3 * (choice.weight or 0.0))
            if choice.params is not None:
                known = [point.params for point in points()]
                if choice.params not in known:
                    fault = Fault(code="no-such-params", hint="The small worker knows its own front only.")
                    self._store.fail_choice(asked, fault)
                    continue
                chosen = known.index(choice.params)
            operating = OperatingPoint(
                params=points()[chosen].params,
                weight=choice.weight,
                origin="operator",
                frame_id=choice.frame_id,
                choice_id=asked.choice_id,
            )
            self._store.finish_choice(
                asked,
                results(choice.frame_id, chosen, self._revision),
                operating if choice.scope == "stream" else None,
            )

    def _work(self, claim: Claim) -> None:
        if claim.pixels.min() == claim.pixels.max():
            hint = "Every pixel is the same; is the beam blanked?"
            self._store.fail_frame(claim, Fault(code="constant-image", hint=hint, frame_id=claim.frame_id))
        else:
            self._store.finish_frame(claim, results(claim.frame_id))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    with EmbeddedStore(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def store(server: EmbeddedStore) -> Iterator[Store]:
    with Store.open(server.url, Limits(history_frames=20, backlog_frames=8)) as opened:
        opened._redis.flushall()
        yield opened


@pytest.fixture
def api(store: Store) -> Iterator[ApiServer]:
    """The API on a free port of 127.0.0.1, over an empty store."""
    settings = ApiSettings(max_body_bytes=1_000_000, choice_wait_s=5.0, max_listeners=4)
    with ApiServer(create_app(store, settings)) as running:
        yield running


@pytest.fixture
def worker(store: Store) -> Iterator[SmallWorker]:
    with SmallWorker(store) as running:
        yield running
