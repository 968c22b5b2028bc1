"""Distributions of codes and modalities. ``variance`` is sigma squared everywhere.

All draw from normal noise given from outside, so that a sample depends on its noise alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Distribution(Protocol):
    """What every decoder returns."""

    @property
    def mean(self) -> Tensor:
        """Batch × event shape."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Element-wise log density of ``value`` in nats; their sum over the event is the datum's."""

    def sample(self, noise: Tensor) -> Tensor:
        """A sample made from ``noise`` ~ N(0, I) of the mean's shape."""


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

    def blend(self, other: Gaussian, share: float) -> Gaussian:
        """The Gaussian proportional to self^share · other^(1 - share), ``share`` in 0…1.

        Precisions mix by the shares, and the means by their precisions: where ``self`` knows little, ``other`` soon
        has the say.
        """
        mine, its = share / self.variance, (1 - share) / other.variance
        return Gaussian((mine * self.mean + its * other.mean) / (mine + its), 1 / (mine + its))

    def kl(self, other: Gaussian) -> Tensor:
        """KL(self || other) in nats, summed over all but the first dimension; closed form."""
        ratio = self.variance / other.variance
        squared = (self.mean - other.mean).square() / other.variance
        return (0.5 * (ratio + squared - 1 - ratio.log())).flatten(1).sum(1)


@dataclass(frozen=True)
class Bernoulli:
    """Independent binary numbers.

    Attributes:
        logits: Log-odds of a one, batch × event shape.
    """

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """Probability of a one."""
        return torch.sigmoid(self.logits)

    def log_prob(self, value: Tensor) -> Tensor:
        """Element-wise log probability; a value between 0 and 1 counts as the mixture of both."""
        target = value.expand_as(self.logits)
        return -functional.binary_cross_entropy_with_logits(self.logits, target, reduction="none")

    def sample(self, noise: Tensor) -> Tensor:
        """Ones where the noise's own probability lies under the mean; no gradient passes."""
        ones: Tensor = torch.special.ndtr(noise) < self.mean
        return ones.to(self.logits.dtype)


@dataclass(frozen=True)
class Categorical:
    """One of several classes, as a one-hot vector.

    Attributes:
        logits: Log-probabilities up to a constant, batch × classes.
    """

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """Probability of every class."""
        return torch.softmax(self.logits, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of the one-hot ``value``: zero but in its class's place."""
        return value * torch.log_softmax(self.logits, -1)

    def sample(self, noise: Tensor) -> Tensor:
        """A one-hot vector by the Gumbel-max trick; no gradient passes."""
        uniform = torch.special.ndtr(noise).clamp(1e-7, 1 - 1e-7)
        winner = (self.logits - torch.log(-torch.log(uniform))).argmax(-1)
        return functional.one_hot(winner, self.logits.shape[-1]).to(self.logits.dtype)


def standard_gaussian(like: Tensor) -> Gaussian:
    """N(0, I) of the shape of ``like``."""
    return Gaussian(torch.zeros_like(like), torch.ones_like(like))
