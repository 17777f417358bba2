"""Principal components of patches, and a Gaussian mixture over them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

COMPONENTS = 3
"""Principal components the mixture sees. More of them carry noise, not species: of 2, 3, 4 and 6
on simulated lattices 2 and 3 found the truth most often."""
MOST_FITTED = 5000
"""Atoms the mixture is fitted to; all atoms are then assigned."""
LEAST_PER_CLASS = 8
BIC_CLASSES = range(1, 7)
_STARTS = 3


@dataclass(frozen=True)
class Mixture:
    """What the mixture made of the patches."""

    labels: np.ndarray
    """(patches,) component index, 0 .. count - 1, each in use."""
    probability: np.ndarray
    """(patches,) membership of that component, 0..1."""
    scores: np.ndarray
    """(patches, COMPONENTS) principal components, in units of the first one's standard deviation."""
    explained_variance: np.ndarray
    """Share of the total per component."""
    weights: np.ndarray
    """(count,) share of the patches."""
    converged: bool


def fit_mixture(pixels: np.ndarray, classes: int | str, seed: int) -> Mixture:
    """Sort (patches, samples, samples) into `classes` groups, or as many of 1..6 as 'bic' likes best.

    Fewer come out where there are fewer than 8 patches a class, or where a class attracts no patch.
    Full covariances, k-means++ starts; the same seed gives the same labels.
    """
    scores, explained = project(pixels, seed)
    most = len(scores) // LEAST_PER_CLASS
    if most < 2 or not np.any(scores):
        return _one_class(scores, explained)
    rng = np.random.default_rng(seed)
    some = scores
    if len(scores) > MOST_FITTED:
        some = scores[rng.choice(len(scores), MOST_FITTED, replace=False)]
    wanted = [min(n, most) for n in (BIC_CLASSES if classes == "bic" else [int(classes)])]
    fits = [_fit(some, n, seed) for n in dict.fromkeys(wanted)]
    best = fits[0] if len(fits) == 1 else min(fits, key=lambda fit: fit.bic(some))
    chances = best.predict_proba(scores)
    used, labels = np.unique(chances.argmax(axis=1), return_inverse=True)
    weights = np.asarray(best.weights_)[used]
    return Mixture(
        labels=labels.astype(np.int32),
        probability=chances.max(axis=1).astype(np.float32),
        scores=scores,
        explained_variance=explained,
        weights=weights / weights.sum(),
        converged=bool(best.converged_),
    )


def _one_class(scores: np.ndarray, explained: np.ndarray) -> Mixture:
    count = len(scores)
    return Mixture(
        np.zeros(count, np.int32), np.ones(count, np.float32), scores, explained, np.ones(1), converged=True
    )


def project(pixels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return principal component scores (patches, COMPONENTS) and their shares of the variance."""
    flat = pixels.reshape(len(pixels), -1)
    scores = np.zeros((len(flat), COMPONENTS))
    explained = np.zeros(COMPONENTS, np.float32)
    count = min(COMPONENTS, len(flat) - 1)
    if count < 1 or np.ptp(flat, axis=0).max() < 1e-9:
        return scores, explained
    some = flat[np.random.default_rng(seed).permutation(len(flat))[:MOST_FITTED]].astype(np.float64)
    pca = PCA(count, svd_solver="covariance_eigh").fit(some)
    for start in range(0, len(flat), MOST_FITTED):  # in double precision, but not all of it at once
        part = np.s_[start : start + MOST_FITTED]
        scores[part, :count] = pca.transform(flat[part].astype(np.float64))
    explained[:count] = pca.explained_variance_ratio_
    # One unit for all, so that the mixture's regularisation means the same in every image.
    return scores / scores[:, 0].std(), explained


def _fit(scores: np.ndarray, classes: int, seed: int) -> GaussianMixture:
    mixture = GaussianMixture(
        classes,
        covariance_type="full",
        init_params="k-means++",
        n_init=1 if classes == 1 else _STARTS,
        max_iter=60,
        reg_covar=1e-4,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told by `Mixture.converged`
        return mixture.fit(scores)
