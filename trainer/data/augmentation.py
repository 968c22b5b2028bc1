"""Small random changes of pictures that leave what they show as it is; differentiable."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional


def jitter(
    images: Tensor,
    generator: Generator,
    shift: float = 0.05,
    zoom: float = 0.06,
    turn: float = 5.0,
    light: float = 0.15,
    noise: float = 0.0,
) -> Tensor:
    """Move, scale, turn and relight every picture by an amount of its own.

    Args:
        images: Batch × channels × height × width, any scale with a deviation near 1.
        generator: Source of the randomness, on the CPU.
        shift: Largest move, as a share of the side.
        zoom: Largest change of scale.
        turn: Largest turn in degrees.
        light: Largest change of contrast and of brightness (in deviations).
        noise: Deviation of white noise added at the end.

    Returns:
        Of the same shape and type.
    """
    n = len(images)
    uniform = (torch.rand(6, n, generator=generator) * 2 - 1).to(images.device)
    angle = uniform[0] * math.radians(turn)
    scale = 1 + uniform[1] * zoom
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    move = uniform[2:4] * 2 * shift
    rows = torch.stack([torch.stack([cos, -sin, move[0]], 1), torch.stack([sin, cos, move[1]], 1)], 1)
    grid = functional.affine_grid(rows.to(images.dtype), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    contrast = (1 + uniform[4] * light).to(images.dtype).view(n, 1, 1, 1)
    brightness = (uniform[5] * light).to(images.dtype).view(n, 1, 1, 1)
    lit = moved * contrast + brightness
    if noise > 0:
        lit = lit + noise * torch.randn(lit.shape, generator=generator).to(lit)
    return lit


def soften(images: Tensor, generator: Generator, share: float, most: float = 3.0) -> Tensor:
    """Make some pictures as soft as enlarged ones are: shrunk and brought back to their size.

    Args:
        images: Batch × channels × height × width.
        generator: Source of the randomness, on the CPU.
        share: Of the pictures that are softened, in 0…1; which ones, is chosen anew each time.
        most: Largest factor by which a picture is shrunk; the same for a batch, so that it goes in one piece.

    Returns:
        Of the same shape and type; the other pictures as they are.
    """
    chosen = torch.rand(len(images), generator=generator) < share
    factor = 1 + (most - 1) * float(torch.rand((), generator=generator))
    rows = chosen.nonzero().flatten().to(images.device)
    if not len(rows):
        return images
    size = images.shape[-2:]
    small = [max(2, round(side / factor)) for side in size]
    # In float32: the antialiasing filters have no bfloat16 on the CPU.
    soft = functional.interpolate(images[rows].float(), small, mode="bilinear", antialias=True)
    soft = functional.interpolate(soft, size, mode="bicubic", antialias=True)
    return images.index_copy(0, rows, soft.to(images.dtype))
