"""Iterative sampling pass by pass: the picture that a vector alone is completed to, and how it gets likelier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.models.interface import JointModel


@dataclass(frozen=True)
class Completion:
    """A picture completed from a vector after 0, 1, … passes.

    Attributes:
        codes: Passes + 1 × latent, made as those of the likelihoods, from means instead of samples.
        likelihoods: Passes + 1, expected log p(picture | z) in nats of the true picture.
    """

    codes: Tensor
    likelihoods: Tensor


def iterates(model: JointModel) -> bool:
    """Whether a picture is completed by iterative sampling, for want of an encoder of the vector alone."""
    return not model.has_encoder((model.vector.name,))


def complete_by_passes(
    model: JointModel, image: Tensor, vector: Tensor, passes: int, chains: int, seed: int
) -> Completion:
    """Complete a picture from its vector by 0, 1, … ``passes`` passes (Suzuki et al. 2018, figures 4 and 5).

    After 0 passes the encoder sees zeros in the place of the picture; the others begin with noise, and each but the
    first sees the picture sampled from the pass before. The likelihood is that of Eq. 5: the mean of log p(x|z)
    over one code for each of several chains; the code shown is the first chain's.

    Args:
        model: That `iterates`.
        image: The true picture, standardised, 1 × channels × height × width.
        vector: What is given, 1 × names.
        passes: The most of them.
        chains: Of sampling, beside each other.
        seed: Of the noise.
    """
    generator = torch.Generator().manual_seed(seed)
    given = {model.vector.name: vector.expand(chains, -1)}
    stages: list[Mapping[str, Tensor]] = [given]  # which `encode` completes by zeros
    stages += model.filled_in(given, passes, "noise", generator)
    codes, likelihoods = [], []
    for stage in stages:
        code = model.sample_code if stage is given else model.generating_code
        noise = torch.randn(chains, model.latent, generator=generator).to(image)
        codes.append(code(stage, torch.zeros_like(noise))[:1])
        z = code(stage, noise)
        density = model.decode_one("image", z).log_prob(image.expand(chains, -1, -1, -1))
        likelihoods.append(density.flatten(1).sum(1).mean())
    return Completion(torch.cat(codes), torch.stack(likelihoods))
