"""GANs: the part that a model with an image decoder can wear in training, and the game of a CGAN."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainer.config import TrainConfig
from trainer.errors import CapabilityError
from trainer.models.conditional import ConditionalModel
from trainer.models.game import Average, Game, gradient_penalty
from trainer.models.interface import JointModel
from trainer.models.networks import Nets, initialise
from trainer.objectives import fake_loss, log_likelihood, real_loss
from trainer.optimizers import adam


class Adversary(Game):
    """A discriminator and the optimisers of training against it; call `attach` once the model has its device."""

    def __init__(self, config: TrainConfig, model: JointModel, conditional: bool = False) -> None:
        super().__init__(config)
        image = model.modality("image")
        conditions = tuple(m for m in model.modalities if m.kind != "image") if conditional else ()
        self.discriminator = Nets.from_config(config.model_dump()).discriminator(image, conditions)
        initialise(self.discriminator)

    def attach(self, model: JointModel, average: Average) -> None:
        """Make the optimisers of ``model``; ``average`` gathers gradients from other processes."""
        self._average = average
        self._optimizers = {
            name: adam(parameters, self.config.gan_learning_rate, (0.5, 0.999))
            for name, parameters in self._groups(model).items()
        }

    @abstractmethod
    def _groups(self, model: JointModel) -> dict[str, list[nn.Parameter]]:
        """Parameters of each optimiser, by name."""

    @abstractmethod
    def step(
        self, model: JointModel, data: Mapping[str, Tensor], noise: Tensor, beta: float
    ) -> dict[str, Tensor]:
        """All updates for one batch; returns the detached terms."""

    def load_optimizers(self, states: Mapping[str, Any]) -> None:
        """Take up what `optimizer_states` gave, at the rate of this run: it may have been changed for the rest."""
        super().load_optimizers(states)
        for name in states:
            for group in self._optimizers[name].param_groups:
                group["lr"] = self.rate * self.config.gan_learning_rate


class WornGame(Adversary):
    """The GAN part of VAE-GAN, CVAE-GAN, CMMA-GAN and JMVAE-GAN.

    Three updates a batch, as in the papers' code, all or none of them: encoders and the other decoders on the bound,
    the image decoder on reconstruction and on being taken for real, the discriminator on telling them apart. The
    decoder's reconstruction is compared by pixels, or by the discriminator's features (Larsen et al. 2015, whose
    encoder sees them too; here it keeps the likelihood).
    """

    def __init__(self, config: TrainConfig, model: JointModel) -> None:
        decoders = getattr(model, "decoders", None)
        makes_images = isinstance(decoders, nn.ModuleDict) and "image" in decoders
        if isinstance(model, ConditionalModel):  # it may decode its condition too
            makes_images = model.target.kind == "image"
        if not makes_images:
            raise CapabilityError(
                f"This {config.system} has no image decoder that could play a GAN: set gan_epochs to 0."
            )
        super().__init__(config, model)

    def _groups(self, model: JointModel) -> dict[str, list[nn.Parameter]]:
        decoder = list(model.get_submodule("decoders.image").parameters())
        own = {id(parameter) for parameter in decoder}
        return {
            "encoders": [parameter for parameter in model.parameters() if id(parameter) not in own],
            "decoder": decoder,
            "discriminator": list(self.discriminator.parameters()),
        }

    def step(
        self, model: JointModel, data: Mapping[str, Tensor], noise: Tensor, beta: float
    ) -> dict[str, Tensor]:
        """See `Adversary.step`: the bound's terms, ``gan_decoder`` and ``gan_discriminator``."""
        image = data["image"]
        step = model.bound(data, noise, self.config.channel_reduction)
        bound = model.loss(step.terms, self.config.alpha, beta)
        self._prepare("encoders", bound)

        # A second set of codes from the same noise, so that a step depends on its seed alone.
        given = {name: value for name, value in data.items() if name != "image"}
        with torch.no_grad():
            prior_codes = model.sample_prior(noise.roll(1, 0), given)
        decoded = model.decode_given("image", step.z.detach(), given)
        reconstruction = decoded.mean
        generated = model.decode_given("image", prior_codes, given).mean
        if self.config.recon_loss == "feature":
            seen = self.discriminator.features(image).detach()
            difference = 0.5 * (self.discriminator.features(reconstruction) - seen).square().sum(1)
        else:
            difference = -log_likelihood(decoded, image, self.config.channel_reduction)
        fooled = real_loss(self.discriminator(reconstruction)) + real_loss(self.discriminator(generated))
        self._prepare("decoder", self.config.gan_reconstruction * difference.mean() + fooled)

        told = (
            real_loss(self.discriminator(image))
            + fake_loss(self.discriminator(reconstruction.detach()))
            + fake_loss(self.discriminator(generated.detach()))
        )
        self._prepare("discriminator", told)
        self._move("encoders", "decoder", "discriminator")
        values = {"loss": bound, **step.terms, "gan_decoder": fooled, "gan_discriminator": told}
        return {name: value.detach() for name, value in values.items()}


class ConditionalGame(Adversary):
    """CGAN: the generator on being taken for real with its conditions, the discriminator on telling it apart."""

    def __init__(self, config: TrainConfig, model: JointModel) -> None:
        super().__init__(config, model, conditional=True)

    def _groups(self, model: JointModel) -> dict[str, list[nn.Parameter]]:
        return {
            "decoder": list(model.parameters()),
            "discriminator": list(self.discriminator.parameters()),
        }

    def step(
        self, model: JointModel, data: Mapping[str, Tensor], noise: Tensor, beta: float
    ) -> dict[str, Tensor]:
        """See `Adversary.step`: ``gan_decoder``, ``gan_discriminator`` and its ``gan_gradient``; no warm-up."""
        image = data["image"]
        given = {name: value for name, value in data.items() if name != "image"}
        condition = torch.cat([given[m.name] for m in model.modalities if m.name in given], dim=1)
        generated = model.decode_given("image", model.sample_prior(noise, given), given).mean
        fooled = real_loss(self.discriminator(generated, condition))
        self._prepare("decoder", fooled)
        told = real_loss(self.discriminator(image, condition)) + fake_loss(
            self.discriminator(generated.detach(), condition)
        )
        some = slice(max(8, len(image) // 4))
        penalty = gradient_penalty(lambda real: self.discriminator(real, condition[some]), image[some])
        self._prepare("discriminator", told + self.config.gan_gradient_penalty * penalty)
        self._move("decoder", "discriminator")
        values = {"loss": fooled + told, "gan_decoder": fooled, "gan_discriminator": told}
        values["gan_gradient"] = penalty
        return {name: value.detach() for name, value in values.items()}


def make_adversary(config: TrainConfig, model: JointModel) -> Adversary | None:
    """The GAN of a run, or None if it has none.

    Raises:
        CapabilityError: The system cannot wear one.
    """
    if model.adversarial:
        return ConditionalGame(config, model)
    return WornGame(config, model) if config.gan_epochs else None
