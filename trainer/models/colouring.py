"""What is broad in an edit, in the colours that the joint model gives it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

DEVIATION = 6.0
"""Of the Gaussian that tells what is broad, in pixels of the picture."""
SMOOTHNESS = 0.003
"""Variance of colours (of 0…1) below which the filter takes a part of the picture for even."""
LONGEST = 3.0
"""So many times the joint model's change at most."""
BRIGHTNESS = 0.5
"""How much of the correction falls on brightness, which a moustache needs and a glow has too much of."""
FAINT = 1e-4
"""Squared length of a change (of 0…1) that has no colour worth speaking of."""
_LUMINANCE = (0.299, 0.587, 0.114)


class Colouring(nn.Module):
    """Gives an editor's change the colours of D(z') - D(z).

    A critic is easily pleased by a tint: an editor that it trained makes a head bald by a red glow. The joint model has
    seen what people with the attribute look like, but knows nothing of this face's details. So both changes are split
    by a guided filter, whose broad part follows the edges of the edited picture, and of the editor's broad part only
    its projection on the joint model's stays, per pixel; brightness goes half that way. Details stay as they are.

    The filter is He, Sun and Tang's (2013, Eq. 19 to 21, guide of three channels) with Gaussian windows, at half size
    as in He and Sun (2015).

    Args:
        size: Side of the pictures in pixels, even.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.blur: Tensor
        self.enlarge: Tensor
        self.luminance: Tensor
        half = size // 2
        # On the CPU also where a model is built without memory: they are in no checkpoint.
        places = torch.arange(half, dtype=torch.float32, device="cpu")
        weights = torch.exp(-((places[:, None] - places) ** 2) / (2 * (DEVIATION / 2) ** 2))
        self.register_buffer("blur", weights / weights.sum(1, keepdim=True), persistent=False)
        identity = torch.eye(half, device="cpu")[None, None]
        enlarge = functional.interpolate(identity, (size, half), mode="bilinear")[0, 0]
        self.register_buffer("enlarge", enlarge, persistent=False)
        luminance = torch.tensor(_LUMINANCE, device="cpu")[:, None, None]
        self.register_buffer("luminance", luminance, persistent=False)

    def forward(self, face: Tensor, own: Tensor, joint: Tensor) -> Tensor:
        """The editor's change in the joint model's colours.

        Args:
            face: Batch × 3 × size × size, 0…1.
            own: The editor's change, of that shape and scale.
            joint: D(z') - D(z), likewise.
        """
        guide = (
            face + own
        ).detach()  # an editor that learns shall not draw edges in order to keep its colours
        broad, model = self.broad(torch.cat([own, joint], 1), guide).chunk(2, 1)
        along = (broad * model).sum(1, keepdim=True) / (model.square().sum(1, keepdim=True) + FAINT)
        excess = broad - along.clamp(0.0, LONGEST) * model
        brightness = (excess * self.luminance).sum(1, keepdim=True)
        return own - excess + (1 - BRIGHTNESS) * brightness

    def broad(self, changes: Tensor, guide: Tensor) -> Tensor:
        """The part of ``changes`` that is a linear function of the guide's colours around every pixel.

        Args:
            changes: Batch × channels × size × size.
            guide: Batch × 3 × size × size, 0…1 or a little beyond.
        """
        channels, half = changes.shape[1], guide.shape[-1] // 2
        colours = functional.avg_pool2d(guide, 2)
        values = functional.avg_pool2d(changes, 2)
        squares = (colours[:, :, None] * colours[:, None]).flatten(1, 2)
        products = (values[:, :, None] * colours[:, None]).flatten(1, 2)
        means = self.blur @ torch.cat([colours, values, squares, products], 1) @ self.blur.T
        colour, value, square, product = torch.split(means, [3, channels, 9, 3 * channels], 1)
        variance = square.reshape(-1, 3, 3, half, half) - colour[:, :, None] * colour[:, None]
        covariance = product.reshape(-1, channels, 3, half, half) - value[:, :, None] * colour[:, None]
        slope = (covariance[:, :, :, None] * _inverse(variance, SMOOTHNESS)[:, None]).sum(2)
        offset = value - (slope * colour[:, None]).sum(2)
        found = self.enlarge @ (self.blur @ torch.cat([slope.flatten(1, 2), offset], 1) @ self.blur.T)
        found = found @ self.enlarge.T
        slope, offset = torch.split(found, [3 * channels, channels], 1)
        slope = slope.reshape(-1, channels, 3, 2 * half, 2 * half)
        broad: Tensor = (slope * guide[:, None]).sum(2) + offset
        return broad


def _inverse(matrices: Tensor, ridge: float) -> Tensor:
    """Of symmetric matrices in dimensions 1 and 2 (3 × 3), with ``ridge`` added to their diagonals."""
    a, d, f = (matrices[:, i, i] + ridge for i in range(3))
    b, c, e = matrices[:, 0, 1], matrices[:, 0, 2], matrices[:, 1, 2]
    first = torch.stack([d * f - e * e, c * e - b * f, b * e - c * d], 1)
    second = torch.stack([first[:, 1], a * f - c * c, b * c - a * e], 1)
    third = torch.stack([first[:, 2], second[:, 2], a * d - b * b], 1)
    determinant = a * first[:, 0] + b * first[:, 1] + c * first[:, 2]
    return torch.stack([first, second, third], 1) / determinant[:, None, None]
