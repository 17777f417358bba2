"""``paretoscope-sim render``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paretoscope_sim.cli import options as shared


def command(
    sample: Annotated[str, typer.Argument(help="Name of a sample; see `paretoscope-sim samples`.")],
    out: Annotated[Path, typer.Option("--out", help="Image file: .npy, .tif or .png.")],
    truth: Annotated[Path | None, typer.Option("--truth", help="CSV of every column in the image.")] = None,
    size: shared.Size = 512,
    dwell_us: shared.DwellUs = 32.0,
    field_nm: shared.FieldNm = None,
    current_pa: shared.CurrentPa = 30.0,
    seed: shared.Seed = 0,
    frame: Annotated[int, typer.Option("--frame", min=0, help="Which frame of the movie.")] = 0,
    damage: shared.DamagePerFrame = 0.0,
    option: shared.Options = None,
) -> None:
    """Make one image of a sample, and the truth about it.

    \b
    paretoscope-sim render SrTiO3 --out sto.tif --truth sto.csv --field-nm 5
    paretoscope-sim render graphene --out g.npy --option holes=3 --option grain_boundary_deg=21.8
    paretoscope-sim render MoS2 --out late.png --frame 20 --damage 0.002 --dwell-us 4
    """
    from paretoscope_sim.imaging import render
    from paretoscope_sim.output import check_image_path, write_frame, write_truth
    from paretoscope_sim.samples import make_sample

    check_image_path(out)
    scan = shared.scan_for(sample, size, dwell_us, field_nm, current_pa, damage)
    made = make_sample(sample, field_nm=scan.field_of_view_nm, seed=seed, **shared.sample_options(option))
    taken = render(made, scan, seed, frame)
    write_frame(out, taken)
    if truth is not None:
        write_truth(truth, taken.truth)
    typer.echo(
        f"{out}: {size} x {size} px, {scan.pixel_size_nm * 1e3:.2f} pm a pixel, "
        f"{int(taken.truth.in_frame.sum())} columns"
    )
