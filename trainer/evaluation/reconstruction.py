"""How far reconstructions lie from their pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from trainer.models.interface import JointModel


@torch.no_grad()
def reconstruction_error(model: JointModel, images: npt.NDArray[np.uint8], batch_size: int = 256) -> float:
    """Root mean square difference of D(mean of q(z|x)) and x over all pixels, on the scale 0…255.

    Args:
        model: In evaluation mode.
        images: N × height × width × 3.
        batch_size: Pictures at a time.
    """
    device = model.image_mean.device
    total = 0.0
    for first in range(0, len(images), batch_size):
        chunk = torch.from_numpy(np.ascontiguousarray(images[first : first + batch_size])).to(device)
        pixels = chunk.permute(0, 3, 1, 2)
        mean = model.complete({"image": model.standardise(pixels)}, "image").mean
        total += float((model.unstandardise(mean) - pixels).square().sum(dtype=torch.float64))
    return float(np.sqrt(total / images.size))
