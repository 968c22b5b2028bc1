"""Samples of q(z|w) in groups (Suzuki et al. 2018, figure 7b)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

IN_EACH = 300
"""Samples of one group."""


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
