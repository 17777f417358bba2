"""Simulated microscopes for the worked loops: they remember where the beam waited and what was under it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from paretoscope_sim import Scan
from paretoscope_sim.clock import Clock
from paretoscope_sim.imaging import Damage
from paretoscope_sim.imaging.render import FrameTruth
from paretoscope_sim.sources import SampleSource
from paretoscope_sim.vendor import SimulatedInstrument, TemMicroscopeClient

FIELD_NM, SIDE_PX = 6.0, 256


@dataclass
class Visit:
    """The beam, waiting somewhere while nothing was scanned."""

    y_px: float
    x_px: float
    truth: FrameTruth
    """Of the frame scanned last."""


@dataclass
class RecordingInstrument(SimulatedInstrument):
    visits: list[Visit] = field(default_factory=list)
    truths: list[FrameTruth] = field(default_factory=list)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        exposure = self.__dict__.get("last_exposure")
        if name == "parked_beam" and exposure is not None:
            rows, columns = exposure.image.shape
            self.visits.append(Visit(value[0] * rows - 0.5, value[1] * columns - 0.5, exposure.truth))
        if name == "last_exposure" and value is not None:
            self.truths.append(value.truth)


def graphene(per_frame: float = 0.0, **options: Any) -> RecordingInstrument:
    """An instrument that never waits; per_frame: chance that an undisturbed atom leaves during a frame."""
    scan = replace(
        Scan(shape=(SIDE_PX, SIDE_PX), field_of_view_nm=FIELD_NM), damage=Damage(per_frame=per_frame)
    )
    plain = {"holes": 0, "amorphous_radius_nm": 0.0, "vacancies": 0, "stone_wales": 0, "dopants": 0}
    source = SampleSource.named("graphene", scan, seed=3, **(plain | options))
    return RecordingInstrument(source, Clock(float("inf")), field_of_view_m=FIELD_NM * 1e-9)


_under_test: list[RecordingInstrument] = []


def use(instrument: RecordingInstrument) -> None:
    """Let `scope` lead to this instrument from now on."""
    _under_test[:] = [instrument]


def scope() -> TemMicroscopeClient:
    """What the examples' --client names."""
    return TemMicroscopeClient(_under_test[0])
