"""The page, as an operator uses it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from paretoscope.adapters.store import Store
from paretoscope.api import create_app
from paretoscope.api.server import ApiServer
from serving import SmallWorker, points, put, put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def atoms(page: Page, count: int) -> None:
    expect(page.locator("#map")).to_have_attribute("data-atoms", str(count))


def painted(page: Page) -> list[int]:
    """How often each of a few colours of the palette stands on the canvas, to see that something is drawn."""
    return page.evaluate(
        """() => {
          const canvas = document.getElementById("map");
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const counts = [0, 0, 0];
          const palette = [[230, 159, 0], [86, 180, 233], [0, 158, 115]];
          const near = (k, rgb) => rgb.every((one, c) => Math.abs(data[k + c] - one) < 12);
          for (let k = 0; k < data.length; k += 4) {
            palette.forEach((rgb, n) => { if (near(k, rgb)) counts[n] += 1; });
          }
          return counts;
        }"""
    )


def test_a_stored_frame_is_drawn_with_its_atoms_front_classes_and_times(page: Page, store: Store):
    frame_id = put_worked(store)
    page.goto("/")
    atoms(page, 60)
    expect(page.locator("#frame-id")).to_have_text(frame_id)
    expect(page.locator("#front").get_by_role("option")).to_have_count(len(points()))
    expect(page.locator("[data-number=QC]")).to_have_text("0.060")
    expect(page.locator("#lattice-rows")).to_contain_text("SrTiO3")
    expect(page.locator("#guard")).to_contain_text("simulated")
    expect(page.locator("#verdict")).to_contain_text("met")
    expect(page.locator("#classes li")).to_have_count(3)
    expect(page.locator("#classes img").first).to_have_js_property("complete", True)
    assert min(painted(page)) > 50


def test_a_click_on_another_point_changes_the_map(page: Page, store: Store, worker: SmallWorker):
    put_worked(store)
    page.goto("/")
    atoms(page, 60)
    before = painted(page)

    page.locator("#front").get_by_role("option").nth(3).click()

    atoms(page, 38)
    expect(page.locator("#front").get_by_role("option", selected=True)).to_have_attribute("data-point", "3")
    expect(page.locator("#params")).to_contain_text("threshold 0.12")
    assert painted(page) != before
    operating = store.memory("stem").operating
    assert operating is not None
    assert operating.params == points()[3].params


def test_the_front_is_walked_and_picked_by_keyboard(page: Page, store: Store, worker: SmallWorker):
    put_worked(store)
    page.goto("/")
    atoms(page, 60)
    page.get_by_label("only this frame").check()
    page.keyboard.press("f")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#params")).to_contain_text("point 3")
    page.keyboard.press("Enter")
    atoms(page, 54)
    expect(page.locator("#front").get_by_role("option", selected=True)).to_be_focused()
    assert store.memory("stem").operating is None


def test_the_next_frame_is_drawn_when_it_is_done(page: Page, store: Store):
    page.goto("/")
    expect(page.locator("#state")).to_have_text("Waiting for the first frame")
    put_worked(store, 0)
    expect(page.locator("#frame-id")).to_have_text("stem-e1-000000")
    put_worked(store, 1)
    expect(page.locator("#frame-id")).to_have_text("stem-e1-000001")
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    page.get_by_role("button", name="Live", exact=True).click()
    put_worked(store, 2)
    put(store, 3)
    expect(page.locator("#frame-id")).to_have_text("stem-e1-000001")


def test_a_name_is_kept_for_the_following_frames(page: Page, store: Store):
    put_worked(store, 0)
    page.goto("/")
    field = page.get_by_label("Name of class 1")
    field.fill("Ti column")
    field.press("Enter")
    expect(page.get_by_alt_text("Mean of class Ti column")).to_be_visible()
    put_worked(store, 1)
    expect(page.locator("#frame-id")).to_have_text("stem-e1-000001")
    expect(field).to_have_value("Ti column")
    assert store.class_names("stem") == {1: "Ti column"}


def test_a_refusal_is_told_in_words(page: Page, store: Store):
    frame_id = put_worked(store)
    page.goto("/")
    atoms(page, 60)
    store._redis.delete(f"ps:frame:{frame_id}")
    page.locator("#front").get_by_role("option").nth(0).click()
    expect(page.get_by_role("alert")).to_contain_text("no-such-frame")


def test_a_lost_server_is_said_and_found_again(page: Page, store: Store, api: ApiServer):
    put_worked(store, 0)
    page.goto("/")
    atoms(page, 60)
    api.__exit__(None, None, None)
    expect(page.locator("#state")).to_contain_text("Disconnected")
    put_worked(store, 1)
    with ApiServer(create_app(store), port=api.port):
        expect(page.locator("#frame-id")).to_have_text("stem-e1-000001")
        expect(page.locator("#state")).to_have_attribute("data-state", "live")
