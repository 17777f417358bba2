"""Random images of many kinds and random parameters, as hypothesis strategies."""

from __future__ import annotations

import numpy as np
from gaussian_atoms import hexagonal
from hypothesis import strategies as st

from paretoscope.contract import LogParams

KINDS = ["noise", "atoms", "noisy atoms", "plateaus", "almost constant", "one bright pixel"]


def make_image(kind: str, shape: tuple[int, int], seed: int) -> np.ndarray:
    """(rows, columns) float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.random(shape, dtype=np.float32)
    if kind in ("atoms", "noisy atoms") and min(shape) >= 24:
        return hexagonal(rng, shape, noise=0.3 if kind == "noisy atoms" else 0.02).image
    if kind == "plateaus":
        image = np.zeros(shape, dtype=np.float32)
        for _ in range(6):
            y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
            image[y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] += np.float32(rng.random() / 6)
        return image
    if kind == "almost constant":
        image = np.full(shape, 0.5, dtype=np.float32)
        image[tuple(rng.integers(0, side) for side in shape)] += np.float32(1e-3)
        return image
    image = np.zeros(shape, dtype=np.float32)
    image[tuple(rng.integers(0, side) for side in shape)] = 1
    return image


def images(largest: int = 48) -> st.SearchStrategy[np.ndarray]:
    return st.builds(
        make_image,
        st.sampled_from(KINDS),
        st.tuples(st.integers(2, largest), st.integers(2, largest)),
        st.integers(0, 2**32 - 1),
    )


@st.composite
def log_params(draw: st.DrawFn) -> LogParams:
    sigma_min = draw(st.floats(0.6, 5.0))
    wider = draw(st.one_of(st.just(0.0), st.floats(0.0, 6.0)))
    return LogParams(
        sigma_min=sigma_min,
        sigma_max=sigma_min + wider,
        threshold=draw(st.one_of(st.just(0.0), st.floats(0.0, 0.4))),
        overlap=draw(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.0))),
        num_sigma=draw(st.integers(1, 12)),
    )
