"""How the service stands, on the page: workers and heartbeats, a store that is away, an API that is back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.conftest import Heart
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.adapters.store.lua import CLOSED
from paretoscope.api import create_app
from paretoscope.api.server import ApiServer
from serving import put, put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_workers_store_bridge_and_counts_are_told(page: Page, store: Store, heart: Heart):
    store.count("workers:died", 3)
    put_worked(store)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    page.keyboard.press("h")
    sheet = page.locator("#service")
    expect(sheet.locator(".standing")).to_have_text("all is well")
    row = sheet.locator("tr[data-worker=idle]")
    expect(row).to_contain_text("cpu")
    expect(row).to_contain_text("ready")
    expect(row).to_contain_text("s ago")
    expect(sheet).to_contain_text("answers in")
    expect(sheet).to_contain_text("heard 1 s ago")
    expect(sheet.locator("dt", has_text="workers died and were started again")).to_be_visible()
    expect(sheet.get_by_role("link", name="REST interface")).to_be_visible()
    heart.stop()
    expect(sheet).to_contain_text("Worker idle has said nothing for", timeout=15_000)
    expect(page.locator("#service-open")).to_have_attribute("data-state", "degraded")
    store._redis.delete("ps:worker:idle", "ps:bridge")
    expect(sheet).to_contain_text("No worker was heard of lately.")
    expect(page.locator("#banner")).to_contain_text("Instruments cannot send frames over ZeroMQ")


def test_two_programs_on_one_stream_and_a_worker_that_hung_are_told(page: Page, store: Store, heart: Heart):
    heart.stop()
    store.beat_bridge("tcp://127.0.0.1:5555", pid=1, contested=["stem"], ttl_s=60.0)
    page.goto("/")
    expect(page.locator("#banner")).to_contain_text("Two programs send as stream stem")
    expect(page.locator("#state")).to_contain_text("two programs send as one stream")
    store.worker_ended("idle", "hung", exit_code=-9)
    expect(page.locator("#banner")).to_contain_text("A worker made no step for too long")
    page.keyboard.press("h")
    expect(page.locator("#service dt", has_text="workers hung and were ended")).to_be_visible()


def test_a_full_disk_is_told_until_there_is_room_again(page: Page, store: Store):
    put_worked(store)
    store._redis.config_set("maxmemory", CLOSED)
    try:
        page.goto("/")
        expect(page.locator("#banner")).to_contain_text("The disk under the store is full, or nearly")
        expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
    finally:
        store._redis.config_set("maxmemory", 0)
    expect(page.locator("#banner")).to_be_hidden()


def test_frames_that_wait_are_told_before_senders_have_to_wait(page: Page, store: Store):
    for sequence in range(6):  # 8 may wait
        put(store, sequence)
    page.goto("/")
    expect(page.locator("#banner")).to_contain_text("6 frames wait to be analysed; at 8 senders have to wait")
    expect(page.locator("#state")).to_contain_text("many frames wait")


def test_after_a_restart_of_the_api_nothing_is_loaded_anew_missed_or_doubled(
    page: Page, store: Store, api: ApiServer
):
    for sequence in range(3):
        put_worked(store, sequence)
    page.goto("/")
    expect(page.locator("#map")).to_have_attribute("data-frame", "stem-e1-000002")
    page.evaluate("window.opened = 'once'")
    api.__exit__(None, None, None)
    expect(page.locator("#banner")).to_contain_text("the page comes back by itself")
    put_worked(store, 3)
    put_worked(store, 5)
    with ApiServer(create_app(store), port=api.port):
        expect(page.locator("#map")).to_have_attribute("data-frame", "stem-e1-000005")
        expect(page.locator("#banner")).to_be_hidden()
        put_worked(store, 6)
        expect(page.locator("#map")).to_have_attribute("data-frame", "stem-e1-000006")
        bars = page.locator("#strip i:not([data-kind=gap])")
        expect(bars).to_have_count(6)
        told = bars.evaluate_all("(bars) => bars.map((bar) => bar.dataset.frame)")
        assert told == [f"stem-e1-{k:06d}" for k in (0, 1, 2, 3, 5, 6)]
        expect(page.locator("#strip i[data-kind=gap]")).to_have_count(1)
        expect(page.locator("#scrub")).to_have_attribute("max", "5")
        expect(page.locator("#strip-note")).to_contain_text("6 frames")
        assert page.evaluate("window.opened") == "once"


def test_a_store_that_is_away_leaves_the_view_and_is_found_again(browser: Browser, tmp_path: Path):
    own = EmbeddedStore(tmp_path)
    with Store.open(own.url) as store, Heart(store), ApiServer(create_app(store)) as api:
        put_worked(store, 0)
        context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=api.url)
        page = context.new_page()
        page.goto("/")
        expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
        page.evaluate("window.opened = 'once'")
        own.stop()
        banner = page.locator("#banner")
        expect(banner).to_contain_text("You can go on looking at what is on the screen", timeout=15_000)
        expect(page.locator("#state")).to_contain_text("the store is away")
        expect(page.locator("#map")).to_have_attribute("data-atoms", "60")
        page.keyboard.press("]")
        expect(page.get_by_role("alert")).to_contain_text("store-down")
        with EmbeddedStore(own.folder):
            put_worked(store, 1)
            expect(page.locator("#map")).to_have_attribute("data-frame", "stem-e1-000001", timeout=15_000)
            expect(banner).to_be_hidden(timeout=15_000)
            assert page.evaluate("window.opened") == "once"
            context.close()
