"""CMMA (Pandey and Dukkipati 2016): p(z | conditions) and p(target | z), in one direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.conditional import ConditionalModel
from trainer.models.distributions import Distribution, Gaussian
from trainer.models.interface import Bound, Modality, Reduction
from trainer.models.networks import Nets, initialise
from trainer.objectives import log_likelihood
from trainer.systems import SYSTEMS


class CMMA(ConditionalModel):
    """p_f(z|w), p_g(x|z) and q_h(z|x,w); with another target, x and w change places.

    Args:
        modalities: See `ConditionalModel`.
        latent: See `ConditionalModel`.
        target: See `ConditionalModel`.
        nets: Of which nets it is built; the paper's own variant learns the log-variance of the target.
        condition_term: Add E_{p(z|w)} log q(w|z) to the objective, which the paper takes in place of log p(w).
    """

    capabilities = SYSTEMS["cmma"].capabilities

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        latent: int = 128,
        target: str = "image",
        nets: Nets | None = None,
        condition_term: bool = False,
    ) -> None:
        super().__init__(modalities, latent, target, nets)
        self.condition_term = condition_term
        self.encoders = nn.ModuleDict(
            {
                "joint": self.nets.encoder(modalities, latent),
                "conditions": self.nets.encoder(self.conditions, latent),
            }
        )
        decoded = modalities if condition_term else (self.target,)
        self.decoders = nn.ModuleDict({m.name: self.nets.decoder(m, latent) for m in decoded})
        initialise(self)

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> CMMA:
        """See `ConditionalModel.build`; also ``condition_term``."""
        return cls(
            modalities,
            int(config["latent"]),
            config.get("target", "image"),
            Nets.from_config(config),
            bool(config.get("condition_term", False)),
        )

    def config(self) -> dict[str, Any]:
        """See `JointModel.config`."""
        return {**super().config(), "condition_term": self.condition_term}

    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """q(z | target, conditions), or p(z | conditions) where the conditions alone are given.

        Raises:
            CapabilityError: The target is given without its conditions, or a condition is missing.
        """
        if set(given) == self.condition_names:
            return self.prior_given(given)
        if set(given) != self.condition_names | {self.target.name}:
            conditions = ", ".join(sorted(self.condition_names))
            raise CapabilityError(
                f"This CMMA encodes {conditions}, alone or with {self.target.name}, not {sorted(given)}."
            )
        posterior: Gaussian = self.encoders["joint"](given)
        return posterior

    def prior_given(self, given: Mapping[str, Tensor]) -> Gaussian:
        """p(z | conditions)."""
        prior: Gaussian = self.encoders["conditions"](given)
        return prior

    def prior(self, n: int) -> Gaussian:
        """Refused: see `prior_given`.

        Raises:
            CapabilityError: Always.
        """
        conditions = ", ".join(sorted(self.condition_names))
        raise CapabilityError(f"CMMA's prior of z depends on {conditions}: there is no p(z).")

    def decode_one(self, name: str, z: Tensor) -> Distribution:
        """p(target | z), and q(condition | z) where the objective has its term.

        Raises:
            CapabilityError: This model does not decode ``name``.
        """
        modality = self.modality(name)
        if name not in self.decoders:
            raise CapabilityError(f"This CMMA makes {self.target.name}, not {name}.")
        return self.nets.observe(modality, self.decoders[name](z))

    def decode(self, z: Tensor) -> dict[str, Distribution]:
        """What this model decodes: the target."""
        return {name: self.decode_one(name, z) for name in self.decoders}

    def decode_given(self, name: str, z: Tensor, given: Mapping[str, Tensor]) -> Distribution:
        """p(target | z): z holds all that the conditions say."""
        return self.decode_one(name, z)

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """C, Eq. 6: ``nll_TARGET`` and ``kl_prior``, here KL(q(z|x,w) || p(z|w)); ``nll_CONDITION`` if asked for."""
        name = self.target.name
        posterior, prior = self.encode(data), self.prior_given(data)
        z = posterior.sample(noise)
        decoded = self.decode_one(name, z)
        terms = {
            f"nll_{name}": -log_likelihood(decoded, data[name], channel_reduction).mean(),
            "kl_prior": posterior.kl(prior).mean(),
        }
        if self.condition_term:
            from_prior = prior.sample(noise)
            for condition in self.conditions:
                read = self.decode_one(condition.name, from_prior)
                value = log_likelihood(read, data[condition.name], channel_reduction)
                terms[f"nll_{condition.name}"] = -value.mean()
        return Bound(terms, z)
