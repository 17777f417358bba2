"""The names rewards go by, known without loading the numerics that compute them.

A package adds a reward for the service to use by an entry point in its pyproject.toml:

    [project.entry-points."paretoscope.rewards"]
    symmetry = "my_package.rewards"

The module named there registers the function with ``@paretoscope.core.rewards.reward("symmetry")``; a worker
imports it when a policy first asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import entry_points

from paretoscope.errors import BadParameters

BUILT_IN = ("qc", "er")
GROUP = "paretoscope.rewards"


def reward_names() -> tuple[str, ...]:
    """Built in, then those of installed packages."""
    return tuple(dict.fromkeys([*BUILT_IN, *(found.name for found in entry_points(group=GROUP))]))


def check_rewards(names: Iterable[str]) -> None:
    """Raises BadParameters for a name that nobody brings, and for one that is given twice."""
    names, known = list(names), reward_names()
    for name in names:
        if name not in known:
            raise BadParameters(
                "unknown-reward", hint=f"No reward is called {name[:64]!r}; known: {', '.join(known)}."
            )
        if names.count(name) > 1:
            raise BadParameters("repeated-reward", hint=f"The reward {name!r} is given twice; give it once.")
