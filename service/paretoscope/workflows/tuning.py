"""LoG*: find the parameters whose detection agrees best with the lattice, for a frame or a window."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from paretoscope.contract import FrontPoint, LogParams, StreamMemory, StreamPolicy
from paretoscope.core import pareto, rewards
from paretoscope.core.parameter_sets import ParameterSets
from paretoscope.core.scoring import Scored, Scorer, Scores
from paretoscope.deadline import Deadline
from paretoscope.errors import BadParameters
from paretoscope.optimise.local import LocalOptimiser
from paretoscope.optimise.loop import Phase, ProgressCallback, SearchPlan, search
from paretoscope.optimise.make import make_optimiser
from paretoscope.optimise.space import DIMENSIONS, LogSpace
from paretoscope.optimise.warm import first_step_s
from paretoscope.workflows.choice import REFERENCE, marked, pick_among, resolutions

if TYPE_CHECKING:
    from paretoscope.core.candidates import CandidateSet
    from paretoscope.core.expectation import Expectation

LEAST = 32
"""Parameter sets scored however late it is: a frame whose preparation took all the time is answered late
rather than with nothing."""
LEAST_STEP = 0.005
"""A front that comes forward by less than this, in every reward, is not worth skimage's order of pairs."""
TOGETHER = 8
"""Sets that are resolved in that order before the front is looked at again."""
MAX_FRONT = 64
"""Points of a front at most."""


@dataclass(frozen=True)
class Tuned:
    """A front, and where on it the service stands."""

    points: list[FrontPoint]
    """By rising QC: the non-dominated sets, and of those that tie with them the best by tie-break (which may
    have a slightly larger QC or ER: it is then marked `dominated`). Empty when nothing was found."""
    chosen: int | None
    hypervolume: float
    """Of all evaluated sets, from the reference point."""
    evaluations: int
    stop_reason: Literal["converged", "deadline", "budget", "nothing-found"]
    optimiser: str
    reference_point: tuple[float, ...] = (REFERENCE, REFERENCE)
    phases: tuple[Phase, ...] = ()
    """What the start, the screen and the optimiser's steps brought, each."""
    trace: np.ndarray = field(default_factory=lambda: np.empty((0, 2)), compare=False, repr=False)
    """(evaluations, 2) hypervolume, and when it was reached, s after the search began; never falls."""

    @property
    def params(self) -> LogParams | None:
        """The chosen parameters."""
        return None if self.chosen is None else self.points[self.chosen].params


def tune(
    candidates: CandidateSet,
    expectation: Expectation,
    space: LogSpace,
    policy: StreamPolicy,
    memory: StreamMemory,
    deadline: Deadline,
    seed: int,
    *,
    plan: SearchPlan | None = None,
    progress: ProgressCallback | None = None,
) -> Tuned:
    """Search the front of one image or window.

    space: its grid must be the candidates' sigmas; its thresholds are fitted to the candidates' responses.
    Starts from the operating point and front in `memory`, carried over to this neighbour distance.
    Raises BadParameters for unknown rewards or a grid that differs.
    """
    rewards.check_names(policy.rewards)
    reference = (REFERENCE,) * len(policy.rewards)
    if not expectation.n_expected > 0.0:
        return Tuned([], None, 0.0, 0, "nothing-found", policy.optimiser, reference)
    space = fitted(space, candidates)
    scorer = Scorer(candidates, expectation, policy.rewards, reference)
    ties = resolutions(policy.rewards, expectation.document())
    seen = Seen(scorer, ties, deadline)

    def ideal(values: np.ndarray) -> bool:
        """Whether a point lies in the best cell there is: all rewards nought within the resolution."""
        return bool((pareto.cells(values, ties) == 0.0).all(axis=1).any())

    bayesian = policy.optimiser in ("qnehvi", "qlognehvi")
    optimiser = make_optimiser(policy.optimiser, DIMENSIONS, reference, seed, space.snap)
    found = search(
        lambda points: seen.values(space.sets(points)),
        optimiser,
        DIMENSIONS,
        reference,
        plan=plan or SearchPlan(least=LEAST, first_step_s=first_step_s(policy.optimiser)),
        start=remembered(memory, space),
        deadline=deadline,
        seed=seed,
        # An evaluation costs microseconds here: a closer look round the front first. Of the optimisers that
        # cost no more than that, each is its own closer look.
        breeder=LocalOptimiser(DIMENSIONS, reference, seed) if bayesian else optimiser,
        progress=progress,
        good_enough=ideal,
    )
    points = front_points(seen.scores, scorer, ties)
    return Tuned(
        points=points,
        chosen=pick_among(points, policy.weight, policy.rewards, ties) if points else None,
        hypervolume=found.hypervolume,
        evaluations=len(found.x),
        stop_reason=found.stop_reason if points else "nothing-found",
        optimiser=policy.optimiser,
        reference_point=reference,
        phases=found.phases,
        trace=np.column_stack([found.trace, found.at_s]),
    )


class Seen:
    """All that was scored. What a front is made of is exact.

    Skimage's order of pairs costs up to a hundred times what a score costs, so it is asked for only where a
    set could bring the front forward by a step that counts, or win a tie on it. Of the others those that an
    exact set beats anyway stay as the table's order has them; the rest are left out, as if infeasible.
    """

    def __init__(self, scorer: Scorer, ties: tuple[float, ...], deadline: Deadline) -> None:
        self._scorer = scorer
        self._ties = ties
        self._steps = tuple(min(tie, LEAST_STEP) for tie in ties)
        self._deadline = deadline
        self._parts: list[Scores] = []
        none = np.empty((0, len(scorer.names)))
        self._front, self._held, self._held_tie_break = none, none, np.empty(0)

    @property
    def scores(self) -> Scores | None:
        return Scores.stacked(self._parts) if self._parts else None

    def values(self, sets: ParameterSets) -> np.ndarray:
        """(sets, objectives), ``inf`` where infeasible or left out."""
        scores = self._scorer.score_many(sets, exact=False)
        self._add(scores, np.flatnonzero(scores.exact))
        rough = np.flatnonzero(~scores.exact)
        # A few at a time, so that one that is exact spares the others.
        for few in np.array_split(rough, -(-len(rough) // TOGETHER)) if len(rough) else ():
            if len(self._front) and self._deadline.passed():
                break
            scores = self._scorer.settled(scores, few[self._may_matter(scores, few)])
            self._add(scores, few[scores.exact[few]])
        values = scores.values.copy()
        values[rough[~scores.exact[rough] & ~self._beaten(values[rough])]] = np.inf
        self._parts.append(replace(scores, values=values))
        return values

    def _add(self, scores: Scores, index: np.ndarray) -> None:
        """Exact ones: the front, and the best by tie-break of each of its cells."""
        reference = self._scorer.reference
        every = np.vstack([self._front, scores.values[index]])
        self._front = every[pareto.nondominated(every, reference)]
        every = np.vstack([self._held, scores.values[index]])
        tie_break = np.concatenate([self._held_tie_break, scores.tie_break[index]])
        groups = pareto.tied_groups(every, reference, self._ties)
        best = [int(group[np.argmax(tie_break[group])]) for group in groups]
        self._held, self._held_tie_break = every[best], tie_break[best]

    def _may_matter(self, scores: Scores, index: np.ndarray) -> np.ndarray:
        """(index,) bool: sets that some order could bring forward, or to win a tie."""
        best = self._scorer.at_best(scores, index)
        steps, known = pareto.cells(best, self._steps), pareto.cells(self._front, self._steps)
        no_worse = np.asarray((known[None] <= steps[:, None]).all(axis=2))
        forward = ~np.any(no_worse, axis=1)
        cell, held = pareto.cells(best, self._ties), pareto.cells(self._held, self._ties)
        tied = (held[None] == cell[:, None]).all(axis=2)
        wins = (tied & (self._held_tie_break[None] < scores.tie_break[index][:, None])).any(axis=1)
        return np.asarray(np.isfinite(best).all(axis=1) & (forward | wins))

    def _beaten(self, values: np.ndarray) -> np.ndarray:
        """(sets,) bool: infeasible, or worse than an exact set by more than a tie."""
        no_worse = (self._front[None] <= values[:, None]).all(axis=2)
        cell, known = pareto.cells(values, self._ties), pareto.cells(self._front, self._ties)
        apart = (known[None] != cell[:, None]).any(axis=2)
        return np.asarray(~np.isfinite(values).all(axis=1) | (no_worse & apart).any(axis=1))


def fitted(space: LogSpace, candidates: CandidateSet) -> LogSpace:
    """The space with thresholds between the candidates' floor and their strongest response."""
    sigmas = np.asarray(candidates.sigmas, dtype=np.float64)
    # Candidates round the grid to binary fractions, about 1e-6 of its largest scale away.
    if sigmas.shape != space.grid.shape or not np.allclose(sigmas, space.grid, rtol=1e-4):
        raise BadParameters(
            "grid-differs",
            hint="The candidates were built on other scales than space.grid; build them on it.",
        )
    return space.scaled_to(candidates.maxima.response[:1], candidates.floor)  # strongest first


def remembered(memory: StreamMemory, space: LogSpace) -> np.ndarray:
    """(points, 4) where the last frame's operating point and front lie in this space."""
    known = [memory.operating.params] if memory.operating is not None else []
    known += memory.front
    points = [space.carried(params, memory.neighbour_px) for params in known]
    return np.unique(np.reshape(points, (-1, DIMENSIONS)), axis=0)


def front_points(scores: Scores | None, scorer: Scorer, ties: tuple[float, ...]) -> list[FrontPoint]:
    """By rising QC: of each group of ties the best, and the strictly non-dominated sets."""
    if scores is None:
        return []
    values = scores.values
    best = set(pareto.nondominated(values, scorer.reference)[:MAX_FRONT].tolist())
    for group in pareto.tied_groups(values, scorer.reference, ties):
        # Of equal tie-breaks the first found stays.
        best.add(int(group[np.argmax(scores.tie_break[group])]))
    order = sorted(best, key=lambda index: (*values[index], index))
    return marked([front_point(scorer, scorer.scored(scores, index)) for index in order], scorer.names)


def front_point(scorer: Scorer, scored: Scored) -> FrontPoint:
    missing = [name for name in ("qc", "er") if name not in scored.rewards]
    given = scored.rewards
    if missing:
        given = given | rewards.evaluate(missing, scorer.candidates.select(scored.params), scorer.expectation)
    return FrontPoint(
        params=scored.params,
        qc=float(given["qc"].value or 0.0),
        er=float(given["er"].value or 0.0),
        n_found=scored.n_found,
        n_close=round(given["er"].numerator or 0.0),
        rewards=given,
        tie_break=scored.tie_break,
    )
