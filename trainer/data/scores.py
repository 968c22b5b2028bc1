"""Numbers of any scale as attributes in -1…1, where the sign says absent or present."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]


def squash(scores: Column, over: Column | None = None) -> Column:
    """Signed scores without bounds: tanh(score / root mean square).

    Sign and order are kept, a score of usual size becomes ±0.76, and outliers decide nothing.

    Args:
        scores: One column, or several side by side, each with a root mean square of its own.
        over: The rows that give the root mean square; ``scores`` by default.
    """
    usual = np.sqrt(np.mean(np.square(scores if over is None else over), axis=0))
    return np.asarray(np.tanh(scores / np.where(usual > 0, usual, 1)))


def scale_column(values: Column) -> tuple[Column, str]:
    """A column of a user's table in -1…1, and in words what was done to it (empty if nothing).

    - within -1…1 with a negative value: ±1 or ready scores, kept;
    - within 0…1: absent and present, or probabilities, 2v − 1;
    - some negative, some beyond ±1: signed scores, `squash`;
    - none negative, some beyond 1: a quantity, its smallest value to -1 and its largest to 1.
    """
    low, high = float(values.min()), float(values.max())
    if low < 0:
        if low >= -1 and high <= 1:
            return values, ""
        return squash(values), "signed scores, tanh(score / root mean square)"
    if high <= 1:
        return 2 * values - 1, "0…1 became -1…1"
    if low == high:
        return np.zeros_like(values), f"always {low:g}, became 0"
    return 2 * (values - low) / (high - low) - 1, f"{low:g}…{high:g} became -1…1"
