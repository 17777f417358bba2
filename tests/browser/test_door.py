"""A page with a key: what the key does not open, its end while the page is open, the way back to the view."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response, expect

from browser.conftest import Heart
from paretoscope.adapters.api_keys import KeyFile
from paretoscope.adapters.store import Store
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.server import ApiServer
from security.conftest import guarded, keys, tokens  # noqa: F401
from serving import put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture
def tab(browser: Browser, guarded: ApiServer, store: Store, heart: Heart) -> Iterator[Page]:  # noqa: F811
    """A browser without a key, at the door of a service with five frames."""
    for sequence in range(5):
        put_worked(store, sequence)
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=guarded.url)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
    yield opened
    context.close()
    assert wrong == []


def enter(tab: Page, token: str) -> None:
    tab.get_by_label("API key").fill(token)
    tab.get_by_role("button", name="Open").click()
    expect(tab.locator("#map")).to_have_attribute("data-atoms", "60")


def door(tab: Page) -> Locator:
    return tab.get_by_role("dialog", name="The service does not know this page's key")


def test_the_form_lets_in_and_log_out_leads_back_to_it(tab: Page, tokens: dict[str, str]):  # noqa: F811
    tab.goto("/")
    expect(tab.get_by_label("API key")).to_be_visible()
    enter(tab, tokens["admin"])
    tab.get_by_role("button", name="Log out").click()
    expect(tab.get_by_label("API key")).to_be_visible()
    tab.goto("/")
    expect(tab.get_by_label("API key")).to_be_visible()


def test_a_revoked_key_is_told_and_another_leads_back_to_the_same_view(
    tab: Page,
    tokens: dict[str, str],  # noqa: F811
    keys: KeyFile,  # noqa: F811
    store: Store,
):
    put_worked(store, 0, stream="other")
    tab.goto("/")
    enter(tab, tokens["choose"])
    tab.get_by_label("Stream", exact=True).select_option("stem")
    tab.get_by_label("Laid over the frame").select_option("mask")
    expect(tab.locator("#map")).to_have_attribute("data-overlay", "mask")
    for _ in range(2):
        tab.keyboard.press(",")
    expect(tab.locator("#map")).to_have_attribute("data-frame", "stem-e1-000002")
    tab.get_by_role("button", name="Zoom in").click()
    zoom = tab.locator("#map").get_attribute("data-zoom")
    keys.revoke("choose-key")
    expect(door(tab)).to_be_visible(timeout=15_000)
    expect(door(tab)).to_contain_text("It was revoked")
    expect(tab.locator("#map")).to_have_attribute("data-frame", "stem-e1-000002")
    door(tab).get_by_role("link", name="Log in").click()
    enter(tab, tokens["read"])
    expect(tab.get_by_label("Stream", exact=True)).to_have_value("stem")
    expect(tab.locator("#map")).to_have_attribute("data-frame", "stem-e1-000002")
    expect(tab.locator("#map")).to_have_attribute("data-overlay", "mask")
    expect(tab.locator("#map")).to_have_attribute("data-zoom", str(zoom))
    expect(tab.get_by_role("button", name="Live", exact=True)).to_have_attribute("aria-pressed", "false")


def test_other_keys_after_a_restart_are_told_and_a_second_tab_lets_the_first_back_in(
    tab: Page,
    context_of: BrowserContext,
    tokens: dict[str, str],  # noqa: F811
    keys: KeyFile,  # noqa: F811
    guarded: ApiServer,  # noqa: F811
    store: Store,
):
    tab.goto("/")
    enter(tab, tokens["admin"])
    tab.evaluate("window.opened = 'once'")
    guarded.__exit__(None, None, None)
    expect(tab.locator("#banner")).to_contain_text("The service does not answer")
    keys.revoke("admin-key")
    with ApiServer(create_app(store, ApiSettings(keys=keys.file)), port=guarded.port):
        expect(door(tab)).to_be_visible(timeout=15_000)
        put_worked(store, 5)
        second = context_of.new_page()
        second.goto("/login")
        enter(second, tokens["choose"])
        expect(door(tab)).to_be_hidden()
        expect(tab.locator("#map")).to_have_attribute("data-frame", "stem-e1-000005")
        assert tab.evaluate("window.opened") == "once", "it came back without being loaded anew"


@pytest.fixture
def context_of(tab: Page) -> BrowserContext:
    return tab.context


READ_MAY_NOT = ["Pause", "Open file", "Edit lattice"]


def test_what_the_key_does_not_open_is_disabled_and_says_why(tab: Page, tokens: dict[str, str], store: Store):  # noqa: F811
    refused: list[str] = []
    tab.on("response", lambda answer: _note(answer, refused))
    tab.goto("/")
    enter(tab, tokens["read"])
    for name in READ_MAY_NOT:
        control = tab.get_by_role("button", name=name, exact=True)
        expect(control).to_be_disabled()
        assert "The key read-key may look at everything" in (control.get_attribute("title") or "")
    expect(tab.get_by_label("From fewer false atoms to fewer missed atoms")).to_be_disabled()
    expect(tab.get_by_label("Name of class 1")).to_be_disabled()
    tab.locator("#front").get_by_role("option").nth(3).click(force=True)
    expect(tab.get_by_role("alert")).to_contain_text("scope choose")
    tab.keyboard.press("t")
    expect(tab.get_by_role("alert")).to_contain_text("scope admin")
    tab.get_by_role("button", name="lost").click()
    sheet = tab.locator("#losses")
    expect(sheet.get_by_role("radio", name="Wait. Every")).to_be_disabled()
    expect(sheet).to_contain_text("this needs one that may change everything (scope admin)")
    assert refused == [], "nothing was asked for that the key does not open"


def test_an_operators_key_pauses_but_sets_no_policy(tab: Page, tokens: dict[str, str]):  # noqa: F811
    tab.goto("/")
    enter(tab, tokens["choose"])
    tab.keyboard.press("p")
    expect(tab.locator("#state")).to_contain_text("Paused")
    expect(tab.get_by_label("Name of class 1")).to_be_enabled()
    expect(tab.get_by_role("button", name="Edit lattice")).to_be_disabled()


def _note(answer: Response, refused: list[str]) -> None:
    if answer.status == 403:
        refused.append(answer.url)
