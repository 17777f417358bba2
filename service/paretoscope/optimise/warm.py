"""Pay once, before any deadline, for what is slow the first time.

The first qLogNEHVI call compiles a C++ kernel (27-34 s measured; about 2 s once it is on disk; without a
compiler BoTorch goes on in Python, 1.5-3 times slower), the loops that score parameter sets take 15 s to
compile and are read from the disk from then on, and the first fit loads libraries and builds caches.
Call ``warm_up()`` at set-up or when a worker starts.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from paretoscope.optimise import kernel_build

WARM_STEP_S = 0.5
COLD_STEP_S = 6.0
LIGHT_STEP_S = 0.05

_warm: WarmUp | None = None


@dataclass(frozen=True)
class WarmUp:
    """What is ready."""

    kernel: bool
    """Whether the compiled kernel of qLogNEHVI is loaded; False: the Python implementation serves."""
    note: str
    """'' or why not."""


def is_warm() -> bool:
    """Whether this process has been warmed up."""
    return _warm is not None


def warm_up() -> WarmUp:
    """Compile or load the kernel and make a tiny step with each acquisition. A second call costs nothing.

    Never raises for a missing compiler or a failed build: the note says so, and Python serves.
    """
    global _warm
    if _warm is None:
        note = kernel_build.load()
        _tiny_scores()
        _warm = WarmUp(*_tiny_steps(note))
    return _warm


def first_step_s(name: str) -> float:
    """What the first step of an optimiser is to be taken to cost in this process, s.

    A cold process imports BoTorch first (2-5 s).
    """
    if name in ("qnehvi", "qlognehvi"):
        return WARM_STEP_S if is_warm() else COLD_STEP_S
    return LIGHT_STEP_S if is_warm() else 10.0 * LIGHT_STEP_S


def never_compile() -> None:
    """Keep a process that has not been warmed up from compiling in the middle of a search.

    BoTorch tries once, on first use, and has no switch; this is the mark that it has tried (see
    `kernel_build`).
    """
    from botorch.acquisition.multi_objective import logei

    if not is_warm() and hasattr(logei, "_load_attempted"):
        logei._load_attempted = True


def _tiny_scores() -> None:
    """Compile, or load from the disk, the loops that score parameter sets."""
    from paretoscope.core.candidate_table import listed_within
    from paretoscope.core.candidates import CandidateSet
    from paretoscope.core.expectation import Expectation
    from paretoscope.core.judge import judge
    from paretoscope.core.scoring import Scorer
    from paretoscope.core.tie_break import tie_breaks
    from paretoscope.core.window_views import blocks
    from paretoscope.core.windows import WindowGrid
    from paretoscope.optimise.sobol import sobol_points
    from paretoscope.optimise.space import LogSpace

    image = np.random.default_rng(0).random((48, 48), dtype=np.float32)
    lattice = np.ones((48, 48), dtype=np.uint8)
    expected = Expectation.over_frame(image.shape, lattice, 1, 0.02, 6.0, "density")
    space = LogSpace(6.0)
    candidates = CandidateSet.build(image, space.grid, 1e-3)
    space = space.scaled_to(candidates.maxima.response, 1e-3)
    scores = Scorer(candidates, expected).score_many(space.sets(sobol_points(16, 4, seed=0)))
    block = next(blocks(WindowGrid.over(image.shape, 32, 0.5)))
    maxima, sets = candidates.maxima, scores.sets
    counted = np.ones(len(maxima), dtype=bool)
    views = block.views(maxima.y_px, maxima.x_px, counted, np.full(len(block.index), 20.0), 3.6)
    judged = judge(
        candidates.table, views, sets.first, sets.last, sets.threshold, sets.overlap, candidates.most_peaks
    )
    one = np.flatnonzero(judged.atoms[:, 0])
    tie_breaks(
        listed_within(candidates.table, views.member, 0), sets.first[one], sets.last[one],
        sets.threshold[one], judged.atoms[one, 0], judged.total[one, 0], judged.squares[one, 0],
    )  # fmt: skip


def _tiny_steps(note: str) -> tuple[bool, str]:
    from botorch.acquisition.multi_objective import logei

    from paretoscope.optimise.nsga2 import Nsga2Optimiser
    from paretoscope.optimise.qnehvi import BayesianOptimiser
    from paretoscope.optimise.sobol import sobol_points

    x = sobol_points(16, 2, seed=0)
    y = np.column_stack([x[:, 0], 1.0 - x[:, 0] * x[:, 1]])
    genetic = Nsga2Optimiser(2, (1.0, 1.0))
    genetic.observe(x, y)
    genetic.suggest(8)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for acquisition in ("qlognehvi", "qnehvi"):
            optimiser = BayesianOptimiser(2, (1.0, 1.0), acquisition=acquisition)
            optimiser.observe(x, y)
            optimiser.suggest(2)
    failed = [str(entry.message) for entry in caught if "fused" in str(entry.message)]
    return getattr(logei, "_C", None) is not None, note or " ".join(failed)
