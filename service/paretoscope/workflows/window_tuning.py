"""LoG* on sliding windows: a screen shared by all of them, then each by itself.

A parameter set is detected once on the whole frame, and its atoms are then counted window by window, so
that 36 windows cost hardly more than one frame. (Atoms on both sides of a window's edge may resolve an
overlap that the window alone would not see; what a window finally reports is scored on the window alone.)
Then each window takes its best sets, tries small changes of them, and picks by the same rules as a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.contract import LogParams, ParameterMap, StreamMemory, StreamPolicy, WindowResult
from paretoscope.core import pareto, rewards
from paretoscope.core.scoring import Scored, Scorer
from paretoscope.core.windows import Window, WindowGrid
from paretoscope.deadline import Deadline
from paretoscope.optimise.sobol import sobol_points
from paretoscope.optimise.space import DIMENSIONS, LogSpace
from paretoscope.workflows.choice import REFERENCE, pick_among, resolutions
from paretoscope.workflows.tuning import fitted, front_points, remembered

if TYPE_CHECKING:
    from paretoscope.core.candidates import CandidateSet
    from paretoscope.core.expectation import Expectation

MIN_EXPECTED = 4.0
"""A window that expects fewer atoms has nothing to tune on."""


@dataclass(frozen=True)
class WindowPlan:
    screen: int = 128
    """Parameter sets tried on all windows together."""
    screen_share: float = 0.6
    """Share of the time that they may take."""
    kept: int = 8
    """Of those, how many each window looks at again."""
    local: int = 12
    """Small changes that each window tries on its own."""
    reach: float = 0.08
    """How small: standard deviation in the unit cube."""


@dataclass
class _Screen:
    """What the shared screen found, per parameter set and window."""

    params: list[LogParams]
    values: np.ndarray
    """(sets, windows, 2) QC and ER, ``inf`` where infeasible."""
    tie_break: np.ndarray
    """(sets,) of the whole frame."""
    found: np.ndarray
    """(sets, windows) N_found."""


def tune_windows(
    candidates: CandidateSet,
    expectation: Expectation,
    space: LogSpace,
    policy: StreamPolicy,
    memory: StreamMemory,
    deadline: Deadline,
    seed: int,
    *,
    plan: WindowPlan | None = None,
) -> list[WindowResult]:
    """One result per window of ``WindowGrid.over(expectation.shape, policy.windows.size_px, .step)``.

    A window without lattice area, or where nothing passes, carries a reason instead of parameters. When the
    deadline leaves no time for a window of its own, it reports the best of the shared screen.
    Deterministic for a seed when the deadline does not bite.
    """
    rewards.check_names(policy.rewards)
    plan = plan or WindowPlan()
    grid = WindowGrid.over(expectation.shape, policy.windows.size_px, policy.windows.step)
    space = fitted(space, candidates)
    parts = [expectation.inside(w.y_px, w.x_px, w.height_px, w.width_px) for w in grid.windows]
    screen = _shared_screen(candidates, expectation, grid, parts, space, memory, deadline, seed, plan)
    results = []
    slowest = 0.0
    for index, window in enumerate(grid.windows):
        began = deadline.now_s()
        if parts[index].n_expected < MIN_EXPECTED:
            results.append(_without(window, parts[index], "no lattice area in this window"))
        elif slowest * 1.25 < deadline.remaining_s():
            results.append(
                _alone(candidates, parts[index], window, index, screen, space, policy, deadline, seed, plan)
            )
            slowest = max(slowest, deadline.now_s() - began)
        else:
            results.append(_from_screen(screen, index, window, parts[index], policy))
    return results


def parameter_map(
    frame_id: str, revision: int, grid: WindowGrid, results: list[WindowResult]
) -> ParameterMap:
    return ParameterMap(
        frame_id=frame_id,
        revision=revision,
        window_px=grid.size_px,
        step_px=grid.step_px,
        grid=grid.grid,
        windows=results,
    )


def _shared_screen(
    candidates: CandidateSet,
    expectation: Expectation,
    grid: WindowGrid,
    parts: list[Expectation],
    space: LogSpace,
    memory: StreamMemory,
    deadline: Deadline,
    seed: int,
    plan: WindowPlan,
) -> _Screen:
    known = remembered(memory, space)
    points = np.vstack([known, sobol_points(plan.screen, DIMENSIONS, seed)])
    until = deadline.sooner(plan.screen_share * max(deadline.remaining_s(), 0.0))
    scorer = Scorer(candidates, expectation)
    expected = np.array([part.n_expected for part in parts])
    screen = _Screen([], np.empty((0, len(parts), 2)), np.empty(0), np.empty((0, len(parts))))
    values, breaks, founds = [], [], []
    slowest = 0.0
    for point in points:
        began = deadline.now_s()
        if values and slowest * 1.25 >= until.remaining_s():
            break
        params = candidates.snap(space.params(point))
        blobs = candidates.select(params, exact=False)
        keep = rewards.counted(blobs, expectation)
        down, across = grid.contains(blobs.y_px, blobs.x_px)
        found = (down.T @ (keep[:, None] * across)).ravel()
        close = np.zeros(len(parts))
        if found.sum() < 2.0 * max(expected.sum(), 1.0):
            near = rewards.close_atoms(blobs, keep, expectation.minimum_distance_px)
            close = (down.T @ (near[:, None] * across)).ravel()
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.stack([np.abs(found - expected) / expected, close / expected], axis=-1)
        value[(found == 0) | ~(value < REFERENCE).all(axis=-1)] = np.inf
        screen.params.append(params)
        values.append(value)
        founds.append(found)
        breaks.append(scorer.tie_break(params, blobs))
        slowest = max(slowest, deadline.now_s() - began)
    screen.values, screen.tie_break, screen.found = np.array(values), np.array(breaks), np.array(founds)
    return screen


def _alone(
    candidates: CandidateSet,
    part: Expectation,
    window: Window,
    index: int,
    screen: _Screen,
    space: LogSpace,
    policy: StreamPolicy,
    deadline: Deadline,
    seed: int,
    plan: WindowPlan,
) -> WindowResult:
    """The window's own search: its best of the screen, and small changes of them."""
    inside = candidates.inside(window.y_px, window.x_px, window.height_px, window.width_px)
    reference = (REFERENCE,) * len(policy.rewards)
    scorer = Scorer(inside, part, policy.rewards, reference)
    ties = resolutions(policy.rewards, part.document())
    scored: list[Scored] = [scorer.score(screen.params[i]) for i in _best(screen, index, part, plan.kept)]
    if not scored:
        return _without(window, part, "nothing passes here: too few or far too many atoms at every setting")
    random = np.random.default_rng((seed, index))
    for step in range(plan.local):
        if deadline.passed():
            break
        centre = space.point(scored[step % min(len(scored), plan.kept)].params)
        moved = centre + plan.reach * random.standard_normal(DIMENSIONS)
        scored.append(scorer.score(inside.snap(space.params(moved))))
    points = front_points(scored, scorer, ties)
    if not points:
        return _without(window, part, "nothing passes here: too few or far too many atoms at every setting")
    point = points[pick_among(points, policy.weight, policy.rewards, ties)]
    return _result(window, part, point.params, point.qc, point.er, point.n_found)


def _best(screen: _Screen, index: int, part: Expectation, count: int) -> list[int]:
    """Indices of the screen's sets that this window likes best: by cells of QC + ER, then by tie-break."""
    values = screen.values[:, index]
    inside = np.flatnonzero(np.isfinite(values).all(axis=1))
    cell = pareto.cells(values[inside], resolutions(("qc", "er"), part.document())).sum(axis=1)
    return inside[np.lexsort((inside, -screen.tie_break[inside], cell))][:count].tolist()


def _from_screen(
    screen: _Screen, index: int, window: Window, part: Expectation, policy: StreamPolicy
) -> WindowResult:
    values = screen.values[:, index]
    front = pareto.nondominated(values, (REFERENCE, REFERENCE))
    if front.size == 0:
        return _without(window, part, "nothing passed here before the deadline")
    best = int(front[pareto.choose(values[front], policy.weight, (REFERENCE, REFERENCE))])
    qc, er = values[best]
    return _result(window, part, screen.params[best], float(qc), float(er), int(screen.found[best, index]))


def _result(
    window: Window, part: Expectation, params: LogParams, qc: float, er: float, found: int
) -> WindowResult:
    return WindowResult(
        y_px=window.y_px,
        x_px=window.x_px,
        params=params,
        qc=qc,
        er=er,
        n_found=found,
        n_expected=float(part.n_expected),
    )


def _without(window: Window, part: Expectation, reason: str) -> WindowResult:
    return WindowResult(
        y_px=window.y_px, x_px=window.x_px, params=None, n_expected=float(part.n_expected), reason=reason
    )
