"""The parts that training objectives are made of. All terms are nats per datum, the mean over the batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from trainer.models.distributions import Distribution
from trainer.models.interface import Reduction

__all__ = ["Reduction", "fake_loss", "log_likelihood", "negative_log_likelihoods", "real_loss"]


def log_likelihood(distribution: Distribution, value: Tensor, channel_reduction: Reduction = "sum") -> Tensor:
    """Log p(value), one number per datum.

    Args:
        distribution: p(x|z) or p(w|z).
        value: Batch × event.
        channel_reduction: For images (4-D): sum over channels, or their mean as in the papers' code.
    """
    elements = distribution.log_prob(value)
    if elements.dim() == 4 and channel_reduction == "mean":
        elements = elements.mean(1)
    return elements.flatten(1).sum(1)


def negative_log_likelihoods(
    decoded: Mapping[str, Distribution], data: Mapping[str, Tensor], channel_reduction: Reduction
) -> dict[str, Tensor]:
    """``nll_NAME`` of every decoded modality."""
    return {
        f"nll_{name}": -log_likelihood(distribution, data[name], channel_reduction).mean()
        for name, distribution in decoded.items()
    }


def real_loss(logits: Tensor) -> Tensor:
    """Binary cross-entropy of being taken for real."""
    return functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def fake_loss(logits: Tensor) -> Tensor:
    """Binary cross-entropy of being taken for generated."""
    return functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))
