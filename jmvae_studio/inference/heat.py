"""Deviations over a face as colours laid on it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jmvae_studio.inference.results import Pixels

_WARM, _HOT = np.array([255.0, 214.0, 0.0]), np.array([214.0, 0.0, 48.0])
_STRONGEST = 0.75
"""Of the colour over the face where it deviates the most."""


def heat_range(deviation: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Where the colours begin and end: almost the lowest and the highest of the deviations."""
    low, high = np.percentile(deviation, (5, 99))
    return float(low), float(max(high, low + 1e-6))


def lay_heat(face: Pixels, deviation: npt.NDArray[np.float32], ends: tuple[float, float]) -> Pixels:
    """A face, size × size × 3, under its deviations, size × size: clear at the low end, yellow, then red."""
    share = np.clip((deviation - ends[0]) / (ends[1] - ends[0]), 0, 1)[..., None]
    colour = _WARM + share * (_HOT - _WARM)
    weight = _STRONGEST * share
    return np.asarray(np.rint(face * (1 - weight) + colour * weight), np.uint8)
