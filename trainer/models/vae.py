"""VAE (Kingma and Welling 2014): one modality and a code."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.distributions import Distribution, Gaussian, standard_gaussian
from trainer.models.interface import Bound, JointModel, Modality, Reduction
from trainer.models.networks import Nets, initialise
from trainer.objectives import negative_log_likelihoods
from trainer.systems import SYSTEMS


class VAE(JointModel):
    """q(z|x) and p(x|z) of the pictures; whatever else the data hold is passed over."""

    capabilities = SYSTEMS["vae"].capabilities

    def __init__(self, modalities: tuple[Modality, ...], latent: int = 128, nets: Nets | None = None) -> None:
        super().__init__(tuple(m for m in modalities if m.kind == "image"), latent)
        self.nets = nets or Nets()
        image = self.modality("image")
        self.encoders = nn.ModuleDict({"image": self.nets.encoder([image], latent)})
        self.decoders = nn.ModuleDict({"image": self.nets.decoder(image, latent)})
        initialise(self)

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> VAE:
        """See `JointModel.build`; ``config`` holds ``latent`` and the fields of `Nets`."""
        return cls(modalities, int(config["latent"]), Nets.from_config(config))

    def config(self) -> dict[str, Any]:
        """See `JointModel.config`."""
        return {"latent": self.latent, **self.nets.to_json()}

    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """q(z|x).

        Raises:
            CapabilityError: Something else than the picture is given.
        """
        if set(given) != {"image"}:
            raise CapabilityError(f"A VAE of pictures encodes the picture alone, not {sorted(given)}.")
        posterior: Gaussian = self.encoders["image"](given)
        return posterior

    def decode_one(self, name: str, z: Tensor) -> Distribution:
        """p(x|z); see `JointModel.decode_one`."""
        return self.nets.observe(self.modality(name), self.decoders[name](z))

    def can_complete(self, given: Collection[str], missing: str) -> bool:
        """A picture from itself: a reconstruction."""
        return set(given) == {"image"} and missing == "image"

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """The ELBO: ``nll_image`` and ``kl_prior``."""
        posterior = self.encode({"image": data["image"]})
        z = posterior.sample(noise)
        terms = negative_log_likelihoods(self.decode(z), data, channel_reduction)
        terms["kl_prior"] = posterior.kl(standard_gaussian(posterior.mean)).mean()
        return Bound(terms, z)
