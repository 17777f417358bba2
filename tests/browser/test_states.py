"""What the page says: times of the last frames, what was lost and why, faults, the lattice."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Heart
from paretoscope.adapters.store import Store
from paretoscope.contract import Event, Fault
from serving import put, put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def failed(store: Store, sequence: int) -> str:
    frame_id = put(store, sequence)
    claim = store.claim_frame("w", 1.0)
    assert claim is not None
    store.fail_frame(claim, Fault(code="constant-image", hint="Every pixel is the same; open the beam."))
    return frame_id


def test_the_last_frames_stand_side_by_side_with_what_was_lost_and_why(page: Page, store: Store):
    for sequence in range(3):
        put_worked(store, sequence)
    page.goto("/")
    bars = page.locator("#strip i")
    expect(bars).to_have_count(3)
    expect(page.locator("#strip-note")).to_contain_text("0 late")
    put_worked(store, 3)
    expect(bars).to_have_count(4)
    expect(bars.nth(3)).to_have_attribute("data-kind", "met")
    expect(bars.nth(3)).to_have_attribute("title", "stem-e1-000003: analysis 574 ms of 3.00 s, scan 500 ms")
    failed(store, 4)
    expect(bars.nth(4)).to_have_attribute("data-kind", "lost")
    put_worked(store, 7)
    note = page.locator("#strip-note")
    expect(note).to_contain_text("6 frames · 0 late · 1 refused or failed: constant-image")
    expect(note).to_contain_text("2 missing before they reached us")
    for _ in range(2):
        expect(bars).to_have_count(7)
        expect(bars.nth(5)).to_have_attribute("data-kind", "gap")
        expect(bars.nth(5)).to_have_attribute("title", "stem-e1-000007: 2 frames missing just before it")
        page.reload()
        expect(note).to_contain_text("2 missing before they reached us")


def test_the_dose_so_far_is_told_from_before_the_page_was_opened_on(page: Page, store: Store):
    for sequence in range(2):
        put_worked(store, sequence, beam_current_pa=30.0)
    page.goto("/")
    expect(page.locator("#strip-note")).to_contain_text("dose 1.5 pC/nm² on this field")
    put_worked(store, 2, beam_current_pa=30.0)
    expect(page.locator("#strip-note")).to_contain_text("dose 2.25 pC/nm² on this field")


def test_a_fault_is_told_with_what_to_do_until_a_frame_works_again(page: Page, store: Store):
    put_worked(store, 0)
    page.goto("/")
    expect(page.locator("#frame-id")).to_have_text("stem-e1-000000")
    failed(store, 1)
    state = page.locator("#state")
    expect(state).to_have_attribute("data-state", "fault")
    expect(state).to_contain_text("constant-image. Every pixel is the same; open the beam.")
    page.reload()
    expect(state).to_contain_text("open the beam")
    put_worked(store, 2)
    expect(state).to_have_attribute("data-state", "live")


def test_an_old_result_is_called_stale_with_its_age(page: Page, store: Store):
    put_worked(
        store, 0
    )  # before the page opens: an event still on its way would be news after the leap in time
    page.clock.install()
    page.goto("/")
    expect(page.locator("#frame-id")).to_have_text("stem-e1-000000")
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    page.clock.fast_forward("03:00")
    expect(page.locator("#state")).to_have_text("Stale: last result 3 min ago")


def test_the_lattice_is_edited_in_place_and_a_wrong_one_is_told_in_words(page: Page, store: Store):
    put_worked(store)
    page.goto("/")
    page.get_by_role("button", name="Edit lattice").click()
    page.get_by_label("Known from").select_option("lattice")
    page.get_by_label("Value").fill("SrTiO4")
    page.get_by_role("button", name="Use from the next frame").click()
    expect(page.locator("#lattice-hint")).to_contain_text("SrTiO3")
    page.get_by_label("Value").fill("SrTiO3")
    page.get_by_role("button", name="Use from the next frame").click()
    expect(page.get_by_role("alert")).to_contain_text("next frame")
    assert store.policy("stem").lattice == "SrTiO3"
    page.get_by_role("button", name="Edit lattice").click()
    expect(page.get_by_label("Known from")).to_have_value("lattice")
    page.get_by_label("Known from").select_option("density")
    page.get_by_label("Value").fill("-1")
    page.get_by_role("button", name="Use from the next frame").click()
    expect(page.locator("#lattice-hint")).to_contain_text("not a number above 0")
    page.get_by_role("button", name="Cancel").click()
    assert store.policy("stem").density_per_nm2 is None


def test_nothing_scrolls_on_an_instruments_monitor(page: Page, store: Store):
    put_worked(store)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    sizes = page.evaluate(
        "(({ scrollHeight, scrollWidth }) => [scrollHeight, innerHeight, scrollWidth, innerWidth])"
        "(document.documentElement)"
    )
    assert sizes[0] <= sizes[1]
    assert sizes[2] <= sizes[3]


def test_a_stream_is_held_and_let_go(page: Page, store: Store):
    put_worked(store)
    page.goto("/")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator("#state")).to_contain_text("Paused by dashboard")
    assert store.paused("stem") is not None
    store.resume("stem", "Ada")
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()


def test_the_scan_under_way_is_a_thin_bar(page: Page, store: Store):
    put_worked(store)
    page.goto("/")
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    store.append_event(
        Event(kind="scan", stream="stem", at="2026-11-21T09:30:00Z", data={"row": 24, "rows": 96})
    )
    expect(page.get_by_role("progressbar", name="Scan")).to_have_attribute("aria-valuenow", "25")
    put_worked(store, 1)
    expect(page.get_by_role("progressbar", name="Scan")).to_be_hidden()


def test_a_service_that_cannot_work_says_so_until_it_can(page: Page, store: Store, heart: Heart):
    heart.stop()
    store._redis.delete("ps:worker:idle")
    page.goto("/")
    expect(page.locator("#state")).to_have_attribute("data-state", "degraded")
    expect(page.locator("#state")).to_contain_text("no worker runs")
    expect(page.locator("#banner")).to_contain_text("Frames are taken and kept, but nobody analyses them")
    store.append_event(Event(kind="worker", at="2026-11-21T09:30:00Z", data={"worker": "w", "state": "died"}))
    expect(page.locator("#state")).to_contain_text("being started again")
    store.beat("w", pid=1, device="cpu", state="ready", ttl_s=600.0)
    expect(page.locator("#state")).to_have_attribute("data-state", "waiting")


def test_a_frame_is_seen_before_its_first_result(page: Page, store: Store):
    page.goto("/")
    expect(page.locator("#state")).to_have_text("Waiting for the first frame")
    frame_id = put(store)
    expect(page.locator("#map")).to_have_attribute("data-frame", frame_id)
    expect(page.locator("#map")).to_have_attribute("data-atoms", "0")
    page.reload()
    expect(page.locator("#map")).to_have_attribute("data-frame", frame_id)
    put_worked(store, 1)
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
