"""What CVAE, CMMA and CGAN share: one modality to make, the target, and the others it is made from."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Self

from torch import Tensor

from trainer.errors import CapabilityError, ConfigError
from trainer.models.distributions import Distribution
from trainer.models.interface import JointModel, Modality
from trainer.models.networks import Nets


class ConditionalModel(JointModel):
    """p(target | conditions), in one direction.

    Args:
        modalities: The target and its conditions.
        latent: Dimensions of z.
        target: Name of the modality to make; all others are conditions.
        nets: Of which nets it is built.

    Raises:
        ConfigError: The target is not among the modalities, or there is nothing else.
    """

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        latent: int = 128,
        target: str = "image",
        nets: Nets | None = None,
    ) -> None:
        super().__init__(modalities, latent)
        if target == "vector":
            target = self.vector.name
        names = [modality.name for modality in modalities]
        if target not in names or len(names) < 2:
            raise ConfigError(
                f"The target “{target}” must be one of two or more modalities; there are: {', '.join(names)}."
            )
        self.target = self.modality(target)
        self.conditions = tuple(modality for modality in modalities if modality.name != target)
        self.nets = nets or Nets()

    @classmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> Self:
        """See `JointModel.build`; ``config`` holds ``latent``, ``target`` and the fields of `Nets`."""
        return cls(modalities, int(config["latent"]), config.get("target", "image"), Nets.from_config(config))

    def config(self) -> dict[str, Any]:
        """See `JointModel.config`."""
        return {"latent": self.latent, "target": self.target.name, **self.nets.to_json()}

    @property
    def condition_names(self) -> set[str]:
        """Of what the target is made from."""
        return {condition.name for condition in self.conditions}

    def can_complete(self, given: Collection[str], missing: str) -> bool:
        """The target, from all its conditions."""
        return set(given) == self.condition_names and missing == self.target.name

    def complete(
        self, given: Mapping[str, Tensor], missing: str, noise: Tensor | None = None
    ) -> Distribution:
        """p(target | z, conditions) with z from p(z | conditions): its mean, or a sample if ``noise`` is given.

        Raises:
            CapabilityError: Something else is asked for or given.
        """
        if not self.can_complete(given, missing):
            raise CapabilityError(
                f"This model makes {self.target.name} from {', '.join(sorted(self.condition_names))}; "
                f"it cannot make {missing} from {', '.join(sorted(given)) or 'nothing'}."
            )
        prior = self.prior_given(given)
        return self.decode_given(missing, prior.mean if noise is None else prior.sample(noise), given)

    @abstractmethod
    def decode_given(self, name: str, z: Tensor, given: Mapping[str, Tensor]) -> Distribution:
        """See `JointModel.decode_given`."""


class ConditionalDecoding(ConditionalModel):
    """p(target | z, conditions) with z ~ N(0, I), independent of the conditions: CVAE and CGAN."""

    def decode_one(self, name: str, z: Tensor) -> Distribution:
        """Refused: see `decode_given`.

        Raises:
            CapabilityError: Always.
        """
        conditions = ", ".join(sorted(self.condition_names))
        raise CapabilityError(
            f"This model decodes {self.target.name} from z and {conditions} together, not from z alone."
        )

    def decode_given(self, name: str, z: Tensor, given: Mapping[str, Tensor]) -> Distribution:
        """p(target | z, conditions).

        Raises:
            CapabilityError: Another modality is asked for, or a condition is missing.
        """
        if name != self.target.name or not self.condition_names <= given.keys():
            raise CapabilityError(
                f"This model makes {self.target.name} from {', '.join(sorted(self.condition_names))}, "
                f"not {name} from {', '.join(sorted(given)) or 'nothing'}."
            )
        return self.nets.observe(self.target, self.get_submodule("decoders").get_submodule(name)(z, given))
