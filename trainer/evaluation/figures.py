"""Pictures of what a model does."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from trainer.models.interface import JointModel, Modality

SHOWN_CHANGES = ("Smiling", "Eyeglasses", "Male", "Young", "Blond_Hair", "Bald", "Bangs", "Mustache")


@torch.no_grad()
def sample_sheet(model: JointModel, images: npt.NDArray[np.uint8], vectors: npt.NDArray[Any]) -> Image.Image:
    """A grid with one column per picture, and a row for each of these that the model can do.

    Rows: the pictures; their reconstructions from q(z|x), or from q(z|x,w) where there is no q(z|x); average
    pictures of their attributes or labels; average pictures with one attribute turned up to 2 (`SHOWN_CHANGES`,
    one per column, or the model's own where it has none of these) or with the next label, and the same as a change
    of the picture; pictures from random codes.

    Args:
        model: In evaluation mode.
        images: N × height × width × channels.
        vectors: N × attributes, -1 or 1; or one-hot labels.
    """
    device = model.image_mean.device
    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2)
    image = model.standardise(pixels)
    rows = [image]
    given: dict[str, Tensor] = {}
    if any(m.kind != "image" for m in model.modalities):
        own = torch.from_numpy(vectors.astype(np.float32)).to(device)
        given = {model.vector.name: own}
    if model.can_complete({"image"}, "image"):
        rows.append(model.complete({"image": image}, "image").mean)
    elif "encode" in model.capabilities and model.can_complete(given, "image"):
        both = {"image": image} | given
        rows.append(model.decode_given("image", model.encode(both).mean, given).mean)
    if given and model.can_complete(given, "image"):
        average = model.complete(given, "image").mean
        changed = {model.vector.name: _changed(model.vector, own)}
        changed_average = model.complete(changed, "image").mean
        rows += [average, changed_average, image + changed_average - average]
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(images), model.latent, generator=generator).to(device)
    if not given or model.can_complete(given, "image"):
        z = model.sample_prior(noise, given)
        rows.append(model.decode_given("image", z, given).mean)
    return grid([model.to_pixels(row) for row in rows])


def _changed(vector: Modality, own: Tensor) -> Tensor:
    """Each row with another of `SHOWN_CHANGES`, or of its own, turned over and up to 2; a label with the next class."""
    if vector.kind == "label":
        return own.roll(1, 1)
    changed = own.clone()
    names = SHOWN_CHANGES if set(SHOWN_CHANGES) & set(vector.names) else vector.names
    for row in range(len(changed)):
        name = names[row % len(names)]
        if name in vector.names:
            changed[row, vector.names.index(name)] *= -2
    return changed


def grid(rows: list[Tensor]) -> Image.Image:
    """Rows of uint8 pictures (each n × channels × height × width) as one picture."""
    lines = [torch.cat(list(row.cpu()), dim=2) for row in rows]
    picture = torch.cat(lines, dim=1)
    channels = 3 if len(picture) == 1 else len(picture)
    return Image.fromarray(picture.expand(channels, -1, -1).permute(1, 2, 0).contiguous().numpy())
