"""The one interface that engine and evaluation use, so that a new system needs hardly a change in either."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.distributions import Distribution, Gaussian, standard_gaussian

Reduction = Literal["sum", "mean"]
"""Image log-likelihood: summed over channels, or their mean as the papers' code does."""


@dataclass(frozen=True)
class Modality:
    """One kind of observation.

    Attributes:
        name: Key in every mapping of the interface, for instance ``image``.
        kind: ``image`` (pixels, channels first), ``attributes`` (a vector in -1…1) or ``label`` (one-hot).
        shape: Of one observation, without the batch.
        names: Of the vector's entries; empty for images.
        scale: Of pixels: ``standardised`` (Gaussian of unit variance) or ``unit``, 0…1 (Bernoulli).
    """

    name: str
    kind: Literal["image", "attributes", "label"]
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()
    scale: Literal["standardised", "unit"] = "standardised"

    def to_json(self) -> dict[str, Any]:
        """For a checkpoint's header."""
        return {
            "name": self.name,
            "kind": self.kind,
            "shape": list(self.shape),
            "names": list(self.names),
            "scale": self.scale,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Modality:
        """What `to_json` wrote; headers of older models have no scale."""
        names, scale = tuple(values["names"]), values.get("scale", "standardised")
        return cls(values["name"], values["kind"], tuple(values["shape"]), names, scale)


@dataclass(frozen=True)
class Bound:
    """A variational bound on one batch.

    Attributes:
        terms: ``nll_NAME`` per modality, ``kl_prior`` and other KL terms, each the mean over the batch, in nats.
        z: The sampled code, batch × latent.
    """

    terms: dict[str, Tensor]
    z: Tensor


class JointModel(nn.Module, ABC):
    """p(z) prod_i p(x_i | z) with encoders for subsets of the modalities.

    Images enter and leave as standardised tensors; `standardise` and `to_pixels` are the way from and to
    uint8, with statistics kept beside the weights in float32 (0 and 1 for images of unit scale).

    A conditional system has p(z | given) and p(x_i | z, given) instead: `prior_given` and `decode_given`, which
    for all others are `prior` and `decode_one`.
    """

    modalities: tuple[Modality, ...]
    capabilities: frozenset[str]
    latent: int
    """Dimensions of the code z."""
    adversarial: ClassVar[bool] = False
    """Whether the system knows no bound and trains against a discriminator from the first step."""
    adjustable: ClassVar[frozenset[str]] = frozenset()
    """Entries of `config` in which it may differ from a checkpoint that it starts from."""
    draws_parts: ClassVar[bool] = False
    """Whether it draws an edit's parts, so that several attributes are better drawn apart (`trainer.models.parts`)."""
    mirrors: bool = False
    """Whether it was trained on mirrored pictures too, so that `read` looks at them from both sides."""
    image_mean: Tensor
    image_std: Tensor

    def __init__(self, modalities: tuple[Modality, ...], latent: int) -> None:
        super().__init__()
        self.modalities = modalities
        self.latent = latent
        image = self.modality("image")
        self.register_buffer("image_mean", torch.zeros(image.shape))
        self.register_buffer("image_std", torch.ones(image.shape))

    @classmethod
    @abstractmethod
    def build(cls, modalities: tuple[Modality, ...], config: Mapping[str, Any]) -> JointModel:
        """A fresh model for ``modalities``.

        Args:
            modalities: Of the data.
            config: What `config` gave, of a checkpoint; of a new model all settings of its `TrainConfig`.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """What `build` needs to make this model again: settings of `TrainConfig` under their names, with ``latent``."""

    @abstractmethod
    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """q(z | given) for any non-empty subset of the modalities; batch × latent.

        Raises:
            CapabilityError: This system has no such posterior.
        """

    @abstractmethod
    def decode_one(self, name: str, z: Tensor) -> Distribution:
        """p(x_name | z) for codes ``z``, batch × latent.

        Raises:
            CapabilityError: There is no such modality, or it cannot be decoded from z alone.
        """

    @property
    def noise_width(self) -> int:
        """Normal numbers per datum that `bound` takes in a training step."""
        return self.latent

    def bound(self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction) -> Bound:
        """The system's variational bound on one batch.

        Args:
            data: Every modality, batch × its shape.
            noise: N(0, I), batch × `noise_width`.
            channel_reduction: See `trainer.objectives.log_likelihood`.

        Raises:
            CapabilityError: This system is not trained by a bound.
        """
        raise CapabilityError(f"{type(self).__name__} is not trained by a variational bound.")

    def terms(
        self, data: Mapping[str, Tensor], noise: Tensor, channel_reduction: Reduction
    ) -> dict[str, Tensor]:
        """What a training step weighs into its loss, nats per datum; see `bound`."""
        return self.bound(data, noise, channel_reduction).terms

    def loss(self, terms: Mapping[str, Tensor], alpha: float, beta: float) -> Tensor:
        """The number to minimise: beta · KL(prior) − log-likelihoods + alpha · every other term.

        Terms are told by their names: ``kl_prior`` is warmed up by beta, ``nll_…`` count whole. A system whose terms
        are others overrides this.
        """
        loss = beta * terms["kl_prior"]
        for name, value in terms.items():
            if name.startswith("nll_"):
                loss = loss + value
            elif name != "kl_prior":
                loss = loss + alpha * value
        return loss

    def modality(self, name: str) -> Modality:
        """The modality called ``name``.

        Raises:
            CapabilityError: There is none.
        """
        for modality in self.modalities:
            if modality.name == name:
                return modality
        known = ", ".join(modality.name for modality in self.modalities)
        raise CapabilityError(f"This model has no modality “{name}”; it has: {known}.")

    @property
    def vector(self) -> Modality:
        """The first modality that is no image: what sliders show.

        Raises:
            CapabilityError: There is none.
        """
        for modality in self.modalities:
            if modality.kind != "image":
                return modality
        raise CapabilityError("This model knows pictures only: it has neither attributes nor labels.")

    def can_complete(self, given: Collection[str], missing: str) -> bool:
        """Whether `complete` can make ``missing`` from the modalities named in ``given``."""
        known = {modality.name for modality in self.modalities}
        return bool(given) and set(given) <= known and missing in known

    def decode(self, z: Tensor) -> dict[str, Distribution]:
        """p(x_i | z) of every modality."""
        return {modality.name: self.decode_one(modality.name, z) for modality in self.modalities}

    def prior(self, n: int) -> Gaussian:
        """p(z) for a batch of ``n`` codes."""
        return standard_gaussian(torch.empty(n, self.latent, device=self.image_mean.device))

    def prior_given(self, given: Mapping[str, Tensor]) -> Gaussian:
        """p(z | given) of a conditional system, batch × latent; p(z) for all others."""
        return self.prior(len(next(iter(given.values()))))

    def sample_code(self, given: Mapping[str, Tensor], noise: Tensor) -> Tensor:
        """A code from q(z | given) made from ``noise``, batch × latent."""
        return self.encode(given).sample(noise)

    def prior_divergence(self, given: Mapping[str, Tensor]) -> Tensor:
        """KL(q(z | given) || p(z)) in nats, one number per datum; ``given`` leaves a modality out."""
        posterior = self.encode(given)
        return posterior.kl(self.prior(len(posterior.mean)))

    def log_prior(self, z: Tensor) -> Tensor:
        """Log p(z), one number per code, in nats."""
        return self.prior(len(z)).log_prob(z).sum(1)

    def sample_prior(self, noise: Tensor, given: Mapping[str, Tensor] | None = None) -> Tensor:
        """Codes from the prior, or from p(z | given) of a conditional system, made from ``noise``, batch × latent."""
        prior = self.prior_given(given) if given else self.prior(len(noise))
        return prior.sample(noise)

    def decode_given(self, name: str, z: Tensor, given: Mapping[str, Tensor]) -> Distribution:
        """p(x_name | z, given) of a conditional system; p(x_name | z) for all others."""
        return self.decode_one(name, z)

    def complete(
        self, given: Mapping[str, Tensor], missing: str, noise: Tensor | None = None
    ) -> Distribution:
        """p(x_missing | z) with z from q(z | given): its mean, or a sample if ``noise`` is given.

        Raises:
            CapabilityError: This system cannot make ``missing`` from what is given.
        """
        z = self.encode(given).mean if noise is None else self.sample_code(given, noise)
        return self.decode_one(missing, z)

    def has_encoder(self, given: Collection[str]) -> bool:
        """Whether exactly what is named in ``given`` has an encoder of its own; else it is completed."""
        return True

    def filled_in(
        self,
        given: Mapping[str, Tensor],
        passes: int,
        start: Literal["zeros", "noise"] = "noise",
        generator: torch.Generator | None = None,
    ) -> Iterator[dict[str, Tensor]]:
        """What each of ``passes`` passes of iterative sampling sees: all modalities, the missing ones sampled.

        Args:
            given: The modalities that are there; they never change.
            passes: Through the encoder.
            start: What the first pass sees in place of the missing ones.
            generator: Of the samples in between, on the CPU; PyTorch's own by default.

        Raises:
            CapabilityError: This system samples nothing in turn.
        """
        raise CapabilityError(f"{type(self).__name__} knows no iterative sampling.")

    def generating_code(self, data: Mapping[str, Tensor], noise: Tensor) -> Tensor:
        """A code to generate from, once what was missing is filled in: z ~ q(z | all modalities)."""
        return self.sample_code(data, noise)

    def sides(self, image: Tensor) -> Tensor:
        """Pictures, and below them their mirror images if the model was trained on such too."""
        return torch.cat([image, image.flip(3)]) if self.mirrors else image

    def read(self, image: Tensor) -> Tensor:
        """The vector that the model reads from pictures: the mean of p(w|z) at the mean of q(z|x), batch × names.

        A model that was trained on mirrored pictures too reads every picture and its mirror image, and gives the
        mean of both: one network's two answers to one question, whose errors are not the same.

        Args:
            image: Standardised, batch × channels × height × width.

        Raises:
            CapabilityError: This system cannot tell the vector from pictures.
        """
        read = self.complete({"image": self.sides(image)}, self.vector.name).mean
        return read.reshape(-1, *image.shape[:1], read.shape[1]).mean(0)

    def prepare_edit(self, image: Tensor, move: Tensor | None = None) -> dict[str, Any]:
        """What `latent_change` needs of a photograph, once for all its edits: ``z``, ``reconstruction`` D(z) and more.

        Args:
            image: Standardised, batch × channels × height × width.
            move: Of the code, batch × latent, by what is known of the photograph beside its pixels.
        """
        z = self.encode({"image": image}).mean
        if move is not None:
            z = z + move
        return {"z": z, "reconstruction": self.decode_one("image", z).mean}

    def latent_change(self, prepared: Mapping[str, Any], move: Tensor, parts: Tensor | None = None) -> Tensor:
        """How the standardised photograph changes as its code moves: D(z + move) - D(z).

        Args:
            prepared: From `prepare_edit`.
            move: Batch × latent; a move of nothing changes nothing.
            parts: The moves of which the edit is drawn, batch × parts × latent; see `trainer.models.parts`. By default
                the one move.
        """
        drawn = self.draw(prepared, move[:, None] if parts is None else parts)
        return self.change_to(prepared, drawn, self.decode_one("image", self.moved(prepared, move)).mean)

    def moved(self, prepared: Mapping[str, Any], move: Tensor) -> Tensor:
        """The code whose decoded picture `change_to` wants to see, batch × latent."""
        code: Tensor = prepared["z"] + move
        return code

    def draw(self, prepared: Mapping[str, Any], parts: Tensor) -> Tensor:
        """What the model draws of each part of an edit beside what it decodes: nothing, unless `draws_parts`.

        Args:
            prepared: From `prepare_edit`.
            parts: Moves of the code, batch × parts × latent.

        Returns:
            Batch × parts × channels × height × width, standardised; without parts if nothing is drawn.
        """
        return parts.new_zeros(parts.shape[0], 0)

    def change_to(self, prepared: Mapping[str, Any], drawn: Tensor, decoded: Tensor) -> Tensor:
        """`latent_change`, given what was drawn and the mean of p(x|z) at the `moved` code.

        For who decodes other codes beside it, and keeps what was drawn. Decoded in another batch than the photograph's
        own, a move of nothing changes nothing but for rounding.
        """
        change: Tensor = decoded - prepared["reconstruction"]
        return change

    def standardise(self, pixels: Tensor) -> Tensor:
        """uint8 pixels, batch × channels × height × width, to the model's scale, per pixel and channel."""
        return (pixels.float() / 255 - self.image_mean) / self.image_std

    def unstandardise(self, image: Tensor) -> Tensor:
        """Standardised images to float pixels, 0…255, not clipped."""
        return (image * self.image_std + self.image_mean) * 255

    def to_pixels(self, image: Tensor) -> Tensor:
        """Standardised images to uint8 pixels, on the image's device."""
        return self.unstandardise(image).round().clamp(0, 255).to(torch.uint8)
