"""The frame: zoom and pan, what atoms are coloured by, what lies over it, contrast, an atom's row."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from paretoscope.adapters.store import Store
from serving import put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def seen(page: Page, store: Store) -> Page:
    put_worked(store)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    return page


def pixels(page: Page) -> np.ndarray:
    """A sparse sample of what the canvas shows, to see that it changed."""
    return np.array(
        page.evaluate(
            """() => {
              const canvas = document.getElementById("map");
              const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
              return Array.from({ length: 4000 }, (_, k) => data[4 * Math.floor((k * data.length) / 16000)]);
            }"""
        )
    )


def changed(before: np.ndarray, after: np.ndarray) -> float:
    return float((before != after).mean())


def test_wheel_drag_and_keys_move_the_frame_and_0_fits_it(seen: Page):
    canvas = seen.locator("#map")
    fitted = pixels(seen)
    canvas.hover()
    seen.mouse.wheel(0, -600)
    expect(canvas).not_to_have_attribute("data-zoom", "1.00")
    zoomed = pixels(seen)
    assert changed(fitted, zoomed) > 0.1
    seen.mouse.down()
    seen.mouse.move(500, 300, steps=3)
    seen.mouse.up()
    panned = pixels(seen)
    assert changed(zoomed, panned) > 0.1
    canvas.focus()
    seen.keyboard.press("ArrowRight")
    assert changed(panned, pixels(seen)) > 0.1
    seen.keyboard.press("0")
    expect(canvas).to_have_attribute("data-zoom", "1.00")


def test_the_scale_bar_follows_the_zoom(seen: Page):
    lengths = seen.evaluate(
        """async () => {
          const { barLength } = await import("/static/js/scale_bar.js");
          return [1, 2, 10].map((zoom) => barLength(6 * zoom, 0.02));
        }"""
    )
    assert lengths == [0.2, 0.2, 0.02]


def test_atoms_are_coloured_by_any_column_with_a_legend(seen: Page):
    by = seen.get_by_label("Colour atoms by")
    expect(by.locator("option")).to_contain_text(["class", "confidence", "LoG response"])
    by.select_option("score")
    expect(seen.locator("#legend")).to_contain_text("LoG response 0.1")
    by.select_option("area_kind")
    expect(seen.locator("#legend")).to_contain_text("disordered")


def test_atoms_of_low_confidence_are_left_out(seen: Page):
    seen.get_by_label("Least confidence drawn").fill("0.75")
    expect(seen.locator("#map")).to_have_attribute("data-drawn", "30")
    seen.get_by_label("Atoms", exact=True).uncheck()
    expect(seen.locator("#map")).to_have_attribute("data-drawn", "0")


def test_areas_and_window_parameters_are_laid_over_the_frame(seen: Page):
    seen.get_by_label("Atoms", exact=True).uncheck()
    bare = pixels(seen)
    over = seen.get_by_label("Laid over the frame")
    with seen.expect_response("**/mask") as answer:
        over.select_option("mask")
    assert answer.value.headers["x-mask-step-px"] == "8"
    expect(seen.locator("#map")).to_have_attribute("data-overlay", "mask")
    assert 0 < changed(bare, pixels(seen)) < 0.1
    with seen.expect_response("**/windows"):
        over.select_option("threshold")
    expect(seen.locator("#legend")).to_contain_text("threshold per window")
    assert changed(bare, pixels(seen)) > 0.1


def test_contrast_and_gamma_change_the_picture(seen: Page):
    before = pixels(seen)
    seen.get_by_role("button", name="Contrast").click()
    with seen.expect_response("**/image?*gamma=0.5*"):
        seen.get_by_label("Gamma").fill("0.5")
    expect(seen.locator("#contrast-told")).to_contain_text("gamma 0.5")
    expect(seen.locator("#map")).to_have_attribute("data-gamma", "0.5")
    assert changed(before, pixels(seen)) > 0.2


def test_an_atom_under_the_pointer_tells_its_row(seen: Page):
    box = seen.locator("#map").bounding_box()
    assert box is not None
    scale = min(box["width"], box["height"]) / 96
    left = box["x"] + (box["width"] - 96 * scale) / 2
    top = box["y"] + (box["height"] - 96 * scale) / 2
    seen.mouse.move(left + (18 + 0.5) * scale, top + (6 + 0.5) * scale)
    expect(seen.locator("#atom-line")).to_contain_text("y 6.00 px   x 18.00 px")
