"""Walking and picking on the front: crowded marks, the balance, taking a pick back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from paretoscope.adapters.store import Store
from serving import SmallWorker, put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_marks_that_would_lie_on_each_other_are_moved_apart(page: Page, store: Store):
    page.goto("/")
    places, apart = page.evaluate(
        """async () => {
          const { spread } = await import("/static/js/spread.js");
          const box = { left: 0, right: 400, top: 0, bottom: 200 };
          const crowd = [...Array(9).fill({ x: 3, y: 3 }), { x: 200, y: 100 }, { x: 204, y: 101 }];
          const homes = [...crowd, { x: 390, y: 20 }];
          const places = spread(homes, 15, box);
          const gap = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
          const gaps = places.flatMap((a, k) => places.slice(k + 1).map((b) => gap(a, b)));
          return [places, Math.min(...gaps)];
        }"""
    )
    assert apart > 12
    assert all(0 <= one["x"] <= 400 and 0 <= one["y"] <= 200 for one in places)
    assert not places[-1]["moved"]
    assert places[-1]["x"] == 390


def test_the_balance_goes_from_fewer_false_to_fewer_missed_atoms(
    page: Page, store: Store, worker: SmallWorker
):
    put_worked(store)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    balance = page.get_by_role("slider", name="From fewer false atoms to fewer missed atoms")
    balance.focus()
    page.keyboard.press("Home")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "38")
    page.keyboard.press("End")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "64")
    operating = store.memory("stem").operating
    assert operating is not None
    assert operating.weight == 0.0


def test_a_pick_can_be_taken_back(page: Page, store: Store, worker: SmallWorker):
    put_worked(store)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_disabled()
    page.locator("#front").get_by_role("option").nth(3).click()
    expect(page.locator("#map")).to_have_attribute("data-atoms", "38")
    undo.click()
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    expect(undo).to_be_disabled()


def test_the_rewards_are_told_in_plain_words(page: Page, store: Store):
    put_worked(store)
    page.goto("/")
    page.get_by_role("button", name="What QC and ER mean").click()
    expect(page.locator("#front-help")).to_contain_text("number of atoms found differs")
