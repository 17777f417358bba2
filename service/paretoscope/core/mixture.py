"""Principal components of patches, and a Gaussian mixture over them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax
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
    fitted: Fitted | None = None
    """To sort other patches without a fit; None where there is one class, for want of patches."""


@dataclass(frozen=True)
class Fitted:
    """Principal components and mixture, float64."""

    mean: np.ndarray
    """(samples x samples,)."""
    components: np.ndarray
    """(COMPONENTS, samples x samples) in units of the first one's standard deviation."""
    explained_variance: np.ndarray
    weights: np.ndarray
    """(count,)."""
    means: np.ndarray
    """(count, COMPONENTS)."""
    covariances: np.ndarray
    """(count, COMPONENTS, COMPONENTS)."""


def fit_mixture(pixels: np.ndarray, classes: int | str, seed: int) -> Mixture:
    """Sort (patches, samples, samples) into `classes` groups, or as many of 1..6 as 'bic' likes best.

    Fewer come out where there are fewer than 8 patches a class, or where a class attracts no patch.
    Full covariances, k-means++ starts; the same seed gives the same labels.
    """
    axes, explained = principal_axes(pixels, seed)
    if axes is None:
        return _one_class(np.zeros((len(pixels), COMPONENTS)), explained)
    scores = _scores(pixels, *axes)
    most = len(scores) // LEAST_PER_CLASS
    if most < 2:
        return _one_class(scores, explained)
    rng = np.random.default_rng(seed)
    some = scores
    if len(scores) > MOST_FITTED:
        some = scores[rng.choice(len(scores), MOST_FITTED, replace=False)]
    wanted = [min(n, most) for n in (BIC_CLASSES if classes == "bic" else [int(classes)])]
    fits = [_fit(some, n, seed) for n in dict.fromkeys(wanted)]
    best = fits[0] if len(fits) == 1 else min(fits, key=lambda fit: fit.bic(some))
    used = np.unique(best.predict(scores))
    weights = np.asarray(best.weights_)[used]
    fitted = Fitted(
        *axes,
        explained,
        weights / weights.sum(),
        np.asarray(best.means_)[used],
        np.asarray(best.covariances_)[used],
    )
    return _sorted(scores, fitted, bool(best.converged_))


def sort_patches(pixels: np.ndarray, fitted: Fitted) -> Mixture:
    """Sort (patches, samples, samples) by a mixture fitted before; a class may stay empty."""
    scores = _scores(pixels, fitted.mean, fitted.components)
    return _sorted(scores, fitted, converged=True)


def _sorted(scores: np.ndarray, fitted: Fitted, converged: bool) -> Mixture:
    likelihood = np.empty((len(scores), len(fitted.weights)))
    for index, (weight, mean, covariance) in enumerate(
        zip(fitted.weights, fitted.means, fitted.covariances, strict=True)
    ):
        factor = np.linalg.cholesky(covariance)
        away = np.linalg.solve(factor, (scores - mean).T)
        likelihood[:, index] = np.log(weight) - np.log(np.diag(factor)).sum() - 0.5 * (away**2).sum(axis=0)
    chances = softmax(likelihood, axis=1)
    labels = chances.argmax(axis=1)
    return Mixture(
        labels=labels.astype(np.int32),
        probability=chances.max(axis=1).astype(np.float32),
        scores=scores,
        explained_variance=fitted.explained_variance,
        weights=fitted.weights,
        converged=converged,
        fitted=fitted,
    )


def _one_class(scores: np.ndarray, explained: np.ndarray) -> Mixture:
    count = len(scores)
    return Mixture(
        np.zeros(count, np.int32), np.ones(count, np.float32), scores, explained, np.ones(1), converged=True
    )


def principal_axes(pixels: np.ndarray, seed: int) -> tuple[tuple[np.ndarray, np.ndarray] | None, np.ndarray]:
    """Return mean and axes (see `Fitted`) and the axes' shares of the variance; no axes for equal patches."""
    flat = pixels.reshape(len(pixels), -1)
    explained = np.zeros(COMPONENTS, np.float32)
    count = min(COMPONENTS, len(flat) - 1)
    if count < 1 or np.ptp(flat, axis=0).max() < 1e-9:
        return None, explained
    some = flat[np.random.default_rng(seed).permutation(len(flat))[:MOST_FITTED]].astype(np.float64)
    pca = PCA(count, svd_solver="covariance_eigh").fit(some)
    axes = np.zeros((COMPONENTS, flat.shape[1]))
    axes[:count] = pca.components_
    # One unit for all, so that the mixture's regularisation means the same in every image.
    axes /= _scores(pixels, pca.mean_, axes[:1]).std()
    explained[:count] = pca.explained_variance_ratio_
    return (pca.mean_, axes), explained


def _scores(pixels: np.ndarray, mean: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """(patches, axes): in double precision, but not all patches at once."""
    flat = pixels.reshape(len(pixels), -1)
    scores = np.empty((len(flat), len(axes)))
    for start in range(0, len(flat), MOST_FITTED):
        part = np.s_[start : start + MOST_FITTED]
        scores[part] = (flat[part].astype(np.float64) - mean) @ axes.T
    return scores


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
