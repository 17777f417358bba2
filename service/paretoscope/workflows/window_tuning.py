"""LoG* on sliding windows, all at once.

A parameter set is judged in all windows in one walk over the frame's candidates, each window as if it were
cut out (`core.judge`), so that 36 windows cost hardly more than one frame:

    screen     the frame's front and Sobol points
    rounds     every window proposes small changes of its own best sets, and all windows try all proposals
    choice     each window picks on its own front, by the same rules as a frame

Where blobs overlap in chains and the order of pairs would decide, a set is left out for that window, which
has others as good; where it has none, a few are resolved in skimage's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.contract import LogParams, ParameterMap, StreamMemory, StreamPolicy, WindowResult
from paretoscope.core import pareto, rewards
from paretoscope.core.candidate_table import listed_within
from paretoscope.core.judge import judge
from paretoscope.core.parameter_sets import ParameterSets
from paretoscope.core.scoring import TABLED, Scorer
from paretoscope.core.tie_break import tie_breaks
from paretoscope.core.window_views import Block, blocks
from paretoscope.core.windows import Window, WindowGrid
from paretoscope.deadline import Deadline
from paretoscope.optimise.sobol import sobol_points
from paretoscope.optimise.space import DIMENSIONS, LogSpace
from paretoscope.workflows.choice import REFERENCE, pick_group, resolutions
from paretoscope.workflows.tuning import fitted, remembered

if TYPE_CHECKING:
    from paretoscope.core.candidates import CandidateSet
    from paretoscope.core.expectation import Expectation

MIN_EXPECTED = 4.0
"""A window that expects fewer atoms has nothing to tune on."""
TOGETHER = 32
"""Parameter sets judged between two looks at the clock."""
ALONE = 8
"""Parameter sets that a window looks at on its own, where it must."""
NOTHING = "nothing passes here: too few or far too many atoms at every setting"


@dataclass(frozen=True)
class WindowPlan:
    screen: int = 128
    """Sobol points tried on all windows together."""
    rounds: int = 3
    proposals: int = 3
    """Small changes that each window proposes in a round."""
    kept: int = 4
    """Best sets of a window that they are changes of."""
    reach: tuple[float, ...] = (0.02, 0.06, 0.15)
    """How small: standard deviations in the unit cube, in turn."""
    share: float = 0.8
    """Of the time that all this may take; the rest is for the choice."""


@dataclass
class _Tried:
    """All that was tried in a block of windows."""

    points: np.ndarray
    """(sets, 4) in the unit cube."""
    sets: ParameterSets
    values: np.ndarray
    """(sets, windows, 2) QC and ER, ``inf`` where infeasible."""
    exact: np.ndarray
    """(sets, windows) whether no order of pairs could change them."""
    found: np.ndarray
    """(sets, windows) counted atoms; likewise `atoms` (all), `total` and `squares` (of their responses)."""
    atoms: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    def __add__(self, other: _Tried) -> _Tried:
        names = ("points", "values", "exact", "found", "atoms", "total", "squares")
        columns = {name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in names}
        return _Tried(sets=ParameterSets.stacked([self.sets, other.sets]), **columns)


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

    A window without lattice area, or where nothing passes, carries a reason instead of parameters. However
    late it is, something is tried. Deterministic for a seed when the deadline does not bite.
    """
    rewards.check_names(policy.rewards)
    plan = plan or WindowPlan()
    grid = WindowGrid.over(expectation.shape, policy.windows.size_px, policy.windows.step)
    space = fitted(space, candidates)
    known = remembered(memory, space)
    results: dict[int, WindowResult] = {}
    todo = list(blocks(grid))
    for done, block in enumerate(todo):
        # Blocks that are still to come get their share of the time.
        remaining = deadline.remaining_s()
        mine = deadline if np.isinf(remaining) else deadline.sooner(max(remaining, 0.0) / (len(todo) - done))
        tuning = _BlockTuning(candidates, expectation, grid, block, space, policy, plan, seed)
        tuning.search(known, mine)
        results |= tuning.results(mine)
    return [results[index] for index in range(len(grid.windows))]


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


class _BlockTuning:
    """The search in one block of windows."""

    def __init__(
        self,
        candidates: CandidateSet,
        expectation: Expectation,
        grid: WindowGrid,
        block: Block,
        space: LogSpace,
        policy: StreamPolicy,
        plan: WindowPlan,
        seed: int,
    ) -> None:
        extent = block.extent
        whole = extent.height_px >= expectation.shape[0] and extent.width_px >= expectation.shape[1]
        # The frame's own table is there already, or will be of use to others; a part of it is not.
        self.candidates = candidates if whole else _inside(candidates, extent)
        self.windows = [grid.windows[index] for index in block.index]
        self.parts = [expectation.inside(w.y_px, w.x_px, w.height_px, w.width_px) for w in self.windows]
        self.index, self.space, self.policy, self.plan, self.seed = block.index, space, policy, plan, seed
        self.expected = np.array([part.n_expected for part in self.parts])
        self.resolutions = [resolutions(TABLED, part.document()) for part in self.parts]
        maxima = self.candidates.maxima
        self.views = block.views(
            maxima.y_px,
            maxima.x_px,
            np.asarray(expectation.counts(maxima.y_px, maxima.x_px), dtype=bool),
            self.expected,
            expectation.minimum_distance_px,
        )

    def search(self, known: np.ndarray, deadline: Deadline) -> None:
        plan = self.plan
        until = deadline.sooner(plan.share * max(deadline.remaining_s(), 0.0))
        self.tried = self._try(np.vstack([known, sobol_points(plan.screen, DIMENSIONS, self.seed)]), until)
        random = np.random.default_rng((self.seed, int(self.index[0])))
        for _ in range(plan.rounds):
            proposals = self._proposals(random)
            if len(proposals) == 0 or until.passed():
                break
            self.tried += self._try(proposals, until)

    def _try(self, points: np.ndarray, until: Deadline) -> _Tried:
        """Judge points in all windows until time is up; at least the first few."""
        parts: list[_Tried] = []
        slowest = 0.0
        for begin in range(0, len(points), TOGETHER):
            began = until.now_s()
            if parts and slowest * 1.25 >= until.remaining_s():
                break
            parts.append(self._judged(points[begin : begin + TOGETHER]))
            slowest = max(slowest, until.now_s() - began)
        tried = parts[0]
        for part in parts[1:]:
            tried += part
        return tried

    def _judged(self, points: np.ndarray) -> _Tried:
        sets = self.space.sets(points).at_least(self.candidates.floor)
        judged = judge(
            self.candidates.table, self.views, sets.first, sets.last, sets.threshold, sets.overlap,
            self.candidates.most_peaks, REFERENCE,
        )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            qc = np.abs(judged.found - self.expected) / self.expected
            values = np.stack([qc, judged.close / self.expected], axis=-1)
        values[(judged.found == 0) | (judged.close < 0) | ~(values < REFERENCE).all(axis=-1)] = np.inf
        return _Tried(
            points, sets, values, judged.exact, judged.found, judged.atoms, judged.total, judged.squares
        )

    def _proposals(self, random: np.random.Generator) -> np.ndarray:
        """Small changes of what is best in each window, (windows x proposals, 4)."""
        centres = []
        for w, expected in enumerate(self.expected):
            if expected >= MIN_EXPECTED:
                best = self._best(w, self.plan.kept)
                centres += [best[k % len(best)] for k in range(self.plan.proposals)] if len(best) else []
        if not centres:
            return np.empty((0, DIMENSIONS))
        width = np.array(self.plan.reach)[np.arange(len(centres)) % len(self.plan.reach), None]
        moved = random.random((len(centres), DIMENSIONS)) < 0.5
        step = moved * width * random.standard_normal((len(centres), DIMENSIONS))
        return np.clip(self.tried.points[centres] + step, 0.0, 1.0)

    def _best(self, w: int, count: int, exact: bool = True) -> np.ndarray:
        """Indices of the sets that a window likes best: by cells of QC + ER, then by their sum."""
        values = self.tried.values[:, w]
        inside = np.flatnonzero(np.isfinite(values[:, 0]) & (self.tried.exact[:, w] | (not exact)))
        total = values[inside].sum(axis=1)
        cell = pareto.cells(values[inside], self.resolutions[w]).sum(axis=1)
        return inside[np.lexsort((inside, total, cell))[:count]]

    def results(self, deadline: Deadline) -> dict[int, WindowResult]:
        return {int(index): self._result(w, deadline) for w, index in enumerate(self.index)}

    def _result(self, w: int, deadline: Deadline) -> WindowResult:
        window, part = self.windows[w], self.parts[w]
        if part.n_expected < MIN_EXPECTED:
            return _without(window, part, "no lattice area in this window")
        feasible, exact = np.isfinite(self.tried.values[:, w, 0]), self.tried.exact[:, w]
        if not feasible.any():
            return _without(window, part, NOTHING)
        if tuple(self.policy.rewards) != TABLED or not (feasible & exact).any():
            return self._alone(w)
        index = np.flatnonzero(feasible & exact)
        values, ties = self.tried.values[index, w], self.resolutions[w]
        tied = index[pick_group(values, self.policy.weight, ties)]
        best = int(tied[0 if deadline.passed() else np.argmax(self._tie_breaks(w, tied))])
        qc, er = self.tried.values[best, w]
        params = self.tried.sets.params(best, self.candidates.sigmas)
        return _result(window, part, params, float(qc), float(er), int(self.tried.found[best, w]))

    def _tie_breaks(self, w: int, index: np.ndarray) -> np.ndarray:
        """(index,) against the responses in this window."""
        tried, sets = self.tried, self.tried.sets
        lists = listed_within(self.candidates.table, self.views.member, w)
        return tie_breaks(
            lists, sets.first[index], sets.last[index], sets.threshold[index],
            tried.atoms[index, w], tried.total[index, w], tried.squares[index, w],
        )  # fmt: skip

    def _alone(self, w: int) -> WindowResult:
        """By rewards of one's own, or in skimage's order of pairs: a few sets on the window's candidates."""
        names = self.policy.rewards
        reference = (REFERENCE,) * len(names)
        scorer = Scorer(_inside(self.candidates, self.windows[w]), self.parts[w], names, reference)
        scores = scorer.score_many(self.tried.sets.take(self._best(w, ALONE, exact=False)))
        ties = resolutions(names, self.parts[w].document())
        good = np.flatnonzero(scores.feasible)
        if len(good) == 0:
            return _without(self.windows[w], self.parts[w], NOTHING)
        tied = good[pick_group(scores.values[good], self.policy.weight, ties)]
        best = int(tied[np.argmax(scores.tie_break[tied])])
        params = scores.sets.params(best, self.candidates.sigmas)
        qc, er = float(scores.qc[best]), float(scores.er[best])
        return _result(self.windows[w], self.parts[w], params, qc, er, int(scores.n_found[best]))


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


def _inside(candidates: CandidateSet, window: Window) -> CandidateSet:
    return candidates.inside(window.y_px, window.x_px, window.height_px, window.width_px)
