"""From a result in the store to its frame on the screen: ``python -m benchmarks.dashboard``.

A store, the API and headless Chromium at 1280 x 800 on this machine; finished frames of 512 x 512 pixels with
3000 atoms, a front of 12 points and 3 classes are written 10 times a second. The time runs from just before
the result is written until the animation frame after the page drew it; a frame that a newer one overtook is
not drawn and is counted. Prints p50, p95 and the largest, in ms.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.api import create_app
from paretoscope.api.server import ApiServer
from paretoscope.contract import (
    AtomClass,
    AtomMap,
    Classes,
    Document,
    ExpectedCount,
    FrameHeader,
    FrontPoint,
    Ledger,
    LogParams,
    ParetoFront,
    StageTime,
)
from paretoscope.errors import StoreDown

WATCH = """() => {
  const canvas = document.getElementById("map");
  window.drawn = {};
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    const { frame, state } = canvas.dataset;
    if (state === "done") window.drawn[frame] ??= Date.now() / 1000;
  }))).observe(canvas, { attributeFilter: ["data-frame", "data-state"] });
}"""


def results(frame_id: str, atoms: int, side_px: int, seed: int) -> list[Document]:
    """What the worker writes for one frame, every column filled."""
    rng = np.random.default_rng(seed)
    params = LogParams(sigma_min=1.5, sigma_max=4.0, threshold=0.05, overlap=0.3)
    columns: dict[str, np.ndarray] = {
        name: rng.uniform(0, top, atoms).astype(np.float32)
        for name, top in (("y_px", side_px), ("x_px", side_px), ("y_nm", 8), ("x_nm", 8), ("y_error_px", 0.1))
    }
    columns |= {
        "atom_id": np.arange(atoms, dtype=np.int32),
        "x_error_px": columns["y_error_px"],
        "sigma_px": np.full(atoms, 2.2, np.float32),
        "score": rng.uniform(0.05, 0.4, atoms).astype(np.float32),
        "confidence": rng.uniform(0.3, 1.0, atoms).astype(np.float32),
        "class_id": rng.integers(0, 3, atoms).astype(np.int32),
        "area_kind": np.ones(atoms, np.uint8),
    }
    points = [
        FrontPoint(params=params, qc=0.01 * k, er=0.2 / (k + 1), n_found=atoms - k, n_close=12 - k)
        for k in range(12)
    ]
    labels = columns["class_id"]
    patches = rng.random((3, 15, 15)).astype(np.float32)
    return [
        AtomMap(
            frame_id=frame_id,
            columns=columns,
            pixel_size_nm=(0.0156, 0.0156),
            shape=(side_px, side_px),
            params=params,
        ),
        ParetoFront(
            frame_id=frame_id,
            points=points,
            chosen=3,
            n_expected=ExpectedCount(value=float(atoms), source="lattice-occupied-area"),
        ),
        Classes(
            frame_id=frame_id,
            classes=[AtomClass(class_id=k, count=int((labels == k).sum()), weight=1 / 3) for k in range(3)],
            labels=labels,
            probability=columns["confidence"],
            centroids=patches,
            dispersions=patches,
            components=rng.normal(size=(atoms, 2)).astype(np.float32),
            explained_variance=np.array([0.6, 0.2], np.float32),
            patch_px=15,
        ),
        Ledger(
            frame_id=frame_id,
            received_at="2026-01-01T00:00:00Z",
            stages=[StageTime(name="track", ms=60.0)],
            total_ms=60.0,
            deadline_ms=100.0,
            met=True,
        ),
    ]


def play(store: Store, page: Page, frames: int, rate_hz: float, atoms: int, side_px: int) -> dict[str, float]:
    """Write `frames` results on the beat; the moment each was written, s."""
    written: dict[str, float] = {}
    begun = time.monotonic()
    for k in range(frames):
        noise = np.random.default_rng(k).integers(0, 40000, (side_px, side_px), dtype=np.uint16)
        header = FrameHeader(
            stream="bench",
            epoch="e1",
            sequence=k,
            shape=(side_px, side_px),
            dtype="uint16",
            nbytes=noise.nbytes,
            crc32=zlib.crc32(noise.tobytes()),
            pixel_size_nm=(0.0156, 0.0156),
        )
        documents = results(header.frame_id, atoms, side_px, k)
        store.put_frame(header, noise)
        claim = store.claim_frame("bench", 1.0)
        if claim is None:
            raise SystemExit("another worker took the frame")
        page.wait_for_timeout(max(0.0, 1e3 * (begun + k / rate_hz - time.monotonic())))
        written[header.frame_id] = time.time()
        store.finish_frame(claim, documents)
    page.wait_for_timeout(2000)
    return written


def beat(store: Store) -> None:
    """Signs of life of a worker and a bridge, so that the page has nothing to warn of."""
    with contextlib.suppress(StoreDown):
        while True:
            store.beat("bench", pid=1, device="cpu", state="ready", kernel_ms=1.0, kernel_age_s=0.0)
            store.beat_bridge("tcp://127.0.0.1:5555", pid=1)
            time.sleep(1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description="From a result in the store to its frame on the screen.")
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10.0, help="results a second")
    parser.add_argument("--atoms", type=int, default=3000)
    parser.add_argument("--side", type=int, default=512, help="px")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedStore(Path(folder)) as server,
        Store.open(server.url) as store,
        ApiServer(create_app(store), port=0) as api,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=beat, args=(store,), daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(api.url)
        page.wait_for_selector('#state[data-state="waiting"]')
        page.evaluate(WATCH)
        written = play(store, page, given.frames, given.rate, given.atoms, given.side)
        drawn: dict[str, float] = page.evaluate("window.drawn")
        browser.close()
    times_ms = np.array([1e3 * (drawn[one] - at) for one, at in written.items() if one in drawn][3:])
    print(
        f"{given.side} x {given.side} px, {given.atoms} atoms, {given.rate:g} results a second: "
        f"{len(drawn)} of {len(written)} drawn; from the store to the screen "
        f"p50 {np.percentile(times_ms, 50):.0f} ms, p95 {np.percentile(times_ms, 95):.0f} ms, "
        f"max {times_ms.max():.0f} ms"
    )


if __name__ == "__main__":
    main()
