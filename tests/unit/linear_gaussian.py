"""A joint model whose likelihoods are known: z ~ N(0, I), x = A z + a + noise, w = B z + b + noise.

The columns of A are orthogonal, and so are those of B: then every posterior is a diagonal Gaussian, and the
encoders can be exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from trainer.models.distributions import Gaussian
from trainer.models.interface import JointModel, Modality

LATENT, PIXELS, ATTRIBUTES = 3, 12, 4


class LinearGaussian(JointModel):
    """An image of 3 × 2 × 2 and four attributes; ``error`` spoils the encoders."""

    capabilities = frozenset({"encode", "decode", "complete"})

    def __init__(self, error: float = 0.0) -> None:
        super().__init__(
            (
                Modality("image", "image", (3, 2, 2)),
                Modality("attributes", "attributes", (ATTRIBUTES,), tuple("abcd")),
            ),
            LATENT,
        )
        generator = torch.Generator().manual_seed(11)

        def orthogonal(rows: int, scale: Tensor) -> Tensor:
            columns, _ = torch.linalg.qr(torch.randn(rows, LATENT, generator=generator))
            return columns * scale

        self.maps = {
            "image": (
                orthogonal(PIXELS, torch.tensor([1.5, 0.8, 0.3])),
                torch.randn(PIXELS, generator=generator),
            ),
            "attributes": (
                orthogonal(ATTRIBUTES, torch.tensor([0.4, 1.0, 0.7])),
                torch.randn(ATTRIBUTES, generator=generator),
            ),
        }
        self.error = error

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> LinearGaussian:
        return cls()

    def config(self) -> dict[str, Any]:
        return {}

    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """The exact posterior, or one shifted and widened by ``error``."""
        precision, projected = torch.ones(LATENT), torch.zeros(())
        for name, value in given.items():
            weight, offset = self.maps[name]
            precision = precision + weight.square().sum(0)
            projected = projected + (value.flatten(1) - offset) @ weight
        mean = projected / precision
        return Gaussian(mean + self.error, ((1 + self.error) / precision).expand_as(mean))

    def decode_one(self, name: str, z: Tensor) -> Gaussian:
        weight, offset = self.maps[name]
        mean = (z @ weight.T + offset).unflatten(1, self.modality(name).shape)
        return Gaussian(mean, torch.ones(()))

    def sample(self, n: int, seed: int = 0) -> dict[str, Tensor]:
        """Data of the model itself."""
        generator = torch.Generator().manual_seed(seed)
        z = torch.randn(n, LATENT, generator=generator)
        return {
            name: gaussian.sample(torch.randn(gaussian.mean.shape, generator=generator))
            for name, gaussian in self.decode(z).items()
        }

    def log_likelihood(self, data: Mapping[str, Tensor], *names: str) -> Tensor:
        """The exact log p of the modalities ``names``, one number per datum."""
        weight = torch.cat([self.maps[name][0] for name in names])
        offset = torch.cat([self.maps[name][1] for name in names])
        covariance = weight @ weight.T + torch.eye(len(weight))
        value = torch.cat([data[name].flatten(1) for name in names], dim=1)
        return MultivariateNormal(offset, covariance).log_prob(value)
