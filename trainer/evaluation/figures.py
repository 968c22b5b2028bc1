"""Pictures of what a model does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from trainer.models.interface import JointModel

SHOWN_CHANGES = ("Smiling", "Eyeglasses", "Male", "Young", "Blond_Hair", "Bald", "Bangs", "Mustache")


@torch.no_grad()
def sample_sheet(
    model: JointModel, images: npt.NDArray[np.uint8], attributes: npt.NDArray[np.int8]
) -> Image.Image:
    """A grid with one column per picture.

    Rows: the pictures, their reconstructions from q(z|x), average faces of their attributes, average faces
    with one attribute turned up to 2 (`SHOWN_CHANGES`, one per column), the same as a change of the picture,
    and random codes from the prior.

    Args:
        model: In evaluation mode.
        images: N × height × width × 3.
        attributes: N × attributes, -1 or 1.
    """
    device = model.image_mean.device
    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2)
    image = model.standardise(pixels)
    own = torch.from_numpy(attributes.astype(np.float32)).to(device)
    changed = own.clone()
    names = model.modality("attributes").names
    for row in range(len(changed)):
        name = SHOWN_CHANGES[row % len(SHOWN_CHANGES)]
        if name in names:
            changed[row, names.index(name)] *= -2
    average = model.complete({"attributes": own}, "image").mean
    changed_average = model.complete({"attributes": changed}, "image").mean
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(len(images), model.latent, generator=generator).to(device)
    rows = [
        image,
        model.complete({"image": image}, "image").mean,
        average,
        changed_average,
        image + changed_average - average,
        model.decode_one("image", z).mean,
    ]
    return grid([model.to_pixels(row) for row in rows])


def grid(rows: list[Tensor]) -> Image.Image:
    """Rows of uint8 pictures (each n × channels × height × width) as one picture."""
    lines = [torch.cat(list(row.cpu()), dim=2) for row in rows]
    return Image.fromarray(torch.cat(lines, dim=1).permute(1, 2, 0).contiguous().numpy())
