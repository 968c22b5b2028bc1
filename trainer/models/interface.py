"""The one interface that engine and evaluation use, so that a new system needs no change in either."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from trainer.errors import CapabilityError
from trainer.models.distributions import Gaussian, standard_gaussian


@dataclass(frozen=True)
class Modality:
    """One kind of observation.

    Attributes:
        name: Key in every mapping of the interface, for instance ``image``.
        kind: ``image`` (standardised pixels, channels first) or ``attributes`` (a vector in -1…1).
        shape: Of one observation, without the batch.
        names: Of the vector's entries; empty for images.
    """

    name: str
    kind: Literal["image", "attributes"]
    shape: tuple[int, ...]
    names: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For a checkpoint's header."""
        return {"name": self.name, "kind": self.kind, "shape": list(self.shape), "names": list(self.names)}


class JointModel(nn.Module, ABC):
    """p(z) prod_i p(x_i | z) with encoders for subsets of the modalities.

    Images enter and leave as standardised tensors; `standardise` and `to_pixels` are the way from and to
    uint8, with statistics kept beside the weights in float32.
    """

    modalities: tuple[Modality, ...]
    capabilities: frozenset[str]
    latent: int
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
        """A fresh model for ``modalities`` from the ``config`` of a checkpoint's header."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """What `build` needs to make this model again."""

    @abstractmethod
    def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
        """q(z | given) for any non-empty subset of the modalities; batch × latent."""

    @abstractmethod
    def decode_one(self, name: str, z: Tensor) -> Gaussian:
        """p(x_name | z) for codes ``z``, batch × latent."""

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

    def decode(self, z: Tensor) -> dict[str, Gaussian]:
        """p(x_i | z) of every modality."""
        return {modality.name: self.decode_one(modality.name, z) for modality in self.modalities}

    def prior(self, n: int) -> Gaussian:
        """p(z) for a batch of ``n`` codes."""
        return standard_gaussian(torch.empty(n, self.latent, device=self.image_mean.device))

    def complete(self, given: Mapping[str, Tensor], missing: str, noise: Tensor | None = None) -> Gaussian:
        """p(x_missing | z) with z from q(z | given): its mean, or a sample if ``noise`` is given."""
        posterior = self.encode(given)
        z = posterior.mean if noise is None else posterior.sample(noise)
        return self.decode_one(missing, z)

    def prepare_edit(self, image: Tensor) -> dict[str, Any]:
        """What `latent_change` needs of a photograph, once for all its edits; holds its code ``z``.

        Args:
            image: Standardised, batch × channels × height × width.
        """
        z = self.encode({"image": image}).mean
        return {"z": z, "reconstruction": self.decode_one("image", z).mean}

    def latent_change(self, prepared: Mapping[str, Any], move: Tensor) -> Tensor:
        """How the standardised photograph changes as its code moves: D(z + move) - D(z).

        Args:
            prepared: From `prepare_edit`.
            move: Batch × latent; a move of nothing changes nothing.
        """
        change: Tensor = self.decode_one("image", prepared["z"] + move).mean - prepared["reconstruction"]
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
