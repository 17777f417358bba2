"""Parameter sets, judged: their rewards, and what decides between sets with the same rewards.

QC, ER and the tie-break are read off the candidates' table for all sets at once (`judge`); rewards of one's
own are asked one set after the other, of those that pass the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.contract import LogParams, RewardValue
from paretoscope.core import rewards
from paretoscope.core.judge import Judged, judge, tally_of, whole
from paretoscope.core.parameter_sets import ParameterSets
from paretoscope.core.settle import kept_rows
from paretoscope.core.tie_break import tie_breaks

if TYPE_CHECKING:
    from paretoscope.core.candidates import CandidateSet
    from paretoscope.core.expectation import Expectation

TABLED = ("qc", "er")
"""Rewards that are read off the table."""


@dataclass(frozen=True)
class Scored:
    params: LogParams
    values: np.ndarray
    """(objectives,) float64, minimised; ``inf`` where infeasible."""
    rewards: dict[str, RewardValue]
    n_found: int
    """Counted atoms: those in lattice and vacuum areas."""
    tie_break: float
    """Among equal values the larger one wins; 0 where infeasible. See ``core.tie_break``."""


@dataclass(frozen=True)
class Scores:
    """Columns of equal length (sets)."""

    sets: ParameterSets
    values: np.ndarray
    """(sets, objectives) float64, minimised; ``inf`` where infeasible."""
    n_found: np.ndarray
    """Counted atoms."""
    n_close: np.ndarray
    """Of these, too near to another atom; -1 where not looked for."""
    qc: np.ndarray
    er: np.ndarray
    """NaN where not looked for."""
    tie_break: np.ndarray
    """See ``core.tie_break``; 0 where infeasible."""
    least: np.ndarray
    """Counted atoms at least, and ..."""
    most: np.ndarray
    """... at most, whatever the order in which chains are resolved."""
    exact: np.ndarray
    """bool: False where blobs overlap in chains and skimage's order was not asked for; a few per cent off."""
    capped: np.ndarray
    """bool: more peaks than may enter pruning, the weakest were left out."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def feasible(self) -> np.ndarray:
        return np.asarray(np.isfinite(self.values).all(axis=1))

    def replaced(self, index: np.ndarray, by: Scores) -> Scores:
        """The same with the rows at `index` taken from `by`."""
        columns = {}
        for name in (f.name for f in fields(self) if f.name != "sets"):
            columns[name] = getattr(self, name).copy()
            columns[name][index] = getattr(by, name)
        return Scores(self.sets, **columns)

    @classmethod
    def stacked(cls, parts: Sequence[Scores]) -> Scores:
        columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(cls)}
        sets = ParameterSets.stacked(columns.pop("sets"))
        return cls(sets, **{name: np.concatenate(column) for name, column in columns.items()})


class Scorer:
    """Judges parameter sets on one image or window.

    names: the objectives, from the registry of rewards. reference: one value per objective; a set that is not
    strictly inside it is infeasible, which covers finding nothing and finding many times too much.
    """

    def __init__(
        self,
        candidates: CandidateSet,
        expectation: Expectation,
        names: Sequence[str] = TABLED,
        reference: Sequence[float] = (1.0, 1.0),
    ) -> None:
        rewards.check_names(names)
        self.candidates = candidates
        self.expectation = expectation
        self.names = tuple(names)
        self.reference = tuple(float(value) for value in reference)

    @cached_property
    def _views(self):
        maxima = self.candidates.maxima
        counted = np.asarray(self.expectation.counts(maxima.y_px, maxima.x_px), dtype=bool)
        return whole(len(maxima), counted, self.expectation.n_expected, self.expectation.minimum_distance_px)

    def sets(self, params: Sequence[LogParams]) -> ParameterSets:
        """As columns, moved to the candidates' grid and floor."""
        candidates = self.candidates
        return ParameterSets.nearest(params, candidates.sigmas).at_least(candidates.floor)

    def score(self, params: LogParams) -> Scored:
        """params: on the candidates' grid, see ``CandidateSet.snap``."""
        return self.scored(self.score_many(self.sets([params])), 0)

    def score_many(self, sets: ParameterSets | Sequence[LogParams], exact: bool = True) -> Scores:
        """Score many sets together.

        exact: False leaves feasible sets with chains of overlapping blobs as the table's order resolves them,
        marked; `settled` makes them exact later. With rewards of one's own all are.
        """
        if not isinstance(sets, ParameterSets):
            sets = self.sets(sets)
        sets = sets.at_least(self.candidates.floor)
        judged = judge(
            self.candidates.table, self._views, sets.first, sets.last, sets.threshold, sets.overlap,
            self.candidates.most_peaks, self._limit("qc"),
        )  # fmt: skip
        scores = self._scores(sets, judged)
        return self.settled(scores, np.arange(len(scores))) if exact or self._own else scores

    def settled(self, scores: Scores, index: np.ndarray) -> Scores:
        """The same with the sets at `index` in skimage's order, where not exact and possibly feasible."""
        limit, expected = self._limit("qc"), self.expectation.n_expected
        may_count = (scores.most > (1 - limit) * expected) & (scores.least < (1 + limit) * expected)
        open_ = index[(~scores.exact & may_count & (scores.most > 0))[index]]
        if len(open_) == 0:
            return scores
        sets = scores.sets.take(open_)
        rows = [self.rows(sets, k) for k in range(len(sets))]
        columns = np.array([tally_of(self.candidates.table, self._views, mine) for mine in rows])[:, :, None]
        found, close, atoms, total, squares = np.moveaxis(columns, 1, 0)
        found, close, atoms = (column.astype(np.int32) for column in (found, close, atoms))
        exact = np.ones((len(sets), 1), dtype=bool)
        judged = Judged(found, found, found, close, atoms, total, squares, exact, scores.capped[open_])
        return scores.replaced(open_, self._scores(sets, judged))

    def at_best(self, scores: Scores, index: np.ndarray) -> np.ndarray:
        """(index, objectives): what the sets could be worth if chains were resolved in the best way.

        Each undecided atom is taken to change the number of close atoms by up to three: itself and two more.
        """
        expected = self.expectation.n_expected
        if not expected > 0.0:
            return np.full((len(index), len(self.names)), np.inf)
        least, most = scores.least[index], scores.most[index]
        close = np.maximum(scores.n_close[index] - 3 * (most - least), 0)
        best = {"qc": np.abs(np.clip(expected, least, most) - expected) / expected, "er": close / expected}
        values = np.column_stack([best.get(name, np.zeros(len(index))) for name in self.names])
        values[(values >= np.asarray(self.reference)).any(axis=1)] = np.inf
        return values

    def rows(self, sets: ParameterSets, k: int) -> np.ndarray:
        """The candidates that detection with a set finds, strongest first."""
        return kept_rows(
            self.candidates.table, self.candidates.sigmas, int(sets.first[k]), int(sets.last[k]),
            float(sets.threshold[k]), float(sets.overlap[k]), self.candidates.most_peaks,
        )  # fmt: skip

    def scored(self, scores: Scores, k: int) -> Scored:
        """One of them with its rewards explained."""
        params = scores.sets.params(k, self.candidates.sigmas)
        found, close = int(scores.n_found[k]), int(scores.n_close[k])
        given = {"qc": rewards.qc_of(found, self.expectation)}
        if close >= 0:
            given["er"] = rewards.er_of(found, close, self.expectation)
        if self._own and scores.feasible[k]:
            given |= rewards.evaluate(self._own, self.candidates.select(params), self.expectation)
        return Scored(params, scores.values[k], given, found, float(scores.tie_break[k]))

    @property
    def _own(self) -> tuple[str, ...]:
        """Rewards that have to be asked one set after the other."""
        return tuple(name for name in self.names if name not in TABLED)

    def _limit(self, name: str) -> float:
        """From where on a reward makes a set infeasible.

        QC does so from 1.5 even where it is no objective: ten thousand specks of noise are worth no search.
        """
        known = dict(zip(self.names, self.reference, strict=True))
        return known.get(name, 1.5 if name == "qc" else np.inf)

    def _scores(self, sets: ParameterSets, judged: Judged) -> Scores:
        found, close = judged.found[:, 0], judged.close[:, 0]
        expected = self.expectation.n_expected
        with np.errstate(divide="ignore", invalid="ignore"):
            qc = np.where((found > 0) & (expected > 0.0), np.abs(found - expected) / expected, np.nan)
            er = np.where((close >= 0) & (expected > 0.0), close / expected, np.nan)
        feasible = (qc < self._limit("qc")) & (er < self._limit("er"))
        values = np.full((len(sets), len(self.names)), np.inf)
        for column, name in enumerate(self.names):
            if name in TABLED:
                values[:, column] = qc if name == "qc" else er
        exact = judged.exact[:, 0]
        for k in np.flatnonzero(feasible & exact) if self._own else ():
            values[k] = self._with_own(values[k], sets.params(int(k), self.candidates.sigmas))
        feasible &= (values < np.asarray(self.reference)).all(axis=1)
        values[~feasible] = np.inf
        tie = np.zeros(len(sets))
        good = np.flatnonzero(feasible)
        tie[good] = tie_breaks(
            self.candidates.table, sets.first[good], sets.last[good], sets.threshold[good],
            judged.atoms[good, 0], judged.total[good, 0], judged.squares[good, 0],
        )  # fmt: skip
        return Scores(
            sets,
            values,
            found,
            close,
            qc,
            er,
            tie,
            judged.least[:, 0],
            judged.most[:, 0],
            exact,
            judged.capped,
        )

    def _with_own(self, values: np.ndarray, params: LogParams) -> np.ndarray:
        """The values with rewards of one's own filled in, up to the first that is infeasible."""
        blobs = self.candidates.select(params)
        values = values.copy()
        for column, name in enumerate(self.names):
            if name not in TABLED:
                value = rewards.evaluate([name], blobs, self.expectation)[name].value
                values[column] = np.inf if value is None else value
                if not values[column] < self.reference[column]:
                    break
        return values


def unpruned(candidates: CandidateSet, first: int, last: int) -> LogParams:
    """Parameters that give every candidate of the scales first..last on the grid."""
    return LogParams(
        sigma_min=float(candidates.sigmas[first]),
        sigma_max=float(candidates.sigmas[last]),
        threshold=candidates.floor,
        overlap=1.0,
        num_sigma=last - first + 1,
    )
