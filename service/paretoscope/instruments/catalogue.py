"""Which instruments there are here, what can be set on each, and how each is started."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paretoscope.contract.instruments import (
    SETTINGS,
    InstrumentKind,
    InstrumentSettings,
    ReplaySettings,
    SimulatorSettings,
    SpectraSettings,
)
from paretoscope.settings import Settings

SETUP_S, LINE_S = 0.21, 1.18e-3
"""Of a Spectra 300, beside the exposure: per frame, and per line."""
MOST_FILES = 500


@dataclass(frozen=True)
class Instrument:
    name: str
    kind: InstrumentKind
    title: str
    command: Callable[[Any, str], list[str]]
    """(settings, address that takes frames) -> the program and its options."""
    missing: str = ""
    """Why it cannot be had here; empty where it can."""
    choices: Callable[[], dict[str, list[dict[str, Any]]]] = field(default=lambda: {})
    """Setting -> what it may be: {"value", "label", ...}, as of now."""
    resumes: bool = True
    """Whether a service that starts again starts it again, too: never what puts a dose on a real sample."""

    @property
    def model(self) -> type[InstrumentSettings]:
        return SETTINGS[self.kind]

    def schema(self) -> dict[str, Any]:
        """JSON schema of its settings, with the choices there are."""
        schema = self.model.model_json_schema()
        for name, offered in self.choices().items():
            found = schema["properties"][name]
            found["choices"] = offered
            nullable = [None] if found.get("default", "") is None else []
            found["enum"] = [one["value"] for one in offered] + nullable
        return schema


def catalogue(settings: Settings) -> list[Instrument]:
    """The simulator, recordings and the microscope; what is missing here says so."""
    keyed = _keys_missing(settings)
    return [
        Instrument(
            "simulator",
            "simulator",
            "Simulated microscope",
            lambda given, to: [*_simulator(given), *_to(settings, to)],
            _not_installed("paretoscope_sim", "paretoscope[sim]")
            or _not_installed("scipy", "paretoscope[sim]")
            or keyed,
            _samples,
        ),
        Instrument(
            "replay",
            "replay",
            "Recorded images",
            lambda given, to: [*_replay(given, settings.instruments.replay_folder), *_to(settings, to)],
            _not_installed("paretoscope_sim", "paretoscope[sim]") or _no_recordings(settings) or keyed,
            lambda: {"file": [{"value": name, "label": name} for name in recordings(settings)]},
        ),
        Instrument(
            "spectra",
            "spectra",
            "Spectra microscope",
            lambda given, to: [*_spectra(given, settings), *_to(settings, to)],
            _no_vendor(settings.instruments.spectra_client) or keyed,
            resumes=False,
        ),
    ]


def expected(settings: InstrumentSettings) -> dict[str, float]:
    """What settings mean, as far as it is known: field_of_view_nm, frame_time_s, dose_pc_per_nm2."""
    told: dict[str, float] = {}
    if isinstance(settings, SimulatorSettings | SpectraSettings):
        side = settings.size_px
        frame_s = side * side * settings.dwell_us * 1e-6 + SETUP_S + LINE_S * side
        told["frame_time_s"] = frame_s / getattr(settings, "speed", 1.0)
    if isinstance(settings, SimulatorSettings):
        width_nm = settings.field_of_view_nm or _usual_field_nm(settings.sample)
        if width_nm is not None:
            told["field_of_view_nm"] = width_nm
            pixel_nm = width_nm / settings.size_px
            told["dose_pc_per_nm2"] = settings.current_pa * settings.dwell_us * 1e-6 / pixel_nm**2
    return told


def recordings(settings: Settings) -> list[str]:
    """Names of the files in the folder of recordings; nothing outside it can be named."""
    folder = settings.instruments.replay_folder
    if folder is None or not folder.is_dir():
        return []
    from paretoscope_sim.replay import SUFFIXES

    found = sorted(one.name for one in folder.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file())
    return found[:MOST_FILES]


def _simulator(given: SimulatorSettings) -> list[str]:
    options: dict[str, Any] = {
        "--sample": given.sample,
        "--size": given.size_px,
        "--dwell-us": given.dwell_us,
        "--field-nm": given.field_of_view_nm,
        "--current-pa": given.current_pa,
        "--drift-nm-per-s": given.drift_nm_per_s,
        "--damage": given.damage_per_frame,
        "--speed": given.speed,
        "--rows": given.rows_per_block,
        "--seed": given.seed,
    }
    return [sys.executable, "-m", "paretoscope_sim", "run", "--quiet", *_common(given), *_flat(options)]


def _replay(given: ReplaySettings, folder: Path | None) -> list[str]:
    assert folder is not None
    options: dict[str, Any] = {
        "--replay": folder if given.file is None else folder / Path(given.file).name,
        "--dwell-us": given.dwell_us,
        "--pixel-size-nm": given.pixel_size_nm,
        "--speed": given.speed,
        "--rows": given.rows_per_block,
    }
    command = [sys.executable, "-m", "paretoscope_sim", "run", "--quiet", *_common(given), *_flat(options)]
    return [*command, "--loop"] if given.loop else command


def _spectra(given: SpectraSettings, settings: Settings) -> list[str]:
    there = settings.instruments
    options: dict[str, Any] = {
        "--host": there.spectra_host,
        "--port": there.spectra_port,
        "--zone": there.spectra_zone,
        "--client": there.spectra_client,
        "--detector": given.detector,
        "--size": given.size_px,
        "--dwell-us": given.dwell_us,
        "--current-pa": given.current_pa,
    }
    command = [sys.executable, "-m", "paretoscope_client", "spectra", *_common(given), *_flat(options)]
    return [*command, "--insert"] if given.insert else command


def _common(given: Any) -> list[str]:
    return _flat({"--stream": given.stream, "--frames": given.frames})


def _to(settings: Settings, address: str) -> list[str]:
    key = settings.instruments.key
    if settings.frames_keys is None or key is None:
        return ["--to", address]
    return ["--to", address, "--key", str(key), "--bridge-key", str(settings.frames_keys / "bridge.key")]


def _flat(options: dict[str, Any]) -> list[str]:
    return [text for name, value in options.items() if value is not None for text in (name, str(value))]


def _samples() -> dict[str, list[dict[str, Any]]]:
    from paretoscope_sim.samples import RECIPES

    return {
        "sample": [
            {"value": one.name, "label": one.summary, "field_of_view_nm": one.default_field_nm}
            for one in RECIPES.values()
        ]
    }


def _usual_field_nm(sample: str) -> float | None:
    return next((one["field_of_view_nm"] for one in _samples()["sample"] if one["value"] == sample), None)


def _not_installed(module: str, package: str) -> str:
    return "" if importlib.util.find_spec(module) else f"It is not installed here: pip install '{package}'."


def _no_vendor(client: str) -> str:
    module = client.partition(":")[0]
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is not None:
        return ""
    return (
        f"The microscope vendor's client ({module}) is not installed on this computer. Install it from the "
        "microscope's own media, or run `python -m paretoscope_client spectra` on the computer that has it."
    )


def _no_recordings(settings: Settings) -> str:
    folder = settings.instruments.replay_folder
    if folder is None:
        return "No folder of recordings is set (PARETOSCOPE_INSTRUMENTS__REPLAY_FOLDER)."
    return "" if recordings(settings) else f"The folder of recordings {folder} holds no image."


def _keys_missing(settings: Settings) -> str:
    if settings.frames_keys is None or settings.instruments.key is not None:
        return ""
    return (
        "The bridge takes frames from known keys only, and the service has none for its instruments: set "
        "PARETOSCOPE_INSTRUMENTS__KEY to a .key_secret file."
    )
