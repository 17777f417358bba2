"""Instruments started, set, paused and stopped over the API: real processes that send to a real bridge."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bridge.running import eventually, running_bridge
from paretoscope.adapters.store import Store
from paretoscope.api.server import ApiServer
from paretoscope.instruments import Reconciler, catalogue
from paretoscope.settings import InstrumentSettings, Settings
from serving import picture

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"size_px": 32, "dwell_us": 0.01, "field_of_view_nm": 2.0, "speed": 20.0}
FAKE = "paretoscope_sim.vendor:TemMicroscopeClient"


@pytest.fixture(autouse=True)
def _import_path(monkeypatch: pytest.MonkeyPatch, worker: object) -> None:
    """Children find the packages, and a worker takes their frames."""
    roots = [ROOT / "service", ROOT / "clients", ROOT / "instrument_sim"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, roots)))


@contextmanager
def instruments(store: Store, owner: str = "here", **told: Any) -> Iterator[Reconciler]:
    """A bridge, and the part of the service that runs instruments."""
    settings = Settings(instruments=InstrumentSettings(**told))
    with ExitStack() as stack:
        bridge = stack.enter_context(running_bridge(store))
        yield stack.enter_context(Reconciler(store, catalogue(settings), bridge.address, owner=owner))


@pytest.fixture
def http(api: ApiServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=api.url, timeout=30.0, trust_env=False) as client:
        yield client


def ready(http: httpx.Client) -> None:
    assert eventually(lambda: len(http.get("/v1/instruments").json()["instruments"]) == 3, timeout_s=20)


def put(http: httpx.Client, name: str, wait: float = 20.0, **body: Any) -> dict[str, Any]:
    told = http.put(f"/v1/instruments/{name}", json=body, params={"wait": wait})
    assert told.status_code == 200, told.text
    return told.json()


def state_of(http: httpx.Client, name: str) -> str:
    return http.get(f"/v1/instruments/{name}").json()["state"]


def epochs(store: Store, stream: str = "simulated") -> list[str]:
    """Of the frames that came, oldest first."""
    return [store.header(frame_id).epoch for frame_id in reversed(store.frames(stream))]


def gone(pid: int) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    return check


def test_without_a_service_that_runs_instruments_that_is_what_is_said(http: httpx.Client):
    assert http.get("/v1/instruments").json() == {"instruments": [], "run_here": False}
    missing = http.put("/v1/instruments/simulator", json={"state": "running"})
    assert (missing.status_code, missing.json()["code"]) == (404, "no-such-instrument")


def test_a_simulator_runs_with_its_settings_takes_others_pauses_and_stops(http: httpx.Client, store: Store):
    with instruments(store):
        ready(http)
        assert state_of(http, "simulator") == "stopped"
        running = put(http, "simulator", state="running", settings=QUICK | {"sample": "SrTiO3"}, by="Ada")
        assert (running["state"], running["settled"]) == ("running", True)
        assert running["expected"]["field_of_view_nm"] == 2.0
        assert running["expected"]["dose_pc_per_nm2"] == pytest.approx(30 * 0.01e-6 / (2 / 32) ** 2)
        assert eventually(lambda: len(set(epochs(store))) == 1, timeout_s=30)
        assert store.header(store.frames("simulated")[0]).beam_current_pa == 30.0

        paused = put(http, "simulator", state="paused", by="Ada")
        assert (paused["state"], paused["reason"]) == ("paused", "Paused by Ada.")
        assert store.paused("simulated") is not None
        held = len(store.frames("simulated"))
        put(http, "simulator", state="running")
        assert eventually(lambda: len(store.frames("simulated")) > held + 1, timeout_s=30)

        other = put(http, "simulator", settings={"sample": "graphene", "frames": 3})
        assert (other["state"], other["settings"]["sample"]) == ("running", "graphene")
        assert other["settings"]["size_px"] == 32
        assert eventually(lambda: state_of(http, "simulator") == "stopped", timeout_s=30)
        ended = http.get("/v1/instruments/simulator").json()
        assert ended["reason"] == "It has taken all its frames."
        first, last = epochs(store)[0], epochs(store)[-1]
        assert first != last
        assert all(store.gap(frame_id) == 0 for frame_id in store.frames("simulated"))


def test_stopping_ends_the_process_and_a_stop_of_the_service_ends_all(http: httpx.Client, store: Store):
    with instruments(store) as keeper:
        ready(http)
        put(http, "simulator", state="running", settings=QUICK)
        pid = next(one.pid for one in store.instruments() if one.name == "simulator")
        stopped = put(http, "simulator", state="stopped", by="Ada")
        assert (stopped["state"], stopped["reason"]) == ("stopped", "Stopped by Ada.")
        assert eventually(gone(pid))
        put(http, "simulator", state="running")
        again = next(one.pid for one in store.instruments() if one.name == "simulator")
        keeper.stop()
        assert eventually(gone(again))
        assert not store.instruments_are_run()
    told = http.get("/v1/instruments").json()
    assert not told["run_here"]
    assert {one["state"] for one in told["instruments"]} == {"unavailable"}
    refused = http.put("/v1/instruments/simulator", json={"state": "running"})
    assert (refused.status_code, refused.json()["code"]) == (503, "no-instrument-service")


def test_an_instrument_that_dies_is_told_with_its_last_words_and_not_started_again(
    http: httpx.Client, store: Store
):
    with instruments(store, spectra_client=FAKE, spectra_zone="Nowhere/Land"):
        ready(http)
        put(http, "spectra", state="running")
        assert eventually(lambda: state_of(http, "spectra") == "failed", timeout_s=20)
        failed = http.get("/v1/instruments/spectra").json()
        assert "Nowhere/Land" in failed["reason"]
        assert failed["lines"][-1] == failed["reason"]
        put(http, "simulator", state="running", settings=QUICK)
        pid = next(one.pid for one in store.instruments() if one.name == "simulator")
        os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: state_of(http, "simulator") == "failed", timeout_s=20)
        since = http.get("/v1/instruments/simulator").json()["since"]
        put(http, "simulator", settings={"seed": 4})  # set, and not started
        assert state_of(http, "simulator") in ("stopped", "failed")
        assert put(http, "simulator", state="running")["state"] == "running"
        assert http.get("/v1/instruments/simulator").json()["since"] > since
        kinds = [e.data["state"] for _, e in store.read_events("0", 500) if e.kind == "instrument"]
        assert "failed" in kinds


def test_the_microscopes_client_is_not_there_and_says_how_to_get_it(http: httpx.Client, store: Store):
    with instruments(store):
        ready(http)
        spectra = http.get("/v1/instruments/spectra").json()
        assert spectra["state"] == "unavailable"
        assert "python -m paretoscope_client spectra" in spectra["reason"]
        refused = http.put("/v1/instruments/spectra", json={"state": "running"})
        assert (refused.status_code, refused.json()["code"]) == (409, "instrument-unavailable")


def test_the_microscopes_client_scans_where_it_is_installed(http: httpx.Client, store: Store):
    settings = {"size_px": 32, "dwell_us": 0.01, "current_pa": 25.0, "frames": 2}
    with instruments(store, spectra_client=FAKE):
        ready(http)
        put(http, "spectra", state="running", settings=settings)
        assert eventually(lambda: len(store.frames("spectra")) == 2, timeout_s=30)
        header = store.header(store.frames("spectra")[0])
        assert (header.shape, header.beam_current_pa) == ((32, 32), 25.0)


def test_after_a_restart_the_simulator_goes_on_and_the_microscope_waits_for_a_person(
    http: httpx.Client, store: Store
):
    slow = {"size_px": 32, "dwell_us": 0.01}
    with instruments(store, "first", spectra_client=FAKE):
        ready(http)
        put(http, "simulator", state="running", settings=QUICK)
        put(http, "spectra", state="running", settings=slow)
    with instruments(store, "second", spectra_client=FAKE):
        assert eventually(lambda: state_of(http, "simulator") == "running", timeout_s=20)
        assert eventually(lambda: state_of(http, "spectra") == "stopped", timeout_s=20)
        told = http.get("/v1/instruments/spectra").json()["reason"]
        assert told == "The service was restarted; start the instrument again yourself."
        assert put(http, "spectra", state="running")["state"] == "running"


@pytest.mark.slow
def test_of_two_services_on_one_store_one_runs_the_instruments(http: httpx.Client, store: Store):
    with instruments(store, "first") as first, instruments(store, "second"):
        ready(http)
        put(http, "simulator", state="running", settings=QUICK)
        assert eventually(lambda: len(epochs(store)) >= 2, timeout_s=30)
        assert len(set(epochs(store))) == 1
        before = epochs(store)[-1]
        first.stop()
        assert eventually(lambda: epochs(store)[-1] != before, timeout_s=30)  # the other takes over
        assert state_of(http, "simulator") == "running"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"smaple": "MoS2"}, "Did you mean sample?"),
        ({"sample": "unobtainium"}, "there is no 'unobtainium'; there are "),
        ({"dwell_us": -1.0}, "dwell_us (us): Input should be greater"),
        ({"dwell_us": "fast"}, "dwell_us (us): Input should be a valid number"),
        ({"size_px": 10**9}, "size_px (px): Input should be less"),
        ({"stream": "../etc"}, "stream: "),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(
    http: httpx.Client, store: Store, settings: dict[str, Any], words: str
):
    with instruments(store):
        ready(http)
        told = http.put("/v1/instruments/simulator", json={"state": "running", "settings": settings})
        assert told.status_code == 422
        assert words in told.json()["hint"]
        assert state_of(http, "simulator") == "stopped"


def test_only_recordings_of_the_services_folder_are_replayed(
    http: httpx.Client, store: Store, tmp_path: Path
):
    folder = tmp_path / "recordings"
    folder.mkdir()
    np.save(folder / "inside.npy", picture())
    np.save(tmp_path / "outside.npy", picture())
    with instruments(store, replay_folder=folder):
        ready(http)
        schema = http.get("/v1/instruments/replay").json()["settings_schema"]
        assert schema["properties"]["file"]["enum"] == ["inside.npy", None]
        for name in ("../outside.npy", "..", str(tmp_path / "outside.npy"), "outside.npy"):
            refused = http.put("/v1/instruments/replay", json={"settings": {"file": name}})
            assert refused.status_code == 422, name
        chosen = {"file": "inside.npy", "loop": False, "speed": 1000.0}
        put(http, "replay", state="running", settings=chosen)
        assert eventually(lambda: store.frames("replay"), timeout_s=30)
        assert np.array_equal(store.pixels(store.frames("replay")[0]), picture())


def test_what_is_not_running_cannot_be_paused(http: httpx.Client, store: Store):
    with instruments(store):
        ready(http)
        refused = http.put("/v1/instruments/simulator", json={"state": "paused"})
        assert (refused.status_code, refused.json()["code"]) == (409, "not-running")


def test_the_schema_tells_units_ranges_and_samples(http: httpx.Client, store: Store):
    with instruments(store):
        ready(http)
        found = http.get("/v1/instruments/simulator").json()["settings_schema"]["properties"]
    assert found["dwell_us"]["unit"] == "us"
    assert (found["size_px"]["minimum"], found["size_px"]["default"]) == (16, 512)
    samples = {one["value"]: one for one in found["sample"]["choices"]}
    assert samples["graphene"]["field_of_view_nm"] > 0
    assert set(samples) == set(found["sample"]["enum"])
    assert all(one["description"] for name, one in found.items() if name not in ("stream",))
