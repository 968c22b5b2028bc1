"""Pictures of a data set in the memory of a device, so that a batch need not be carried there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

SHARE = 0.25
"""Of the memory that is free they take at most so much."""
_AT_A_TIME = 4096


def free_memory(device: torch.device) -> int:
    """Bytes that are free where pictures may be kept; 0 where they are in the same memory anyway."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def keep_resident(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor | None:
    """Copy ``images``, N × height × width × channels, to the device if they fit; else None."""
    if images.nbytes > SHARE * free_memory(device):
        return None
    kept = torch.empty(images.shape, dtype=torch.uint8, device=device)
    for first in range(0, len(images), _AT_A_TIME):
        chunk = np.array(
            images[first : first + _AT_A_TIME]
        )  # of a file that is mapped; a copy can be written to
        kept[first : first + len(chunk)] = torch.from_numpy(chunk)
    return kept


def take_rows(images: Tensor, rows: npt.NDArray[np.int64], mirrored: npt.NDArray[np.bool_]) -> Tensor:
    """Some of them, on their device; those ``mirrored`` from left to right."""
    taken = images[torch.from_numpy(rows).to(images.device)]
    turned = torch.from_numpy(mirrored).to(images.device)[:, None, None, None]
    return torch.where(turned, taken.flip(2), taken)
