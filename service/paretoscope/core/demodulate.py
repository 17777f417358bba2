"""Local amplitude and phase of chosen reflections: geometric phase analysis on a coarse grid.

A reflection at frequency g is brought to zero, low-passed by a Gaussian of standard deviation `sigma_px`, and
sampled once per `step_px`. One transform of the frame serves all reflections: each is a small inverse
transform of the spectrum round g. Hytch, Snoeck & Kilaas, Ultramicroscopy 74, 131 (1998).

The frame is padded with nothing, and every value is divided by the share of the Gaussian that lies inside the
frame, so that a lattice which fills the frame is as strong at the border as in the middle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft
from scipy import ndimage
from scipy.special import erf

transforms: Any = scipy.fft
"""Keeps single precision and transforms both axes at once, sooner than numpy's."""


class Demodulator:
    """The padded spectrum of one image, ready to be asked for reflections.

    image: (rows, columns) float32.  sigma_px: of the Gaussian, px.  step_px: grid of the answers, px; below
    half of sigma_px, so that nothing folds over.  The slow background (same Gaussian) is taken off first.
    """

    def __init__(self, image: np.ndarray, sigma_px: float, step_px: int) -> None:
        self.sigma_px = sigma_px
        self.step_px = step_px
        self.shape = (image.shape[0], image.shape[1])
        self.grid = tuple(-(-side // step_px) for side in self.shape)
        reach = int(np.ceil(3.2 * sigma_px / step_px))
        self._coarse = tuple(fast_length(side + reach) for side in self.grid)
        self._padded = tuple(side * step_px for side in self._coarse)
        self._share = np.outer(*(self._inside(axis) for axis in (0, 1))).astype(np.float32)
        centred = image - image.mean()
        self._spectrum = transforms.rfft2(centred, s=self._padded)
        local = np.real(self.field(np.zeros(2)))
        self.background = local + float(image.mean())
        """(rows, columns) of the coarse grid: local mean of the image."""
        self.flat = centred - self.spread(local)
        """(rows, columns) float32 of the frame: the image without its slow background."""
        self._spectrum = transforms.rfft2(self.flat, s=self._padded)

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows,), (columns,): where the grid's values stand, px (centres of the squares)."""
        offset = (self.step_px - 1) / 2
        return np.arange(self.grid[0]) * self.step_px + offset, np.arange(
            self.grid[1]
        ) * self.step_px + offset

    def field(self, frequency: np.ndarray) -> np.ndarray:
        """(rows, columns) complex64: local complex amplitude of the reflection `frequency` (y, x), cycles
        per px.

        A wave A cos(2 pi g r + phi) gives A / 2 exp(i phi); Gaussian noise of variance v gives a mean square
        of v / (4 pi sigma_px^2).
        """
        index, factors = [], []
        for axis in (0, 1):
            coarse, padded = self._coarse[axis], self._padded[axis]
            nearest = round(float(frequency[axis]) * padded)
            order = np.fft.fftfreq(coarse, 1.0 / coarse).round().astype(int)
            away = (order + nearest) / padded - frequency[axis]
            index.append(order + nearest)
            # The Gaussian, and a shift from pixel 0 to the centre of the first square.
            shift = np.exp(2j * np.pi * order / padded * (self.step_px - 1) / 2)
            factors.append(np.exp(-2.0 * (np.pi * self.sigma_px * away) ** 2) * shift)
        part = self._around(*index) * np.outer(*factors).astype(np.complex64)
        wide = transforms.ifft2(part, overwrite_x=True)[: self.grid[0], : self.grid[1]]
        wide *= np.float32(1.0 / (self.step_px * self.step_px)) / self._share
        turns = [
            np.exp(-2j * np.pi * (frequency[axis] - round(float(frequency[axis]) * padded) / padded) * place)
            for axis, (padded, place) in enumerate(zip(self._padded, self.places, strict=True))
        ]
        return wide * np.outer(*turns).astype(np.complex64)

    def share_of(self, area: np.ndarray, beyond_frame: bool = False) -> np.ndarray:
        """(rows, columns): how much of the Gaussian falls on `area`, 0..1.

        Of the part inside the frame; with `beyond_frame` of the whole Gaussian.
        """
        width = self.sigma_px / self.step_px
        if beyond_frame:
            return ndimage.gaussian_filter(area.astype(np.float32), width, mode="constant", truncate=3.5)
        inside = ndimage.gaussian_filter(np.ones(self.grid, np.float32), width, mode="constant", truncate=3.5)
        covered = ndimage.gaussian_filter(area.astype(np.float32), width, mode="constant", truncate=3.5)
        return covered / inside

    def _around(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Spectrum at whole-number frequencies y (rows,) and x (columns,); the left half is the mirror
        image."""
        rows, columns = self._padded
        x = (x + columns // 2) % columns - columns // 2
        # The fancy index may touch the column just beyond the half plane of an even length: same frequency.
        right = self._spectrum[np.ix_(y % rows, np.where(x >= 0, x, 0))]
        if (x >= 0).all():
            return right
        left = np.conj(self._spectrum[np.ix_((-y) % rows, np.where(x < 0, -x, 0))])
        return np.where((x < 0)[None, :], left, right)

    def _inside(self, axis: int) -> np.ndarray:
        place = np.arange(self.grid[axis]) * self.step_px + (self.step_px - 1) / 2
        root = self.sigma_px * np.sqrt(2.0)
        return 0.5 * (erf((place + 0.5) / root) + erf((self.shape[axis] - 0.5 - place) / root))

    def spread(self, coarse: np.ndarray) -> np.ndarray:
        """A coarse real map on every pixel, linear in between."""
        up = [interpolation(self.shape[axis], self.grid[axis], self.step_px) for axis in (0, 1)]
        return up[0] @ coarse.astype(np.float32) @ up[1].T


def intensity(wave: np.ndarray) -> np.ndarray:
    """Squared magnitude of a complex array."""
    return np.real(wave) ** 2 + np.imag(wave) ** 2


def fast_length(length: int) -> int:
    """The next length that transforms quickly."""
    return int(transforms.next_fast_len(length, real=True))


def interpolation(length: int, coarse: int, step_px: int) -> np.ndarray:
    """(length, coarse) float32 matrix that spreads values at the squares' centres linearly over pixels."""
    position = np.clip((np.arange(length) - (step_px - 1) / 2) / step_px, 0, coarse - 1)
    low = np.minimum(position.astype(int), max(coarse - 2, 0))
    matrix = np.zeros((length, coarse), dtype=np.float32)
    part = (position - low).astype(np.float32)
    matrix[np.arange(length), low] = 1.0 - part
    matrix[np.arange(length), np.minimum(low + 1, coarse - 1)] += part
    return matrix
