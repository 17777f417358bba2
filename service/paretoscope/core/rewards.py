"""What a good detection is, without labels: rewards of the found atoms against the lattice.

Every reward is minimised. QC and ER are those of Barakati et al., "Reward based optimization in real time"
(paper 002): ``QC = |N_found - N_expected| / N_expected`` and ``ER = N_close / N_expected``. Two things are
added: atoms in disordered areas are not counted, because no lattice says how many there should be; and
finding nothing is not a value (it would read ER = 0, the best there is) but a reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from paretoscope.contract import RewardValue
from paretoscope.contract.reward_names import GROUP
from paretoscope.errors import BadParameters

if TYPE_CHECKING:
    from paretoscope.core.blobs import Blobs
    from paretoscope.core.expectation import Expectation

Reward = Callable[["Blobs", "Expectation"], "RewardValue | float"]

_REGISTRY: dict[str, Reward] = {}


def reward(name: str) -> Callable[[Reward], Reward]:
    """Register a function ``(blobs, expectation) -> RewardValue | float`` under `name`; smaller is better.

    Scale it so that 1 is useless: a parameter set with 1 or more in any reward is outside the reference point
    (1, 1) and never on the front.
    Raises BadParameters when another function already has that name.
    """

    def register(function: Reward) -> Reward:
        known = _REGISTRY.get(name)
        if known is not None and known is not function:
            raise BadParameters(
                "reward-exists", hint=f"The reward '{name}' is already registered; choose another name."
            )
        _REGISTRY[name] = function
        return function

    return register


def reward_names() -> tuple[str, ...]:
    return tuple(_REGISTRY)


def check_names(names: Iterable[str]) -> None:
    """Raise BadParameters, naming what there is, for a reward nobody registered.

    One that an installed package brings (``contract.reward_names``) is loaded when it is first asked for.
    """
    names = list(names)
    for name in names:
        if name not in _REGISTRY:
            for found in entry_points(group=GROUP, name=name):
                found.load()
    unknown = [name for name in names if name not in _REGISTRY]
    if unknown:
        raise BadParameters(
            "unknown-reward",
            hint=f"No reward is called {', '.join(unknown)}; known: {', '.join(sorted(_REGISTRY))}.",
        )


def evaluate(names: Iterable[str], blobs: Blobs, expectation: Expectation) -> dict[str, RewardValue]:
    """Every named reward of one detection. Not-a-number becomes None with a reason."""
    names = list(names)
    check_names(names)
    return {name: _explained(name, _REGISTRY[name](blobs, expectation)) for name in names}


def counted(blobs: Blobs, expectation: Expectation) -> np.ndarray:
    """(atoms,) bool: which atoms belong to N_found, that is, lie in lattice or vacuum areas."""
    return np.asarray(expectation.counts(blobs.y_px, blobs.x_px), dtype=bool)


def close_atoms(blobs: Blobs, keep: np.ndarray, minimum_distance_px: float) -> np.ndarray:
    """(atoms,) bool: kept atoms that have any other atom, kept or not, nearer than `minimum_distance_px`."""
    close = np.zeros(len(blobs), dtype=bool)
    if len(blobs) > 1:
        places = np.column_stack([blobs.y_px, blobs.x_px]).astype(np.float64)
        # An unbalanced tree is built in half the time and finds the same.
        tree = KDTree(places, balanced_tree=False, compact_nodes=False)
        pairs = tree.query_pairs(minimum_distance_px, output_type="ndarray")
        gap = places[pairs[:, 0]] - places[pairs[:, 1]]
        # query_pairs includes the distance itself; nearer means nearer.
        pairs = pairs[(gap * gap).sum(axis=1) < minimum_distance_px**2]
        close[pairs.ravel()] = True
    return close & keep


@reward("qc")
def quality_count(blobs: Blobs, expectation: Expectation) -> RewardValue:
    """``|N_found - N_expected| / N_expected``, paper 002."""
    return qc_of(int(np.count_nonzero(counted(blobs, expectation))), expectation)


@reward("er")
def error_rate(blobs: Blobs, expectation: Expectation) -> RewardValue:
    """Atoms nearer to a neighbour than the lattice allows, over N_expected; paper 002."""
    keep = counted(blobs, expectation)
    close = np.count_nonzero(close_atoms(blobs, keep, expectation.minimum_distance_px))
    return er_of(int(np.count_nonzero(keep)), int(close), expectation)


def qc_of(found: int, expectation: Expectation) -> RewardValue:
    """QC of `found` counted atoms."""
    return _over_expected(abs(found - expectation.n_expected), found, expectation)


def er_of(found: int, close: int, expectation: Expectation) -> RewardValue:
    """ER of `found` counted atoms, `close` of them too near to another."""
    return _over_expected(close, found, expectation)


def _over_expected(numerator: float, found: int, expectation: Expectation) -> RewardValue:
    expected = float(expectation.n_expected)
    if not expected > 0.0:
        return RewardValue(value=None, reason="no lattice area here: nothing is expected")
    if found == 0:
        return RewardValue(value=None, denominator=expected, reason="nothing found")
    return RewardValue(value=float(numerator / expected), numerator=float(numerator), denominator=expected)


def _explained(name: str, value: RewardValue | float) -> RewardValue:
    if isinstance(value, RewardValue):
        return value
    if not math.isfinite(value):
        return RewardValue(value=None, reason=f"the reward '{name}' gave {value}")
    return RewardValue(value=float(value))
