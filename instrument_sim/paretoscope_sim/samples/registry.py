"""Samples by name, with their options and help texts."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paretoscope.errors import BadParameters, NotFound
from paretoscope_sim.samples.truth import Sample

COMMON = ("field_nm", "margin_nm", "rotation_deg", "seed")
"""What every sample takes: size of the field, crystal beyond it, direction of the crystal, randomness."""


@dataclass(frozen=True)
class Recipe:
    """A named sample: how to make it, what it is, what can be asked of it."""

    name: str
    build: Callable[..., Sample]
    summary: str
    default_field_nm: float
    options: dict[str, Any]
    """Option names beyond the common ones, with their defaults."""


RECIPES: dict[str, Recipe] = {}


def sample(name: str, *, field_nm: float) -> Callable[[Callable[..., Sample]], Callable[..., Sample]]:
    """Register a function (field_nm, margin_nm, rotation_deg, seed, **options) -> Sample under a name.

    The first line of its docstring is the description that lists show. field_nm: a sensible field, nm.
    """

    def register(build: Callable[..., Sample]) -> Callable[..., Sample]:
        options = {
            key: parameter.default
            for key, parameter in inspect.signature(build).parameters.items()
            if key not in COMMON
        }
        summary = (inspect.getdoc(build) or name).splitlines()[0]
        RECIPES[name] = Recipe(name, build, summary, field_nm, options)
        return build

    return register


def sample_names() -> tuple[str, ...]:
    return tuple(RECIPES)


def recipe(name: str) -> Recipe:
    """Find a recipe by name, upper or lower case. Raises NotFound with the names there are."""
    for known, found in RECIPES.items():
        if known.lower() == name.lower():
            return found
    raise NotFound("unknown-sample", hint=f"No sample '{name}'. There are: {', '.join(RECIPES)}.")


def make_sample(
    name: str,
    *,
    field_nm: float | tuple[float, float] | None = None,
    margin_nm: float = 2.0,
    rotation_deg: float | None = None,
    seed: int = 0,
    **options: Any,
) -> Sample:
    """Make a sample by name.

    field_nm: side, or (height, width), of the field; None takes the sample's usual one.
    margin_nm: how far the crystal goes on beyond the field, so that drift finds more of it.
    rotation_deg: direction of the first cell vector against x; None draws a small angle from the seed.
    Raises NotFound for an unknown name, BadParameters for an unknown option or an impossible size.
    """
    found = recipe(name)
    unknown = sorted(set(options) - set(found.options))
    if unknown:
        known = ", ".join(found.options) or "none"
        raise BadParameters(
            "unknown-option", hint=f"{found.name} has no option {', '.join(unknown)}. It has: {known}."
        )
    size = found.default_field_nm if field_nm is None else field_nm
    field = (float(size), float(size)) if isinstance(size, int | float) else (float(size[0]), float(size[1]))
    if not (min(field) >= 0.5 and max(field) + 2 * margin_nm <= 400) or margin_nm < 0:
        raise BadParameters(
            "bad-field", hint="A field needs sides of at least 0.5 nm, and at most 400 nm with its margins."
        )
    return found.build(
        field_nm=field,
        margin_nm=margin_nm,
        rotation_deg=rotation_deg if rotation_deg is not None else 4.0 + (seed % 7),
        seed=seed,
        **options,
    )
