"""CGAN (Mirza and Osindero 2014): a generator of the target from noise and conditions, without an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.conditional import ConditionalDecoding
from trainer.models.interface import Modality
from trainer.models.networks import Nets, initialise
from trainer.systems import SYSTEMS


class CGAN(ConditionalDecoding):
    """G(z, w), trained against D(x, w) alone; see `trainer.models.adversarial.ConditionalGame`."""

    capabilities = SYSTEMS["cgan"].capabilities
    adversarial = True

    def __init__(
        self,
        modalities: tuple[Modality, ...],
        latent: int = 128,
        target: str = "image",
        nets: Nets | None = None,
    ) -> None:
        super().__init__(modalities, latent, target, nets)
        if self.target.kind != "image":
            raise CapabilityError(f"A CGAN makes pictures from {self.target.name}, not the other way round.")
        # Without batch norm the dense generator makes one picture of every code.
        decoder = self.nets.conditional_decoder(self.target, self.conditions, latent, norm=True)
        self.decoders = nn.ModuleDict({self.target.name: decoder})
        initialise(self)

    def encode(self, given: Mapping[str, Tensor]) -> NoReturn:
        """Refused.

        Raises:
            CapabilityError: Always.
        """
        raise CapabilityError("A CGAN has no encoder: it makes pictures from attributes, and reads nothing.")
