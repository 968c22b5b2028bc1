"""Exact principal components of a bank of codes: onto a plane, and back with what the plane leaves out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Axes = tuple[int, int]

ROWS_AT_ONCE = 8192
"""Codes that pass at once, so that a fit can be cancelled and holds little memory."""

INSIDE = 0.68
"""Share of a posterior that its ellipse encloses."""


@dataclass(frozen=True)
class Projection:
    """Orthonormal axes through the middle of a bank of codes.

    Attributes:
        mean: Latent; where the axes cross.
        axes: Latent × latent, one unit vector per row, that of the largest variance first.
        variances: Of the codes along each axis.
        own: Whether the axes are the model's own dimensions.
    """

    mean: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    variances: npt.NDArray[np.float64]
    own: bool = False

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Share of the whole variance that each axis explains; zeros if all codes are the same."""
        whole = float(self.variances.sum())
        return self.variances / whole if whole > 0 else np.zeros_like(self.variances)

    def project(self, codes: Floats, axes: Axes = (0, 1)) -> Floats:
        """Where codes lie on the plane of two axes.

        Args:
            codes: n × latent.
            axes: Numbers of the plane's axes, across and up.

        Returns:
            n × 2.
        """
        plane = self.axes[list(axes)].T
        return np.asarray(codes @ plane.astype(np.float32) - (self.mean @ plane).astype(np.float32))

    def moved(self, code: Floats, place: tuple[float, float], axes: Axes = (0, 1)) -> Floats:
        """The code that lies at ``place`` on the plane and keeps everything of ``code`` that the plane leaves out.

        Args:
            code: Latent; its remainder off the plane stays.
            place: As `project` gives it.
            axes: Numbers of the plane's axes.
        """
        plane = self.axes[list(axes)]
        step = np.asarray(place, np.float64) - plane @ (np.asarray(code, np.float64) - self.mean)
        return np.asarray(code + step @ plane, np.float32)

    def ellipse(
        self, mean: Floats, variance: Floats, axes: Axes = (0, 1), inside: float = INSIDE, corners: int = 64
    ) -> Floats:
        """Outline on the plane that encloses the share ``inside`` of a diagonal Gaussian over codes.

        The projected covariance is A diag(variance) Aᵀ; of a Gaussian in two dimensions, the share 1 - exp(-r²/2)
        lies within r standard deviations.

        Args:
            mean: Latent.
            variance: Latent; sigma squared.
            axes: Numbers of the plane's axes.
            inside: 0…1, both excluded.
            corners: Of the outline, the first one repeated at its end.

        Returns:
            corners × 2.
        """
        plane = self.axes[list(axes)]
        spread, turn = np.linalg.eigh((plane * np.asarray(variance, np.float64)) @ plane.T)
        angle = np.linspace(0, 2 * math.pi, corners)
        circle = np.stack([np.cos(angle), np.sin(angle)]) * math.sqrt(-2 * math.log(1 - inside))
        outline = (turn * np.sqrt(np.maximum(spread, 0))) @ circle
        return np.asarray(outline.T + self.project(mean[None], axes), np.float32)


def fit(codes: Floats, cancelled: Callable[[], bool] = lambda: False) -> Projection | None:
    """Principal components by the eigenvectors of the covariance; a code of two dimensions keeps its own axes.

    Exact: sums are kept in float64. Each axis points to where its largest entry is positive, so that the same
    codes always give the same map.

    Args:
        codes: n × latent, n at least 2.
        cancelled: Asked between blocks of codes.

    Returns:
        The projection, or None if it was cancelled.

    Raises:
        ValueError: There are fewer than two codes.
    """
    count, latent = codes.shape
    if count < 2:
        raise ValueError("Principal components need at least two codes.")
    mean = codes.mean(0, dtype=np.float64)
    covariance = np.zeros((latent, latent))
    for start in range(0, count, ROWS_AT_ONCE):
        if cancelled():
            return None
        block = codes[start : start + ROWS_AT_ONCE] - mean
        # On one core: BLAS would take all of them, and its threads wait for each other where others work too.
        covariance += cv2.mulTransposed(block, aTa=True)
    covariance /= count - 1
    if latent == 2:
        return Projection(np.zeros(2), np.eye(2), np.diag(covariance).copy(), own=True)
    variances, vectors = np.linalg.eigh(covariance)
    axes = vectors.T[::-1]
    largest = np.abs(axes).argmax(1)
    axes = axes * np.sign(axes[np.arange(latent), largest])[:, None]
    return Projection(mean, np.ascontiguousarray(axes), np.maximum(variances[::-1], 0))
