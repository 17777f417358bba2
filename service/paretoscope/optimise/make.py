"""Optimisers by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paretoscope.contract.policy import OptimiserName
from paretoscope.optimise.protocol import Optimiser
from paretoscope.optimise.sobol import SobolOptimiser


def make_optimiser(
    name: OptimiserName,
    dimensions: int,
    reference: tuple[float, ...],
    seed: int = 0,
    snap: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Optimiser:
    """The optimiser called `name`. Its libraries are loaded here and not before: BoTorch takes seconds."""
    if name == "sobol":
        # Another sequence than the screen's, else it would suggest the screen's points again.
        return SobolOptimiser(dimensions, reference, seed + 104_729)
    if name == "nsga2":
        from paretoscope.optimise.nsga2 import Nsga2Optimiser

        return Nsga2Optimiser(dimensions, reference, seed)
    from paretoscope.optimise.qnehvi import BayesianOptimiser

    return BayesianOptimiser(dimensions, reference, seed, acquisition=name, snap=snap)
