"""An operator's session, from the first frame to the last, on the service as it is shipped."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from screenshots import keep_screenshot

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]


def kept(page: Page, name: str) -> None:
    keep_screenshot(page, f"tutorial/images/{name}.png")


def atoms(map_: Locator) -> int:
    return int(map_.get_attribute("data-atoms") or 0)


def a_new_frame(page: Page, count: int = 1) -> None:
    """So many more results have been drawn."""
    for _ in range(count):
        before = page.locator("#map").get_attribute("data-frame") or ""
        expect(page.locator("#map")).not_to_have_attribute("data-frame", before)
        expect(page.locator("#map")).to_have_attribute("data-state", "done")


@pytest.fixture
def patient() -> Iterator[None]:
    """A real worker on a busy machine takes its time."""
    expect.set_options(timeout=60_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.mark.usefixtures("patient")
def test_an_operators_session(live: Page):
    map_ = live.locator("#map")
    live.goto("/")

    # Start the instrument from the page, with another sample and dwell time.
    live.keyboard.press("r")
    simulator = live.locator("[data-instrument=simulator]")
    simulator.get_by_label("sample").select_option(label="SrTiO3")
    simulator.get_by_label("dwell", exact=True).fill("10")
    simulator.get_by_label("stream").locator("visible=true").or_(simulator.locator("summary")).first.click()
    simulator.get_by_label("stream").fill("session")
    kept(live, "1-start")
    simulator.get_by_role("button", name="Start").click()
    expect(simulator.locator(".chip")).to_have_text("running")
    live.keyboard.press("Escape")

    # Frames come in, each with its atoms.
    expect(map_).to_have_attribute("data-state", "done")
    a_new_frame(live, 3)
    assert atoms(map_) > 100
    live.wait_for_timeout(1200)
    kept(live, "2-frames")

    # Walk along the front and pick a point; the next frame uses it; take it back.
    live.keyboard.press("l")
    live.keyboard.press("f")
    live.keyboard.press("ArrowLeft")
    live.keyboard.press("Enter")
    expect(live.get_by_role("button", name="Undo")).to_be_enabled()
    kept(live, "3-pick")
    picked = live.locator("#params").inner_text().splitlines()[1]
    live.keyboard.press("l")
    a_new_frame(live)
    threshold = re.search(r"overlap \S+", picked)
    assert threshold
    expect(live.locator("#params")).to_contain_text(threshold.group())
    live.keyboard.press("u")

    # Name a class; look at one of its atoms.
    live.keyboard.press("n")
    live.keyboard.type("Sr")
    live.keyboard.press("Enter")
    a_new_frame(live)
    expect(live.get_by_label("Name of class 0")).to_have_value("Sr")
    live.keyboard.press("l")
    live.keyboard.press("i")
    for _ in range(6):
        live.keyboard.press("+")
    live.keyboard.press("Shift+ArrowRight")
    expect(live.locator("#atom-card")).to_contain_text("confidence")
    live.wait_for_timeout(500)
    kept(live, "4-atom")
    live.keyboard.press("0")

    # The parameters of the windows over the frame.
    live.get_by_label("Atoms", exact=True).uncheck()
    live.get_by_label("Laid over the frame").select_option("qc")
    expect(live.locator("#legend")).to_contain_text("QC per window")
    kept(live, "5-windows")
    live.get_by_label("Laid over the frame").select_option("none")
    live.get_by_label("Atoms", exact=True).check()

    # Back through the history, the live view beside it.
    for _ in range(3):
        live.keyboard.press(",")
    expect(live.get_by_role("button", name="Back to the live view")).to_be_visible()
    live.wait_for_timeout(2500)
    kept(live, "6-back")

    # What changed since then.
    live.keyboard.press("k")
    pinned = map_.get_attribute("data-frame") or ""
    live.get_by_role("button", name="Difference").click()
    live.keyboard.press("l")
    expect(map_).to_have_attribute("data-compared-with", pinned)
    expect(live.locator("#compare-told")).to_contain_text("in both")
    kept(live, "7-difference")
    live.get_by_role("button", name="Compare", exact=True).click()

    # A pause, in the dark; then the instrument is stopped.
    live.emulate_media(color_scheme="dark")
    live.keyboard.press("p")
    expect(live.locator("#state")).to_contain_text("Paused by dashboard")
    live.wait_for_timeout(800)
    kept(live, "8-paused")
    live.keyboard.press("p")
    live.keyboard.press("r")
    simulator.get_by_role("button", name="Stop").click()
    expect(simulator.locator(".chip")).to_have_text("stopped")
