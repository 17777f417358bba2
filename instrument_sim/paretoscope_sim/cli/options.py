"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import ast
from dataclasses import replace
from math import hypot
from typing import Annotated, Any

import typer

from paretoscope.errors import BadParameters
from paretoscope_sim.imaging import Damage, Scan
from paretoscope_sim.samples import recipe

Size = Annotated[int, typer.Option("--size", help="Pixels a side.")]
DwellUs = Annotated[float, typer.Option("--dwell-us", help="Time of the probe on one pixel, microseconds.")]
FieldNm = Annotated[
    float | None,
    typer.Option("--field-nm", help="Width of the image, nm; by default the sample's usual one."),
]
CurrentPa = Annotated[float, typer.Option("--current-pa", help="Beam current, pA.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same bytes.")]
DriftNmPerS = Annotated[
    float | None, typer.Option("--drift-nm-per-s", min=0.0, help="Speed of the specimen's drift, nm/s.")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Of the sample, e.g. vacancies=20; see `samples`."),
]
DamagePerFrame = Annotated[
    float, typer.Option("--damage", min=0.0, help="Chance that the beam removes an atom, per frame.")
]


def sample_options(texts: list[str] | None) -> dict[str, Any]:
    """Read NAME=VALUE texts; values are numbers where they look like it. Raises BadParameters."""
    options: dict[str, Any] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadParameters("bad-option", hint=f"'{text}' is not NAME=VALUE, such as vacancies=20.")
        try:
            options[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            options[name] = value
    return options


def scan_for(
    sample: str,
    size: int,
    dwell_us: float,
    field_nm: float | None,
    current_pa: float,
    damage: float = 0.0,
    drift_nm_per_s: float | None = None,
) -> Scan:
    """Return the conditions for a sample. Raises BadParameters, NotFound."""
    width = recipe(sample).default_field_nm if field_nm is None else field_nm
    scan = Scan((size, size), width, dwell_us, current_pa)
    if drift_nm_per_s is not None:
        y, x = scan.drift.velocity_nm_per_s
        faster = drift_nm_per_s / hypot(y, x)
        scan = replace(scan, drift=replace(scan.drift, velocity_nm_per_s=(y * faster, x * faster)))
    return replace(scan, damage=Damage(per_frame=damage, dopant_jumps_per_frame=10.0 * damage))
