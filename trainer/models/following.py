"""What a model believes of some attributes once others are known, by its own joint distribution."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from trainer.models.interface import JointModel

_DRAWN = 4000
"""Vectors drawn from the model."""
_SHARE = 0.5
"""How far on the way free entries go."""
_RIDGE = 0.01
"""Added to the variances, as a share of their mean: a label's entries sum to one."""


class Following:
    """Lets the entries of a vector that are free go where the others take them.

    Vectors are drawn from the model, z ~ p(z), w = the mean of p(w|z), once. By their covariance S the free entries
    f move with the known ones k as in the conditional mean of a Gaussian (Bishop 2006, Eq. 2.81): by
    S_fk S_kk^-1 (w'_k - w_k), of which they go half: the picture, from which they were read, speaks for where they
    are. What is asked beyond the data's own values counts as these: somebody is no more than surely a woman, so
    lipstick does not go on with the slider.
    """

    def __init__(self, model: JointModel, device: torch.device) -> None:
        """Draws the vectors, always the same; call it with gradients off.

        Raises:
            CapabilityError: The model has no p(z).
        """
        noise = torch.randn(_DRAWN, model.latent, generator=torch.Generator().manual_seed(2))
        codes = model.sample_prior(noise.to(device))
        drawn = model.decode_one(model.vector.name, codes).mean.double().cpu().numpy()
        covariance = np.cov(drawn, rowvar=False)
        self._covariance = covariance + _RIDGE * covariance.diagonal().mean() * np.eye(len(covariance))
        is_label = model.vector.kind == "label"
        self._lowest = 0.0 if is_label else -1.0
        self._share = 1.0 if is_label else _SHARE  # the more of one class, the less of the others

    def __call__(
        self, read: Sequence[float], asked: Sequence[float], free: Collection[int]
    ) -> tuple[float, ...]:
        """``asked`` with the free entries where the model believes them to be.

        Args:
            read: The vector before anything was asked, one number for each entry.
            asked: The vector that is asked for, likewise.
            free: Indices of the entries that follow; the others are known, whether they move or not.

        Returns:
            The vector. A free entry stays within the data's own values, or where it was read if that lies beyond.
        """
        values = np.array(asked, float)
        follows = np.isin(np.arange(len(values)), list(free))
        before = np.array(read, float)
        moved = (values.clip(self._lowest, 1) - before.clip(self._lowest, 1))[~follows]
        if follows.any() and moved.any():
            known = self._covariance[np.ix_(~follows, ~follows)]
            across = self._covariance[np.ix_(follows, ~follows)]
            values[follows] = before[follows] + self._share * across @ np.linalg.solve(known, moved)
        else:
            values[follows] = before[follows]
        lowest, highest = np.minimum(before, self._lowest), np.maximum(before, 1)
        values[follows] = values.clip(lowest, highest)[follows]
        return tuple(values.tolist())
