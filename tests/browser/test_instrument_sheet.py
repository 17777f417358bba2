"""Instruments from the page: starting and stopping, sample and dwell time, and what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from paretoscope.adapters.store import Store
from paretoscope.contract.instruments import InstrumentReport, SimulatorSettings, SpectraSettings
from serving import put_worked

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

AT = "2026-11-21T09:30:00Z"


def simulator() -> InstrumentReport:
    schema = SimulatorSettings.model_json_schema()
    schema["properties"]["sample"]["choices"] = [
        {"value": "graphene", "label": "One atom thick."},
        {"value": "SrTiO3", "label": "A thick perovskite."},
    ]
    return InstrumentReport(
        name="simulator",
        kind="simulator",
        title="Simulated microscope",
        state="stopped",
        settings=SimulatorSettings().model_dump(mode="json"),
        settings_schema=schema,
        expected={"frame_time_s": 9.2, "dose_pc_per_nm2": 3.93},
        since=AT,
    )


class Runner:
    """Does at once what is wished of the simulator, and says so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        store.hold_instruments("test", 600.0)
        store.report_instrument(simulator(), tell=False)
        absent = {"name": "spectra", "kind": "spectra", "title": "Spectra microscope", "state": "unavailable"}
        told = {"reason": "The vendor's client is not installed on this computer.", "since": AT}
        settings = {"settings": SpectraSettings().model_dump(mode="json")}
        settings["settings_schema"] = SpectraSettings.model_json_schema()
        store.report_instrument(InstrumentReport.model_validate(absent | told | settings), tell=False)

    def __enter__(self) -> Runner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        done = 0
        while not self._stop.wait(0.03):
            wish = self._store.wishes().get("simulator")
            if wish is None or wish.revision == done:
                continue
            done = wish.revision
            new = {"state": wish.state, "settings": wish.settings, "revision": done}
            self._store.report_instrument(simulator().model_copy(update=new))


@pytest.fixture
def sheet(page: Page, store: Store) -> Iterator[Page]:
    with Runner(store):
        page.goto("/")
        expect(page.get_by_role("button", name="Instruments")).to_be_visible()
        yield page


def test_the_simulator_is_set_started_and_stopped(sheet: Page, store: Store):
    sheet.keyboard.press("r")
    simulated = sheet.get_by_role("region", name="Simulated microscope")
    expect(simulated).to_contain_text("9.2 s a frame")
    simulated.get_by_label("sample").select_option(label="SrTiO3")
    expect(simulated).to_contain_text("A thick perovskite.")
    simulated.get_by_label("dwell", exact=True).fill("8")
    simulated.get_by_role("button", name="Start").click()
    expect(sheet.locator("#instruments-open")).to_have_text("Simulated microscope: running")
    wish = store.wishes()["simulator"]
    assert (wish.settings["sample"], wish.settings["dwell_us"], wish.by) == ("SrTiO3", 8.0, "dashboard")
    simulated.get_by_role("button", name="Stop").click()
    expect(sheet.locator("#instruments-open")).to_have_text("Instruments")
    expect(simulated.get_by_label("sample")).to_have_value('"SrTiO3"')


def test_an_instrument_that_is_not_there_says_why(sheet: Page):
    sheet.keyboard.press("r")
    spectra = sheet.get_by_role("region", name="Spectra microscope")
    expect(spectra).to_contain_text("vendor's client is not installed")
    expect(spectra.get_by_role("button", name="Start")).to_be_disabled()


def test_a_setting_out_of_range_is_refused_in_words(sheet: Page, store: Store):
    sheet.keyboard.press("r")
    simulated = sheet.get_by_role("region", name="Simulated microscope")
    simulated.get_by_text("More settings").click()
    simulated.get_by_label("stream").fill("not a name")
    simulated.get_by_role("button", name="Use these settings").click()
    expect(sheet.get_by_role("alert")).to_contain_text("stream")
    assert store.wishes() == {}


def test_an_empty_page_offers_to_start_the_simulator_and_then_shows_its_frames(sheet: Page, store: Store):
    sheet.get_by_role("button", name="Start: Simulated microscope").click()
    expect(sheet.get_by_label("Stream", exact=True)).to_have_value("simulated")
    put_worked(store, stream="simulated")
    expect(sheet.locator("#map")).to_have_attribute("data-atoms", "60")
