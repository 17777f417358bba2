"""The worked loops on the real service and the simulated microscope, judged by the simulator's truth."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples import scopes
from paretoscope_client import Client
from paretoscope_sim import Tag
from paretoscope_sim.session import Session, run

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NEAR_PX = 0.07 / scopes.FIELD_NM * scopes.SIDE_PX
"""Half a bond: a beam within it is on the atom and on no other."""


def main_of(name: str) -> Callable[[list[str]], int]:
    return runpy.run_path(str(ROOT / "examples" / f"{name}.py"))["main"]


def at_scope(service: Any, instrument: scopes.RecordingInstrument, stream: str) -> list[str]:
    scopes.use(instrument)
    where = ["--url", service.url, "--frames-to", service.frames, "--stream", stream]
    return [*where, "--client", "examples.scopes:scope", "--size-px", str(scopes.SIDE_PX)]


def test_the_beam_visits_the_silicon_dopants_and_little_else(
    service: Any, capsys: pytest.CaptureFixture
) -> None:
    instrument = scopes.graphene(dopants=10)
    arguments = at_scope(service, instrument, "dopants")
    code = main_of("visit_dopants")(
        [*arguments, "--rounds", "3", "--stay-ms", "0", "--allow", "simulated", "deadline-missed"]
    )
    assert code == 0, capsys.readouterr()
    assert len(instrument.truths) == 3
    right, visits, reached, dopants = 0, 0, 0, 0
    for truth in instrument.truths:
        silicon = truth.sample.tag == Tag.DOPANT
        y, x = truth.y_px[silicon], truth.x_px[silicon]
        inside = np.minimum.reduce([y, x, scopes.SIDE_PX - y, scopes.SIDE_PX - x]) > 3
        here = [visit for visit in instrument.visits if visit.truth is truth]
        at = np.array([[visit.y_px, visit.x_px] for visit in here]).reshape(-1, 2)
        away = np.hypot(at[:, :1] - y, at[:, 1:] - x)
        assert here
        right += int((away.min(axis=1) < NEAR_PX).sum())
        visits += len(here)
        reached += int((away.min(axis=0) < NEAR_PX)[inside].sum())
        dopants += int(inside.sum())
    assert dopants >= 20
    assert reached / dopants >= 0.9, f"recall {reached}/{dopants}"
    assert right / visits >= 0.9, f"precision {right}/{visits}"


def test_without_leave_the_beam_visits_nothing_on_a_simulated_sample(
    service: Any, capsys: pytest.CaptureFixture
) -> None:
    instrument = scopes.graphene(dopants=10)
    code = main_of("visit_dopants")([*at_scope(service, instrument, "refused"), "--rounds", "1"])
    assert code == 1
    assert instrument.visits == []
    assert "not acted on: simulated" in capsys.readouterr().out


@pytest.mark.slow
def test_imaging_stops_soon_after_the_vacancies_pass_the_limit(
    service: Any, capsys: pytest.CaptureFixture
) -> None:
    instrument = scopes.graphene(per_frame=0.006)
    code = main_of("stop_on_damage")(
        [
            *at_scope(service, instrument, "damage"),
            "--frames",
            "20",
            "--max-vacancies",
            "0.04",
            "--allow",
            "simulated",
            "deadline-missed",
            "er-too-high",
        ]
    )
    said = capsys.readouterr()
    assert code == 3, said
    assert instrument.blanked
    whole = instrument.truths[0].in_frame.sum()
    gone = [1.0 - truth.in_frame.sum() / whole for truth in instrument.truths]
    assert gone[-1] > 0.025, gone
    # Two frames in a row are asked for: the rate was not far beyond the limit before them.
    assert gone[-3] < 0.055, gone


@pytest.mark.slow
def test_imaging_goes_on_while_the_sample_is_whole(service: Any, capsys: pytest.CaptureFixture) -> None:
    instrument = scopes.graphene()
    code = main_of("stop_on_damage")(
        [
            *at_scope(service, instrument, "whole"),
            "--frames",
            "3",
            "--max-vacancies",
            "0.03",
            "--allow",
            "simulated",
            "deadline-missed",
        ]
    )
    assert code == 0, capsys.readouterr()
    assert not instrument.blanked
    assert instrument.frames_taken == 3


@pytest.mark.slow
def test_the_front_is_walked_until_false_positives_are_few(
    service: Any, capsys: pytest.CaptureFixture
) -> None:
    instrument, stop = scopes.graphene(vacancies=6, dopants=8), threading.Event()
    with Client(service.url) as client:
        client.change_policy("steer", weight=0.0)  # the service itself would miss fewest, false atoms or not
    session = Session(service.frames, "steer", None, scopes.SIDE_PX, 32.0)
    scanning = threading.Thread(target=run, args=(instrument, session, stop))
    scanning.start()
    try:
        code = main_of("steer_front")(
            [
                "--url",
                service.url,
                "--stream",
                "steer",
                "--max-er",
                "0.005",
                "--allow",
                "simulated",
                "deadline-missed",
                "stale",
            ]
        )
    finally:
        stop.set()
        scanning.join()
    said = capsys.readouterr()
    assert code == 0, said
    assert float(re.findall(r"ER ([\d.e-]+)", said.out)[-1]) <= 0.005
    assert "picked point" in said.out


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_explains_itself_and_says_what_is_wrong_in_one_line(example: Path) -> None:
    helped = subprocess.run([sys.executable, example, "--help"], capture_output=True, text=True, check=True)
    assert "--allow" in helped.stdout
    nowhere = ["--url", "nonsense", "--stream", "s"]
    if "--client" in helped.stdout:
        nowhere += ["--client", "paretoscope_sim.vendor:TemMicroscopeClient"]
    said = subprocess.run(
        [sys.executable, example, *nowhere], capture_output=True, text=True, check=False, timeout=60
    )
    assert said.returncode == 2, said
    assert said.stderr.count("\n") == 1
    assert "address" in said.stderr
