"""Points of a plane inside a line drawn by hand, and what sets them apart from the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def inside(points: Floats, outline: Floats) -> Flags:
    """Which points lie inside a closed line, by the even-odd rule.

    Args:
        points: n × 2.
        outline: Corners × 2; the last one is joined to the first.
    """
    low, high = outline.min(0), outline.max(0)
    found: Flags = ((points >= low) & (points <= high)).all(1)
    x, y = points[found].T
    odd = np.zeros(len(x), np.bool_)
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y0 == y1:
            continue
        crossed = (y0 > y) != (y1 > y)
        odd ^= crossed & (x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
    found[found] = odd
    return found


def shares(values: Floats, chosen: Flags) -> Floats:
    """Share of the chosen codes that have each attribute, and of the others.

    Args:
        values: n × attributes; above 0 is present.
        chosen: n.

    Returns:
        2 × attributes; zeros where there are none.
    """
    present = values > 0
    rows = [
        present[flags].mean(0) if flags.any() else np.zeros(values.shape[1]) for flags in (chosen, ~chosen)
    ]
    return np.array(rows, np.float32)
