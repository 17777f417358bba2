"""The page without a mouse: keys everywhere, a sheet that tells them, names for screen readers."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from paretoscope.adapters.store import Store
from serving import SmallWorker, picture, put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def seen(page: Page, store: Store) -> Page:
    put_worked(store)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    return page


def test_the_sheet_tells_every_key_that_does_something(seen: Page):
    seen.keyboard.press("?")
    sheet = seen.get_by_role("dialog", name="Keys")
    expect(sheet).to_be_visible()
    expect(sheet).to_contain_text("one frame back")
    keys = sheet.locator("kbd").all_inner_texts()
    assert {"l", ",", ".", "[", "]", "u", "?", "o"} <= set(keys)
    seen.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_brackets_pick_along_the_front_and_u_takes_it_back(seen: Page, worker: SmallWorker):
    seen.keyboard.press("[")
    expect(seen.locator("#map")).to_have_attribute("data-atoms", "54")
    seen.keyboard.press("]")
    expect(seen.locator("#map")).to_have_attribute("data-atoms", "60")
    seen.keyboard.press("u")
    expect(seen.locator("#map")).to_have_attribute("data-atoms", "54")


def test_keys_are_letters_while_one_types(seen: Page):
    seen.keyboard.press("n")
    seen.keyboard.type("all, ?")
    expect(seen.get_by_label("Name of class 0")).to_have_value("all, ?")
    expect(seen.get_by_role("dialog")).to_be_hidden()


def test_shift_and_arrows_walk_from_atom_to_atom_and_tell_every_column(seen: Page, store: Store):
    seen.keyboard.press("i")
    seen.keyboard.press("Shift+ArrowUp")
    card = seen.locator("#atom-card")
    expect(card).to_contain_text("LoG response")
    line = seen.locator("#atom-line")
    put_worked(store, 1)  # another frame: the atom that is there now
    expect(seen.locator("#map")).to_have_attribute("data-frame", "stem-e1-000001")
    expect(card).to_contain_text("LoG response")
    first = line.inner_text()
    seen.keyboard.press("Shift+ArrowUp")
    expect(line).not_to_have_text(first)
    y = [float(text.split(" px")[0].removeprefix("y ")) for text in (first, line.inner_text())]
    assert y[1] == y[0] - 12.0


@pytest.mark.parametrize("sheet", [None, "h", "d", "g", "?"])
def test_every_control_has_a_name(seen: Page, sheet: str | None):
    if sheet is not None:
        seen.keyboard.press(sheet)
    nameless = seen.evaluate(
        """() => [...document.querySelectorAll("button, select, input, canvas, [role]")]
          .filter((one) => one.checkVisibility())
          .filter((one) => !(one.getAttribute("aria-label") || one.labels?.length || one.textContent.trim()
            || one.getAttribute("aria-labelledby"))).map((one) => one.outerHTML)"""
    )
    assert [one for one in nameless if "notices" not in one] == []


def test_a_dropped_image_is_analysed(seen: Page, worker: SmallWorker, store: Store):
    pixels = picture(7)
    npy = b"\x93NUMPY\x01\x00"
    header = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {pixels.shape}, }}"
    padded = header.ljust(117) + "\n"
    body = npy + len(padded).to_bytes(2, "little") + padded.encode() + pixels.astype(np.uint16).tobytes()
    seen.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "crystal.npy"));
          window.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
        }""",
        list(body),
    )
    expect(seen.get_by_role("alert")).to_contain_text("1 image sent")
    expect(seen.get_by_label("Stream", exact=True)).to_have_value("files")
    expect(seen.locator("#frame-id")).to_contain_text("files-")
    expect(seen.locator("#map")).to_have_attribute("data-state", "done")


def test_a_file_that_is_no_image_is_refused_in_words(seen: Page):
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"not an image"}
    seen.locator("#file").set_input_files([notes])
    expect(seen.get_by_role("alert")).to_contain_text("notes.txt:")
