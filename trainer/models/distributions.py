"""Distributions of codes and modalities. ``variance`` is sigma squared everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """A diagonal Gaussian.

    Attributes:
        mean: Batch × event shape.
        variance: Broadcastable to ``mean``; ones for a fixed unit variance.
    """

    mean: Tensor
    variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Reparametrised sample: mean + sigma * ``noise``, with ``noise`` ~ N(0, I) of the mean's shape."""
        return self.mean + self.variance.sqrt() * noise

    def log_prob(self, value: Tensor) -> Tensor:
        """Element-wise log density of ``value``, of the mean's shape, in nats."""
        squared = (value - self.mean).square() / self.variance
        return -0.5 * (squared + self.variance.log() + math.log(2 * math.pi))

    def kl(self, other: Gaussian) -> Tensor:
        """KL(self || other) in nats, summed over all but the first dimension; closed form."""
        ratio = self.variance / other.variance
        squared = (self.mean - other.mean).square() / other.variance
        return (0.5 * (ratio + squared - 1 - ratio.log())).flatten(1).sum(1)


def standard_gaussian(like: Tensor) -> Gaussian:
    """N(0, I) of the shape of ``like``."""
    return Gaussian(torch.zeros_like(like), torch.ones_like(like))
