"""The page on the service as it is shipped: its own processes, its own worker, frames over ZeroMQ."""

from __future__ import annotations

import time
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from paretoscope_client import Client, FrameSender
from paretoscope_sim import Scan, make_sample, render
from screenshots import FOLDER, keep_screenshot
from service.conftest import Service, closed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

FIELD_NM, SIDE_PX = 8.0, 512
STREAM = "graphene"


def graphene(seed: int) -> np.ndarray:
    """(512, 512) uint16: the demo's default sample, new noise for each seed."""
    scan = Scan(field_of_view_nm=FIELD_NM, shape=(SIDE_PX, SIDE_PX))
    return render(make_sample("graphene", field_nm=FIELD_NM, seed=1), scan, seed=seed).image


def ready(client: Client) -> None:
    """The worker's kernels are warm."""
    until = time.monotonic() + 150.0
    while not client.readiness().ready and time.monotonic() < until:
        time.sleep(0.1)


def test_an_operators_pick_changes_the_map_and_steers_the_next_frame(
    live: Page,
    service: Service,
    client: Client,
):
    live.goto("/")
    ready(client)
    with FrameSender(service.frames, STREAM) as sender:
        first = closed(client, sender.send(graphene(1), pixel_size_nm=FIELD_NM / SIDE_PX).wait(30).frame_id)
        assert first.state == "done", first.fault
        assert first.points >= 2, "a front to choose on"
        live.locator("#stream").select_option(STREAM)  # others may have used this service before
        expect(live.locator("#frame-id")).to_have_text(first.frame_id)
        expect(live.locator("#map")).to_have_attribute("data-atoms", str(first.atoms))
        expect(live.locator("#map")).to_have_attribute("data-revision", "0")
        options = live.locator("#front").get_by_role("option")
        expect(options).to_have_count(first.points)
        others = [index for index in range(first.points) if index != first.chosen]
        options.nth(others[0]).click()
        expect(live.locator("#map")).to_have_attribute("data-revision", "1")
        picked = client.frame(first.frame_id)
        assert picked.params != first.params
        expect(live.locator("#map")).to_have_attribute("data-atoms", str(picked.atoms))

        live.locator("#front").get_by_role("option", selected=True).focus()
        live.keyboard.press("End" if picked.chosen != 0 else "Home")  # the first has the least QC
        live.keyboard.press("Enter")
        expect(live.locator("#map")).to_have_attribute("data-revision", "2")
        steered = client.frame(first.frame_id)
        assert steered.params is not None
        assert steered.chosen != picked.chosen

        second = closed(client, sender.send(graphene(2), pixel_size_nm=FIELD_NM / SIDE_PX).wait(30).frame_id)
        expect(live.locator("#frame-id")).to_have_text(second.frame_id)
        assert second.params is not None
        assert second.params.threshold == pytest.approx(steered.params.threshold, rel=0.02)
        expect(live.locator("#params")).to_contain_text(f"overlap {steered.params.overlap:.3g}")


@pytest.mark.skipif(FOLDER is None, reason="no pictures are asked for")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_pictures_are_renewed(
    live: Page,
    service: Service,
    client: Client,
    theme: Literal["light", "dark"],
):
    live.emulate_media(color_scheme=theme)
    live.goto("/")
    ready(client)
    with FrameSender(service.frames, f"demo-{theme}") as sender:
        for seed in range(6):
            receipt = sender.send(graphene(seed), pixel_size_nm=FIELD_NM / SIDE_PX, dwell_us=32.0)
            last = closed(client, receipt.wait(30).frame_id)
    live.locator("#stream").select_option(f"demo-{theme}")
    expect(live.locator("#map")).to_have_attribute("data-frame", last.frame_id)
    expect(live.locator("#map")).to_have_attribute("data-state", "done")
    live.wait_for_timeout(1500)
    keep_screenshot(live, "images/dashboard.png" if theme == "light" else "images/dashboard-dark.png")
