"""A page that is slow, or that nobody looks at, holds no more after many frames than after a few."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Page, Request, expect

from paretoscope.adapters.store import Store
from serving import put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

WARM, MORE = 60, 500
HEAP_GROWTH = 1_500_000
"""Bytes: the ids of 500 more frames, and what the engine compiles meanwhile."""


def work(page: Page, store: Store, first: int, count: int) -> None:
    """That many results as fast as they can be written, until the page shows the last."""
    for sequence in range(first, first + count):
        put_worked(store, sequence)
    expect(page.locator("#map")).to_have_attribute(
        "data-frame", f"stem-e1-{first + count - 1:06d}", timeout=30_000
    )
    page.wait_for_timeout(1500)  # what follows once a second: pictures of classes, counts


def held(devtools: CDPSession) -> dict[str, float]:
    """What the page keeps once everything that can go is gone."""
    gc.collect()
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    found = devtools.send("Memory.getDOMCounters")
    bitmaps = devtools.send("Runtime.evaluate", {"expression": "ImageBitmap.prototype"})["result"]["objectId"]
    pictures = devtools.send("Runtime.queryObjects", {"prototypeObjectId": bitmaps})["objects"]["objectId"]
    of_pictures = {"objectId": pictures, "functionDeclaration": "function () { return this.length; }"}
    count = devtools.send("Runtime.callFunctionOn", of_pictures)["result"]["value"]
    devtools.send("Runtime.releaseObject", {"objectId": pictures})  # or the question itself would keep them
    return {
        "nodes": found["nodes"],
        "listeners": found["jsEventListeners"],
        "heap": devtools.send("Runtime.getHeapUsage")["usedSize"],
        "pictures": count,
    }


@pytest.fixture
def hasty(store: Store) -> Iterator[Store]:
    """A store that does not wait for the disk: results as fast as they can be."""
    store._redis.config_set("appendfsync", "no")
    yield store
    store._redis.config_set("appendfsync", "always")


@pytest.mark.slow
def test_after_many_fast_results_the_page_holds_no_more_than_after_a_few(page: Page, hasty: Store):
    store = hasty
    page.goto("/")
    devtools = page.context.new_cdp_session(page)
    work(page, store, 0, WARM)
    before = held(devtools)
    work(page, store, WARM, MORE)
    after = held(devtools)
    assert after["nodes"] <= before["nodes"] + 60, (before, after)
    assert after["listeners"] <= before["listeners"] + 20, (before, after)
    assert after["pictures"] <= 6, "those in memory and what is on its way"
    assert after["heap"] <= before["heap"] + HEAP_GROWTH, (before, after)
    expect(page.locator("#strip i")).to_have_count(30)


def test_a_page_that_nobody_looks_at_fetches_no_frames_and_shows_the_newest_once_somebody_does(
    page: Page, store: Store
):
    put_worked(store, 0)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-frame", "stem-e1-000000")
    turn = """(hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(turn, True)
    page.wait_for_timeout(300)
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/v1/frames/" in request.url or "latest" in request.url:
            asked.append(request.url)

    page.on("request", note)
    for sequence in range(1, 40):
        put_worked(store, sequence)
    expect(page.locator("#strip-note")).to_contain_text("40 frames")  # the news came
    assert asked == []
    page.evaluate(turn, False)
    expect(page.locator("#map")).to_have_attribute("data-frame", "stem-e1-000039")
    assert len({url for url in asked if "/image" in url}) == 1, "the newest alone"
