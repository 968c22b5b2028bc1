"""The GAN part that a model with an image decoder can wear in training.

Three updates a batch, as in the papers' code: encoders and attribute decoder on the bound, the image decoder on
reconstruction and on being taken for real, the discriminator on telling them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from trainer.config import TrainConfig
from trainer.errors import CapabilityError
from trainer.models.interface import JointModel
from trainer.models.networks import Discriminator, initialise
from trainer.objectives import fake_loss, real_loss


class Adversary(nn.Module):
    """A discriminator and the three optimisers of the GAN epochs."""

    def __init__(self, config: TrainConfig, channels: int) -> None:
        super().__init__()
        self.config = config
        self.discriminator = Discriminator(channels)
        initialise(self.discriminator)
        self._optimizers: dict[str, torch.optim.Adam] = {}

    def attach(self, model: JointModel) -> None:
        """Make the optimisers of ``model``; call once, after it has reached its device.

        Raises:
            CapabilityError: The model has no image decoder that could play the generator.
        """
        decoders = model.get_submodule("decoders") if hasattr(model, "decoders") else None
        if not isinstance(decoders, nn.ModuleDict) or "image" not in decoders:
            raise CapabilityError(f"{type(model).__name__} has no image decoder that could play a GAN.")
        image_decoder = decoders["image"]
        own = {id(parameter) for parameter in image_decoder.parameters()}
        rest = [parameter for parameter in model.parameters() if id(parameter) not in own]
        groups = {
            "encoders": rest,
            "decoder": list(image_decoder.parameters()),
            "discriminator": list(self.discriminator.parameters()),
        }
        self._optimizers = {
            name: torch.optim.Adam(parameters, lr=self.config.gan_learning_rate, betas=(0.5, 0.999))
            for name, parameters in groups.items()
        }

    def step(
        self, model: JointModel, data: Mapping[str, Tensor], noise: Tensor, beta: float
    ) -> dict[str, Tensor]:
        """The three updates for one batch; returns the detached terms."""
        image = data["image"]
        step = model.bound(data, noise, self.config.channel_reduction)
        bound = model.loss(step.terms, self.config.alpha, beta)
        self._update("encoders", bound)

        # A second set of codes from the same noise, so that a step depends on its seed alone.
        given = {name: value for name, value in data.items() if name != "image"}
        with torch.no_grad():
            prior_codes = model.sample_prior(noise.roll(1, 0), given)
        reconstruction = model.decode_given("image", step.z.detach(), given).mean
        generated = model.decode_given("image", prior_codes, given).mean
        pixels = (reconstruction - image).square()
        pixels = pixels.mean(1) if self.config.channel_reduction == "mean" else pixels.sum(1)
        fooled = real_loss(self.discriminator(reconstruction)) + real_loss(self.discriminator(generated))
        self._update(
            "decoder", self.config.gan_reconstruction * 0.5 * pixels.flatten(1).sum(1).mean() + fooled
        )

        told = (
            real_loss(self.discriminator(image))
            + fake_loss(self.discriminator(reconstruction.detach()))
            + fake_loss(self.discriminator(generated.detach()))
        )
        self._update("discriminator", told)
        values = {"loss": bound, **step.terms, "gan_decoder": fooled, "gan_discriminator": told}
        return {name: value.detach() for name, value in values.items()}

    def _update(self, name: str, loss: Tensor) -> None:
        optimizer = self._optimizers[name]
        parameters = list(chain.from_iterable(group["params"] for group in optimizer.param_groups))
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    def optimizer_states(self) -> dict[str, Any]:
        """State of the three optimisers, for resuming."""
        return {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()}

    def load_optimizers(self, states: Mapping[str, Any]) -> None:
        """Take up what `optimizer_states` gave."""
        for name, state in states.items():
            self._optimizers[name].load_state_dict(state)
            for group in self._optimizers[name].param_groups:
                group["lr"] = self.config.gan_learning_rate  # may have been changed for the rest of the run
