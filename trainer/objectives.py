"""What training minimises. All terms are nats per datum, the mean over the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from trainer.models.distributions import Gaussian, standard_gaussian
from trainer.models.jmvae import JMVAEKL

Reduction = Literal["sum", "mean"]


def log_likelihood(distribution: Gaussian, value: Tensor, channel_reduction: Reduction = "sum") -> Tensor:
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


def jmvae_kl_terms(
    model: JMVAEKL, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction
) -> tuple[dict[str, Tensor], Tensor, dict[str, Gaussian]]:
    """The terms of the JMVAE-kl bound (Suzuki et al. 2018, Eq. 4).

    Returns:
        Terms (``nll_NAME`` per modality, ``kl_prior``, ``kl_SUBSET`` per proper subset), the sampled code
        and the decoded distributions.
    """
    posterior = model.encode(data)
    z = posterior.sample(noise)
    decoded = model.decode(z)
    terms = {
        f"nll_{name}": -log_likelihood(decoded[name], value, channel_reduction).mean()
        for name, value in data.items()
    }
    terms["kl_prior"] = posterior.kl(standard_gaussian(posterior.mean)).mean()
    for subset in model.proper_subsets():
        single = model.encode({name: data[name] for name in subset})
        terms["kl_" + "_".join(subset)] = posterior.kl(single).mean()
    return terms, z, decoded


def jmvae_kl_loss(terms: Mapping[str, Tensor], alpha: float, beta: float) -> Tensor:
    """Beta · KL(prior) − log-likelihoods + alpha · Σ KL(joint ‖ subset)."""
    loss = beta * terms["kl_prior"]
    for name, value in terms.items():
        if name.startswith("nll_"):
            loss = loss + value
        elif name != "kl_prior":
            loss = loss + alpha * value
    return loss


def real_loss(logits: Tensor) -> Tensor:
    """Binary cross-entropy of being taken for real."""
    return functional.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def fake_loss(logits: Tensor) -> Tensor:
    """Binary cross-entropy of being taken for generated."""
    return functional.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))
