"""CVAE (Kingma et al. 2014; Sohn et al. 2015): p(z) and p(target | z, conditions), in one direction."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.conditional import ConditionalDecoding
from trainer.models.distributions import Gaussian, standard_gaussian
from trainer.models.interface import Bound, Modality, Reduction
from trainer.models.networks import Nets, initialise
from trainer.objectives import log_likelihood
from trainer.systems import SYSTEMS


class CVAE(ConditionalDecoding):
    """q(z|x,w), p(z) = N(0, I) and p(x|z,w); with another target, p(w|z,x)."""

    capabilities = SYSTEMS["cvae"].capabilities

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        latent: int = 128,
        target: str = "image",
        nets: Nets | None = None,
    ) -> None:
        super().__init__(modalities, latent, target, nets)
        self.encoders = nn.ModuleDict({"joint": self.nets.encoder(modalities, latent)})
        decoder = self.nets.conditional_decoder(self.target, self.conditions, latent)
        self.decoders = nn.ModuleDict({self.target.name: decoder})
        initialise(self)

    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """q(z | target, conditions).

        Raises:
            CapabilityError: Not all modalities are given.
        """
        names = {modality.name for modality in self.modalities}
        if set(given) != names:
            raise CapabilityError(f"A CVAE encodes {', '.join(sorted(names))} together, not {sorted(given)}.")
        posterior: Gaussian = self.encoders["joint"](given)
        return posterior

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """The bound on log p(target | conditions): ``nll_TARGET`` and ``kl_prior``."""
        posterior = self.encode(data)
        z = posterior.sample(noise)
        name = self.target.name
        decoded = self.decode_given(name, z, data)
        terms = {
            f"nll_{name}": -log_likelihood(decoded, data[name], channel_reduction).mean(),
            "kl_prior": posterior.kl(standard_gaussian(posterior.mean)).mean(),
        }
        return Bound(terms, z)
