"""Back through the frames that are kept, two against each other, a movie, a file to take away."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from paretoscope.adapters.store import Store
from serving import put, put_worked, results

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FRAMES = 5


def name(sequence: int) -> str:
    return f"stem-e1-{sequence:06d}"


def put_chosen(store: Store, sequence: int, chosen: int) -> None:
    """A worked frame with the atoms of another point: some are new or gone."""
    put(store, sequence)
    claim = store.claim_frame("w", 1.0)
    assert claim is not None
    store.finish_frame(claim, results(claim.frame_id, chosen))


@pytest.fixture
def kept(page: Page, store: Store) -> Page:
    for sequence in range(FRAMES):
        put_worked(store, sequence)
    page.goto("/")
    on(page, FRAMES - 1)
    return page


def on(page: Page, sequence: int) -> None:
    expect(page.locator("#map")).to_have_attribute("data-frame", name(sequence))


def test_one_steps_back_and_on_and_returns_to_the_live_view(kept: Page, store: Store):
    live = kept.get_by_role("button", name="Live", exact=True)
    kept.keyboard.press(",")
    kept.keyboard.press(",")
    on(kept, 2)
    expect(live).to_have_attribute("aria-pressed", "false")
    expect(kept.locator("#back-told")).to_contain_text("2 frames")
    put_worked(store, FRAMES)
    expect(kept.locator("#back-told")).to_contain_text("3 frames")
    expect(kept.get_by_role("button", name="Back to the live view")).to_be_visible()
    on(kept, 2)
    kept.keyboard.press(".")
    on(kept, 3)
    kept.keyboard.press("l")
    on(kept, FRAMES)
    expect(live).to_have_attribute("aria-pressed", "true")
    expect(kept.locator("#back-told")).to_be_hidden()


def test_a_bar_of_the_time_strip_and_the_slider_lead_to_their_frame(kept: Page):
    kept.locator("#strip i").nth(1).click()
    on(kept, 1)
    expect(kept.locator("#strip [data-shown]")).to_have_attribute("data-frame", name(1))
    kept.get_by_label("Frame in the history").fill("3")
    on(kept, 3)


def test_the_kept_frames_are_played_in_order(kept: Page):
    kept.evaluate(
        """() => { window.seen = [];
          new MutationObserver(() => window.seen.push(document.getElementById("map").dataset.frame))
            .observe(document.getElementById("map"), { attributeFilter: ["data-frame"] }); }"""
    )
    kept.get_by_label("Frames a second").select_option("10")
    kept.get_by_role("button", name="Play", exact=True).click()
    kept.wait_for_function("() => window.seen.length >= 5")
    kept.keyboard.press("m")
    expect(kept.get_by_role("button", name="Play", exact=True)).to_be_visible()
    seen = kept.evaluate("window.seen.filter((one, k, all) => one !== all[k - 1])")
    assert seen[:5] == [name(k) for k in range(FRAMES)]


def test_a_frame_beside_the_one_before_it(kept: Page, store: Store):
    put_chosen(store, FRAMES, 2)
    on(kept, FRAMES)
    kept.keyboard.press("c")
    expect(kept.locator("#other")).to_have_attribute("data-frame", name(FRAMES - 1))
    expect(kept.locator("#compare-told")).to_contain_text("0 new · 6 gone · 54 atoms in both")
    kept.locator("#map").hover()
    kept.mouse.wheel(0, -400)
    zoom = kept.locator("#map").get_attribute("data-zoom")
    assert zoom is not None
    assert float(zoom) > 1.2
    expect(kept.locator("#other")).to_have_attribute("data-zoom", zoom)
    kept.keyboard.press("c")
    expect(kept.locator("#other")).to_be_hidden()


def test_what_differs_and_blinking_with_a_pinned_frame(kept: Page, store: Store):
    kept.keyboard.press("k")
    kept.get_by_role("button", name="Difference").click()
    put_chosen(store, FRAMES, 3)
    on_map = kept.locator("#map")
    expect(on_map).to_have_attribute("data-compared-with", name(FRAMES - 1))
    expect(on_map).to_have_attribute("data-gone", "22")
    on(kept, FRAMES)
    expect(kept.locator("#legend")).to_contain_text("gone, darker")
    put_worked(store, FRAMES + 1)
    expect(on_map).to_have_attribute("data-gone", "0")
    expect(on_map).to_have_attribute("data-compared-with", name(FRAMES - 1))
    kept.get_by_role("button", name="Blink").click()
    on(kept, FRAMES - 1)
    on(kept, FRAMES + 1)


def test_atoms_are_matched_although_the_frame_shifted(page: Page, store: Store):
    page.goto("/")
    match = page.evaluate(
        """async () => {
          const { matchAtoms } = await import("/static/js/match.js");
          const places = [...Array(100).keys()].map((k) => [10 * Math.floor(k / 10), 10 * (k % 10)]);
          const b = { y_px: places.map(([y]) => y), x_px: places.map(([, x]) => x) };
          const moved = places.slice(3).concat([[40, 140]]);
          const a = { y_px: moved.map(([y]) => y + 2.5), x_px: moved.map(([, x]) => x - 3) };
          const { pairs, fresh, gone, shift } = matchAtoms(a, b, 5);
          return { pairs: pairs.length, right: pairs.every(([k, n]) => n === k + 3), fresh, gone, shift };
        }"""
    )
    assert match["right"]
    assert (match["pairs"], match["fresh"], sorted(match["gone"])) == (97, [97], [0, 1, 2])
    assert (match["shift"]["dy"], match["shift"]["dx"]) == (2.5, -3)


def test_the_picture_as_shown_is_saved(kept: Page):
    kept.keyboard.press("e")
    with kept.expect_download() as saved:
        kept.get_by_role("button", name="Picture as it stands").click()
    assert re.fullmatch(rf"{name(FRAMES - 1)}-view\.png", saved.value.suggested_filename)
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("entry", "ending", "first_bytes"),
    [
        ("napari points layer", "csv", b"index,axis-0,axis-1"),
        ("HDF5 / NeXus", "h5", b"\x89HDF"),
        ("Arrow file", "arrow", b"ARROW1"),
        ("OME-TIFF", "tif", b"II"),
    ],
)
def test_a_frame_is_saved_for_other_programs(kept: Page, entry: str, ending: str, first_bytes: bytes):
    kept.keyboard.press("e")
    with kept.expect_download() as saved:
        kept.locator("#export-list button", has_text=entry).first.click()
    assert saved.value.suggested_filename.startswith(name(FRAMES - 1))
    assert saved.value.suggested_filename.endswith(ending)
    assert saved.value.path().read_bytes().startswith(first_bytes)
