"""From a pick on the page to its atoms on the screen: ``python -m benchmarks.picks``.

    paretoscope bench picks

A whole service as `paretoscope serve` starts it (store, bridge, API, worker), a simulated frame of graphene,
and headless Chromium at 1280 x 800 on this machine. A point of the front is clicked; the time runs from the
click's own time stamp to the second animation frame after the page drew the atoms detected anew with that
point: choice to the API, durable in the store, worked by the worker, fetched by the page, drawn.

nothing else to do   no frame comes
while frames come    the operator holds one frame and picks on it; others come and are analysed meanwhile
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from paretoscope_client import FrameSender
from paretoscope_sim import Scan, make_sample, render

STREAM, FIELD_NM = "picks", 8.0
LATEST_S = 120.0
WATCH = """() => {
  const canvas = document.getElementById("map");
  Object.assign(window, { clicked: null, shown: {} });
  document.addEventListener("click", (event) => { window.clicked = event.timeStamp; }, { capture: true });
  new MutationObserver(() => requestAnimationFrame(() => requestAnimationFrame(() => {
    window.shown[`${canvas.dataset.frame} ${canvas.dataset.revision}`] ??= performance.now();
  }))).observe(canvas, { attributeFilter: ["data-revision"] });
}"""


def picture(seed: int, side_px: int) -> np.ndarray:
    """(side, side) uint16: the demo's default sample, other noise for each seed."""
    scan = Scan(field_of_view_nm=FIELD_NM, shape=(side_px, side_px))
    return render(make_sample("graphene", field_nm=FIELD_NM, seed=1), scan, seed=seed).image


def pick(page: Page, count: int) -> list[float]:
    """So many picks, each on another point than the one before; ms from the click to its atoms."""
    map_, times = page.locator("#map"), []
    frame = map_.get_attribute("data-frame")
    for _ in range(count):
        options = page.locator("#front").get_by_role("option")
        chosen = page.locator("#front").get_by_role("option", selected=True)
        at, points = int(chosen.get_attribute("data-point") or 0), options.count()
        if points < 2:
            raise SystemExit(f"{frame} has a front of {points} point: there is nothing to pick")
        revision = int(map_.get_attribute("data-revision") or 0) + 1
        page.locator(f'#front [data-point="{(at + 1) % points}"] .reach').click()
        page.wait_for_selector(f'#map[data-frame="{frame}"][data-revision="{revision}"]')
        page.wait_for_selector("#front:not(:has([data-busy]))")
        page.wait_for_timeout(150)
        key = f"{frame} {revision}"
        times.append(page.evaluate("(key) => window.shown[key] - window.clicked", key))
    return times


@contextmanager
def coming(sender: FrameSender, side_px: int, every_s: float) -> Iterator[None]:
    """Frames that come in another thread, one each `every_s`, until the block ends."""
    ended, pixels = threading.Event(), [picture(seed, side_px) for seed in range(2, 6)]

    def send() -> None:
        sent = 0
        while not ended.wait(every_s):
            sender.send(pixels[sent % len(pixels)], pixel_size_nm=FIELD_NM / side_px)
            sent += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def measure(picks: int, side_px: int, every_s: float) -> dict[str, list[float]]:
    from paretoscope.cli.service import Service
    from paretoscope.contract import StreamPolicy
    from paretoscope.settings import load

    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paretoscope-picks-")))
        settings = load(None, data=data, http_port=0, frames="tcp://127.0.0.1:0", log_level="error")
        service = stack.enter_context(Service(settings))
        service.store.set_policy(STREAM, StreamPolicy(lattice="graphene", drop="newest"))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(1e3 * LATEST_S)
        page.goto(service.url)
        sender = stack.enter_context(FrameSender(service.frames_address, STREAM))
        sender.send(picture(1, side_px), pixel_size_nm=FIELD_NM / side_px).wait(30)
        page.wait_for_selector('#map[data-state="done"]')
        page.evaluate(WATCH)
        pick(page, 3)  # the first ones warm what is compiled on first use
        times = {"nothing else to do": pick(page, picks)}
        page.get_by_label("only this frame").check()
        page.get_by_role("button", name="Live", exact=True).click()
        with coming(sender, side_px, every_s):
            page.wait_for_timeout(2000)
            times["while frames come"] = pick(page, picks)
        browser.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description="From a pick on the page to its atoms on the screen.")
    parser.add_argument("--picks", type=int, default=40, help="of each kind")
    parser.add_argument("--side", type=int, default=512, help="px")
    parser.add_argument("--every", type=float, default=0.5, help="s between the frames that come meanwhile")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for what, ms in measure(given.picks, given.side, given.every).items():
        p50, p95 = np.percentile(ms, [50, 95])
        rows.append({"what": what, "picks": len(ms), "p50_ms": p50, "p95_ms": p95, "max_ms": max(ms)})
    print(f"{given.side} x {given.side} px of graphene; frames come every {given.every:g} s where they do")
    print("| pick -> its atoms on the screen | picks | p50 ms | p95 ms | max ms |\n|---|---|---|---|---|")
    for row in rows:
        figures = " | ".join(f"{row[name]:.0f}" for name in ("p50_ms", "p95_ms", "max_ms"))
        print(f"| {row['what']} | {row['picks']} | {figures} |")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
