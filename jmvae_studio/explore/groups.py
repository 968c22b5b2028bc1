"""Samples of q(z|w) for some attributes and each of them changed (Suzuki et al. 2018, figure 7b)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Column = tuple[float, ...]

IN_EACH = 300
"""Samples of one group."""


def changed_columns(names: Sequence[str], base: Column, chosen: Sequence[str]) -> list[tuple[str, Column]]:
    """The base, then each chosen attribute turned to its other side alone.

    Args:
        names: Of the attributes.
        base: Their values.
        chosen: Those that are changed; unknown ones are passed over.

    Returns:
        Name of the changed attribute (empty for the base, with ``-`` before it where it is taken away), and values.
    """
    columns = [("", tuple(base))]
    for name in chosen:
        if name in names:
            at = list(names).index(name)
            there = base[at] > 0
            columns.append(
                (f"-{name}" if there else name, (*base[:at], -1.0 if there else 1.0, *base[at + 1 :]))
            )
    return columns


def label_columns(names: Sequence[str]) -> list[tuple[str, Column]]:
    """Every label alone: labels exclude each other."""
    return [(name, tuple(float(other == name) for other in names)) for name in names]


def sample(
    means: Floats, variances: Floats, count: int = IN_EACH, seed: int = 0
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Codes of several diagonal Gaussians.

    Args:
        means: Groups × latent.
        variances: Groups × latent; sigma squared.
        count: Of each group.
        seed: Of the noise.

    Returns:
        Groups · count × latent, and the number of each code's group. The groups are mixed, so that none hides another.
    """
    random = np.random.default_rng(seed)
    member = random.permutation(np.repeat(np.arange(len(means)), count))
    noise = random.standard_normal((len(member), means.shape[1]))
    return np.asarray(means[member] + noise * np.sqrt(variances[member]), np.float32), member
