"""A model on its device, and the ways to it and back: uint8 pixels, attributes and codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from jmvae_studio.inference.results import Device, Pixels
from jmvae_studio.language import tr

if TYPE_CHECKING:
    import torch

    from trainer.checkpoint_header import Header
    from trainer.models.interface import JointModel


class DeviceError(Exception):
    """The device asked for is not there."""


class ResidentModel:
    """A loaded model with its device. Not thread-safe: one thread owns it."""

    def __init__(self, model: JointModel, header: Header, device: torch.device, path: Path) -> None:
        import torch

        from trainer.models.iterating import iterates

        self._torch = torch
        self._model = model.to(device)
        self._device = device
        self.header = header
        self.path = path
        self.device_name = _describe(torch, device)
        self.attribute_names = header.attribute_names
        self._vector_name = model.vector.name
        self._is_label = model.vector.kind == "label"
        self.corrects = model.can_complete(("image", self._vector_name), self._vector_name)
        """Whether there is q(z|x,w), which takes what is known of a face beside its pixels."""
        self.image_size = header.image_size
        self.latent = model.latent
        self.iterates = iterates(model)
        """Whether it completes a picture in several passes, for want of q(z|w)."""
        self.uploaded_bytes = 0

    @classmethod
    def load(cls, path: Path, device: Device = "auto") -> Self:
        """Read a checkpoint and put its model on a device.

        Raises:
            trainer.errors.CheckpointError: The file is not a sound model.
            trainer.errors.CapabilityError: The model's system cannot edit.
            DeviceError: The device is not there.
        """
        import torch

        from trainer.checkpoint import load_model
        from trainer.errors import CapabilityError

        chosen = _choose(torch, device)
        model, header = load_model(path)
        if "edit" not in model.capabilities:
            raise CapabilityError(
                tr(
                    "{name} cannot be opened here: its system “{system}” does not edit pictures. "
                    "Choose a joint model, such as jmvae-kl.",
                    name=path.name,
                    system=header.system,
                )
            )
        return cls(model, header, chosen, path)

    @property
    def takes_whole(self) -> bool:
        """Whether the model sees whole pictures (digits, light on dark) and not faces in them."""
        return self.header.crop.kind == "whole"

    @property
    def digest(self) -> str:
        """SHA-256 of the model's weights; names the model in edits and exports."""
        return self.header.digest

    @property
    def is_on_cpu(self) -> bool:
        """Whether the computer's own memory is the model's."""
        return self._device.type == "cpu"

    def release(self) -> None:
        """Give the device's memory back; nothing can be asked afterwards."""
        del self._model
        self.give_back()

    def give_back(self) -> None:
        """Let the device have the memory that nothing needs any more."""
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()
        elif self._device.type == "mps":
            self._torch.mps.empty_cache()

    def _encode_vector(self, vector: torch.Tensor) -> torch.Tensor:
        """Mean of q(z|w)."""
        mean: torch.Tensor = self._model.encode({self._vector_name: self._conditions(vector)}).mean
        return mean

    def _conditions(self, vector: torch.Tensor) -> torch.Tensor:
        """What the encoder takes: attributes as they are, a label as shares of its classes that sum to one."""
        if not self._is_label:
            return vector
        shares = vector.clamp(min=0) + 1e-6
        return shares / shares.sum(1, keepdim=True)

    def _many(self, faces: Pixels) -> torch.Tensor:
        """Faces, n × size × size × 3, as the model takes them."""
        pixels = self._torch.from_numpy(np.ascontiguousarray(faces)).to(self._device).permute(0, 3, 1, 2)
        return self._standardise(pixels)

    def _standardise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Colour pixels on the model's scale; a grey model sees their mean brightness."""
        if len(self._model.image_mean) == 1:
            pixels = pixels.float().mean(1, keepdim=True)
        image: torch.Tensor = self._model.standardise(pixels)
        return image

    def _vector(self, attributes: tuple[float, ...]) -> torch.Tensor:
        vector = self._torch.tensor([attributes], dtype=self._torch.float32)
        self.uploaded_bytes += vector.nbytes
        return vector.to(self._device)

    def _upload(self, pixels: Pixels) -> torch.Tensor:
        self.uploaded_bytes += pixels.nbytes
        tensor = self._torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
        return tensor.permute(2, 0, 1)[None]

    def _faces(self, z: torch.Tensor) -> Pixels:
        """What is decoded from the codes, batch × size × size × 3."""
        pixels = self._model.to_pixels(self._model.decode_one("image", z).mean)
        return np.ascontiguousarray(pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy())

    def _download(self, image: torch.Tensor) -> Pixels:
        """A uint8 picture, 3 × height × width or grey with 1, as height × width × 3."""
        return np.asarray(image.expand(3, -1, -1).permute(1, 2, 0).contiguous().cpu().numpy())


def _choose(torch: Any, device: Device) -> torch.device:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[device]:
        names = ", ".join(name for name, there in available.items() if there)
        raise DeviceError(
            tr("This computer has no device “{device}”; there is: {names}.", device=device, names=names)
        )
    return torch.device(device)  # type: ignore[no-any-return]


def _describe(torch: Any, device: torch.device) -> str:
    if device.type == "cuda":
        return f"CUDA · {torch.cuda.get_device_name(device)}"
    return {"cpu": "CPU", "mps": tr("Apple GPU")}[device.type]
