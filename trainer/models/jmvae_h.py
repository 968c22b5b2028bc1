"""JMVAE-h (Suzuki et al. 2018, section 3.1): a joint VAE with several stochastic layers.

z = (z_1, …, z_L). Generation: p(z_L) = N(0, I), p(z_l | z_{l+1}), then p(x|z_1) and p(w|z_1). Inference:
q(z_1|x,w), whose *mean* feeds the next block, q(z_{l+1} | mean of z_l), so that the posterior factorises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.distributions import Distribution, Gaussian, standard_gaussian
from trainer.models.interface import Bound, Modality, Reduction
from trainer.models.jmvae import JMVAE
from trainer.models.networks import Nets, initialise
from trainer.objectives import negative_log_likelihoods
from trainer.systems import SYSTEMS


class JMVAEH(JMVAE):
    """The code of the interface is (z_1, …, z_L) side by side, batch × (L · width).

    Where a modality is missing, z_L comes from q with zeros in its place and the lower layers from p(z_l|z_{l+1}).

    Args:
        modalities: See `JointModel`.
        width: Dimensions of one layer of codes.
        nets: Of which nets it is built.
        layers: L.
    """

    capabilities = SYSTEMS["jmvae-h"].capabilities

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        width: int = 64,
        nets: Nets | None = None,
        layers: int = 2,
    ) -> None:
        super().__init__(modalities, width, nets)
        self.width, self.layers = width, layers
        self.latent = layers * width
        self.up = nn.ModuleList(self.nets.code_encoder(width, width) for _ in range(layers - 1))
        """q(z_2 | mean of z_1) and so on."""
        self.down = nn.ModuleList(self.nets.code_encoder(width, width) for _ in range(layers - 1))
        """p(z_1 | z_2) and so on."""
        initialise(self)

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> JMVAEH:
        """See `JointModel.build`; ``config`` holds ``latent`` (of one layer), ``layers`` and the fields of `Nets`."""
        layers = int(config.get("layers", 2))
        return cls(modalities, int(config["latent"]), Nets.from_config(config), layers)

    def config(self) -> dict[str, Any]:
        """See `JointModel.config`."""
        return {**super().config(), "latent": self.width, "layers": self.layers}

    def _split(self, z: Tensor) -> list[Tensor]:
        return list(torch.split(z, self.width, dim=1))

    def _posteriors(self, given: Mapping[str, Tensor]) -> list[Gaussian]:
        """q(z_1|·), …, q(z_L|·), with zeros for what is missing."""
        layer = super().encode(given)
        posteriors = [layer]
        for block in self.up:
            layer = block({"z": layer.mean})
            posteriors.append(layer)
        return posteriors

    def _prior_below(self, level: int, above: Tensor) -> Gaussian:
        """p(z_level | z_{level+1}); levels count from 0."""
        prior: Gaussian = self.down[level]({"z": above})
        return prior

    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """q(z_1, …, z_L | all modalities), exactly.

        With a modality missing the lower layers depend on the ones above: what is returned then has the mean and
        the variances along the path of the means; `sample_code` samples it exactly.
        """
        layers = self._posteriors(given)
        if len(given) < len(self.modalities):
            for level in range(self.layers - 2, -1, -1):
                layers[level] = self._prior_below(level, layers[level + 1].mean)
        mean = torch.cat([layer.mean for layer in layers], dim=1)
        return Gaussian(mean, torch.cat([layer.variance for layer in layers], dim=1))

    def sample_code(self, given: Mapping[str, Tensor], noise: Tensor) -> Tensor:
        """See `JointModel.sample_code`; with a modality missing, from the top down (A, Eq. 6)."""
        posteriors, parts = self._posteriors(given), self._split(noise)
        if len(given) < len(self.modalities):
            return self._descend(posteriors[-1].sample(parts[-1]), parts)
        return torch.cat([q.sample(part) for q, part in zip(posteriors, parts, strict=True)], dim=1)

    def generating_code(self, data: Mapping[str, Tensor], noise: Tensor) -> Tensor:
        """z_L ~ q(z_L | all modalities), then from the top down through p(z_l | z_{l+1}) (A, Eq. 6 and figure 2 b).

        Iterative sampling takes the same way. By z_1 ~ q(z_1 | all modalities) instead, a picture that is still noise
        goes past the top layer, and pictures on MNIST get less likely with every pass, against the paper's figure 5.
        """
        parts = self._split(noise)
        return self._descend(self._posteriors(data)[-1].sample(parts[-1]), parts)

    def _descend(self, top: Tensor, noise: list[Tensor]) -> Tensor:
        """Codes of all layers, from the top one down."""
        layers = [top]
        for level in range(self.layers - 2, -1, -1):
            layers.insert(0, self._prior_below(level, layers[0]).sample(noise[level]))
        return torch.cat(layers, dim=1)

    def prior(self, n: int) -> Gaussian:
        """Refused: the lower layers depend on the ones above.

        Raises:
            CapabilityError: Always.
        """
        raise CapabilityError(
            "The prior of JMVAE-h is no single Gaussian; use sample_prior and log_prior instead."
        )

    def prior_divergence(self, given: Mapping[str, Tensor]) -> Tensor:
        """See `JointModel.prior_divergence`: the top layer's alone, since the others then are the prior's own."""
        top = self._posteriors(given)[-1]
        return top.kl(standard_gaussian(top.mean))

    def sample_prior(self, noise: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        """See `JointModel.sample_prior`: from the top down."""
        parts = self._split(noise)
        return self._descend(parts[-1], parts)

    def log_prior(self, z: Tensor) -> Tensor:
        """See `JointModel.log_prior`: log p(z_L) + sum of log p(z_l | z_{l+1})."""
        layers = self._split(z)
        total = standard_gaussian(layers[-1]).log_prob(layers[-1]).sum(1)
        for level in range(self.layers - 1):
            total = total + self._prior_below(level, layers[level + 1]).log_prob(layers[level]).sum(1)
        return total

    def decode_one(self, name: str, z: Tensor) -> Distribution:
        """p(x_name | z_1)."""
        return super().decode_one(name, self._split(z)[0])

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """``nll_NAME`` and ``kl_prior``: KL(q(z_L|·) || N(0,I)) + sum of KL(q(z_l|·) || p(z_l|z_{l+1}))."""
        posteriors = self._posteriors({name: data[name] for name in self.names})
        codes = [q.sample(part) for q, part in zip(posteriors, self._split(noise), strict=True)]
        z = torch.cat(codes, dim=1)
        terms = negative_log_likelihoods(self.decode(z), data, channel_reduction)
        divergence = posteriors[-1].kl(standard_gaussian(codes[-1]))
        for level in range(self.layers - 1):
            divergence = divergence + posteriors[level].kl(self._prior_below(level, codes[level + 1]))
        terms["kl_prior"] = divergence.mean()
        return Bound(terms, z)
