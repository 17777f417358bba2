"""The search under a deadline: known good points, a screen, a closer look, then steps of an optimiser.

    start      what was good on the frame before
    screen     Sobol points, for a stated share of the time
    breed      batches from a cheap optimiser near the front, where one is given, until they bring nothing
    steps      the optimiser's batches, until nothing more is gained, the budget is spent or time is up

Points are evaluated in batches: where one costs microseconds, asking for it alone costs more than it does.
A step of the optimiser is begun only where it pays: where thinking about a point costs less than trying it
(`SearchPlan.worth`). An evaluation of microseconds is cheaper to try; one of seconds is worth the thought.

Nothing beyond ``SearchPlan.least`` is begun that, going by what such things cost so far, would not be over
before the deadline. The best front so far is there at any moment, and its hypervolume never falls, because
nothing is ever forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from paretoscope.deadline import Deadline
from paretoscope.optimise.protocol import Archive, Optimiser
from paretoscope.optimise.sobol import sobol_points

Evaluate = Callable[[np.ndarray], np.ndarray]
"""Points (n, dimensions) -> values (n, objectives), minimised; ``inf`` where infeasible."""
ProgressCallback = Callable[[float, float], None]
"""(fraction 0..1, hypervolume)."""
StopReason = Literal["converged", "deadline", "budget"]
MOST_TOGETHER = 512
SCREENED_TOGETHER = 64
PhaseName = Literal["start", "screen", "breed", "steps"]


@dataclass(frozen=True)
class SearchPlan:
    """How much to look at."""

    screen: int = 256
    """Sobol points at most."""
    screen_share: float = 0.5
    """Share of the time that the screen may take."""
    generations: int = 24
    """Of the cheap optimiser, where one is given."""
    brood: int = 64
    """Points in each."""
    batch: int = 4
    """Points per step of the optimiser."""
    max_steps: int = 24
    least: int = 0
    """Evaluations that are made even where the deadline has passed: a late answer beats none."""
    max_evaluations: int = 4096
    patience: int = 4
    """Steps in a row without gain after which the search counts as converged."""
    tolerance: float = 1e-4
    """Hypervolume gained, as a share of the reference box, below which a step has gained nothing."""
    first_generation_s: float = 0.1
    """What a generation is taken to cost before one has been measured, s, evaluations apart."""
    first_step_s: float = 0.6
    """What a step is taken to cost before one has been measured, s."""
    margin: float = 1.25
    """How much slower than the ones before the next step is taken to be."""
    worth: float = 1.0
    """A step of the optimiser is begun where its own time per point is at most so many evaluations': it was
    measured to need about half as many points as screening and breeding. Infinite: always."""


@dataclass(frozen=True)
class Phase:
    """What one part of the search brought."""

    name: PhaseName
    evaluations: int
    hypervolume_gain: float
    seconds: float


@dataclass(frozen=True)
class Search:
    """All that was evaluated, and how it went."""

    x: np.ndarray
    """(evaluations, dimensions) in the unit cube, in order."""
    y: np.ndarray
    """(evaluations, objectives); ``inf`` where infeasible."""
    hypervolume: float
    trace: np.ndarray
    """(evaluations,) hypervolume after each batch, repeated within it; never falls."""
    at_s: np.ndarray
    """(evaluations,) when it was known, s after the search began."""
    phases: tuple[Phase, ...]
    stop_reason: StopReason
    steps: int


@dataclass
class _Run:
    evaluate: Evaluate
    optimisers: list[Optimiser]
    """All of them see every evaluation."""
    plan: SearchPlan
    deadline: Deadline
    archive: Archive
    progress: ProgressCallback | None
    trace: list[float] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    evaluation_s: float = 0.0
    """What a point cost in the last batch."""
    together: int = 1
    """Points evaluated at once: eight times as many as in the batch before."""
    step_s: float = 0.0
    """The slowest step so far of the part of the search that is on."""

    def __post_init__(self) -> None:
        self.began_s = self.deadline.now_s()

    @property
    def hypervolume(self) -> float:
        return self.trace[-1] if self.trace else 0.0

    def fits(self, seconds: float, deadline: Deadline | None = None) -> bool:
        return seconds * self.plan.margin < (deadline or self.deadline).remaining_s()

    def take(self, points: np.ndarray, deadline: Deadline) -> int:
        """Evaluate points until the deadline would be passed; how many were taken."""
        points = points[: max(self.plan.max_evaluations - len(self.archive), 0)]
        taken = 0
        while taken < len(points):
            owed = self.plan.least - len(self.archive)
            count = min(self.together, len(points) - taken)
            if not self.fits(count * self.evaluation_s, deadline):
                room = deadline.remaining_s() / (self.plan.margin * max(self.evaluation_s, 1e-9))
                count = min(max(int(room), owed), count)
            if count <= 0 or (owed <= 0 and deadline.passed()):
                break
            self._evaluate(points[taken : taken + count])
            taken += count
        return taken

    def _evaluate(self, points: np.ndarray) -> None:
        began = self.deadline.now_s()
        values = np.asarray(self.evaluate(points), dtype=np.float64)
        ended = self.deadline.now_s()
        self.evaluation_s = (ended - began) / len(points)
        self.together = min(8 * self.together, MOST_TOGETHER)
        self.archive.add(points, values)
        for optimiser in self.optimisers:
            optimiser.observe(points, values)
        self.trace.extend([self.archive.hypervolume()] * len(points))
        self.at_s.extend([self.deadline.now_s() - self.began_s] * len(points))

    def phase(self, name: PhaseName, began: float, count: int, volume: float) -> None:
        self.phases.append(
            Phase(name, len(self.archive) - count, self.hypervolume - volume, self.deadline.now_s() - began)
        )

    def report(self, fraction: float) -> None:
        if self.progress is not None:
            self.progress(min(max(fraction, 0.0), 1.0), self.hypervolume)


def search(
    evaluate: Evaluate,
    optimiser: Optimiser,
    dimensions: int,
    reference: tuple[float, ...],
    *,
    plan: SearchPlan | None = None,
    start: np.ndarray | None = None,
    deadline: Deadline,
    seed: int = 0,
    breeder: Optimiser | None = None,
    progress: ProgressCallback | None = None,
    good_enough: Callable[[np.ndarray], bool] | None = None,
) -> Search:
    """Minimise `evaluate` over the unit cube.

    start: (points, dimensions) evaluated first.  good_enough: of the values (evaluations, objectives) so
    far, whether no step can bring a difference that counts; asked before every step.
    breeder: a cheap optimiser that goes between the screen and the steps.
    Deterministic for a seed when the deadline does not bite. Errors of `evaluate` pass through.
    """
    plan = plan or SearchPlan()
    optimisers = [optimiser] if breeder is None else [optimiser, breeder]
    run = _Run(evaluate, optimisers, plan, deadline, Archive(dimensions, reference), progress)
    stop, steps = _screened(run, start, seed), 0
    if stop is None and breeder is not None:
        brood = _Stage("breed", breeder, plan.generations, plan.brood, plan.first_generation_s, 0.5, 0.7)
        stop, _ = _steps(run, brood)
        # One that has gained nothing for a while, or had its generations, leaves room for the steps.
        full = len(run.archive) >= plan.max_evaluations
        stop = stop if stop == "deadline" or full or not _pays(run, plan) else None
    if stop is None:
        begin = 0.5 if breeder is None else 0.7
        stage = _Stage("steps", optimiser, plan.max_steps, plan.batch, plan.first_step_s, begin, 1.0)
        stop, steps = _steps(run, stage, good_enough)
    run.report(1.0)
    return Search(
        run.archive.x,
        run.archive.y,
        run.hypervolume,
        np.asarray(run.trace),
        np.asarray(run.at_s),
        tuple(run.phases),
        stop,
        steps,
    )


def _pays(run: _Run, plan: SearchPlan) -> bool:
    """Whether the optimiser's first step is worth its time."""
    return plan.first_step_s / plan.batch <= plan.worth * max(run.evaluation_s, 1e-9)


def _screened(run: _Run, start: np.ndarray | None, seed: int) -> StopReason | None:
    """Known points and the screen; a reason to end here, or None."""
    dimensions = run.archive.dimensions
    began, count, volume = run.deadline.now_s(), len(run.archive), run.hypervolume
    if start is not None and len(start):
        taken = run.take(np.reshape(start, (-1, dimensions)), run.deadline)
        run.phase("start", began, count, volume)
        if taken < len(start) and not run.fits(run.evaluation_s):
            return "deadline"
    began, count, volume = run.deadline.now_s(), len(run.archive), run.hypervolume
    remaining = run.deadline.remaining_s()
    until = run.deadline if np.isinf(remaining) else run.deadline.sooner(run.plan.screen_share * remaining)
    points = sobol_points(run.plan.screen, dimensions, seed)
    for first in range(0, len(points), SCREENED_TOGETHER):
        block = points[first : first + SCREENED_TOGETHER]
        if run.take(block, until) < len(block):
            break
        run.report(0.5 * (first + len(block)) / len(points))
    run.phase("screen", began, count, volume)
    if not run.fits(run.evaluation_s):
        return "deadline"
    return "budget" if len(run.archive) >= run.plan.max_evaluations else None


@dataclass(frozen=True)
class _Stage:
    """One optimiser's part of the search."""

    name: PhaseName
    optimiser: Optimiser
    most: int
    """Steps."""
    batch: int
    first_s: float
    begin: float
    end: float
    """Progress, as a fraction of the whole search."""


def _steps(
    run: _Run, stage: _Stage, good_enough: Callable[[np.ndarray], bool] | None = None
) -> tuple[StopReason, int]:
    plan, box = run.plan, float(np.prod(run.archive.reference))
    began, count, volume = run.deadline.now_s(), len(run.archive), run.hypervolume
    run.step_s = stage.first_s + stage.batch * run.evaluation_s
    stop: StopReason = "budget"
    idle = steps = 0
    while steps < stage.most and len(run.archive) < plan.max_evaluations:
        if good_enough is not None and good_enough(run.archive.y):
            stop = "converged"
            break
        if not run.fits(run.step_s):
            stop = "deadline"
            break
        step_began, before = run.deadline.now_s(), run.hypervolume
        run.take(stage.optimiser.suggest(stage.batch), run.deadline)
        cost = run.deadline.now_s() - step_began
        run.step_s = cost if steps == 0 else max(run.step_s, cost)
        steps += 1
        idle = idle + 1 if run.hypervolume - before < plan.tolerance * box else 0
        run.report(stage.begin + (stage.end - stage.begin) * steps / stage.most)
        if idle >= plan.patience:
            stop = "converged"
            break
    if steps:
        run.phase(stage.name, began, count, volume)
    return stop, steps
