"""The nets of the studio's own face model: residual blocks, smooth upsampling, an editor and its critic.

Smaller than the papers' nets (one image trunk serves every encoder, no 4096-wide layer but one) and better at
reading faces; what each choice gains is in ``docs/results/face-model.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.models.distributions import Gaussian

TRUNK_WIDTHS = (48, 96, 192, 256)
"""Channels of the trunk at 32, 16, 8 and 4 pixels of a 64-pixel face."""
EDITOR_WIDTHS = (128, 96, 48, 24)
"""Channels of the editor at 8, 16, 32 and 64 pixels."""


class ResidualBlock(nn.Module):
    """x + conv(relu(norm(conv(relu(norm x))))), with 3×3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Of the shape of ``maps``."""
        sum_: Tensor = maps + self.body(maps)
        return sum_


class Trunk(nn.Module):
    """What all encoders and the editor see of a picture: maps at 32, 16, 8 and 4 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for width in TRUNK_WIDTHS[:-1]:
            stages.append(
                nn.Sequential(
                    nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                    ResidualBlock(width),
                )
            )
            channels = width
        stages.append(nn.Conv2d(channels, TRUNK_WIDTHS[-1], 4, stride=2, padding=1))
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Batch × `TRUNK_WIDTHS` maps of a standardised picture, from fine to coarse."""
        maps = []
        for stage in self.stages:
            image = stage(image)
            maps.append(image)
        return maps


class CodeHead(nn.Module):
    """Features to a Gaussian over z: normalised, D512R, then mean and softplus variance."""

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, 512, bias=False),
            nn.BatchNorm1d(512),
            nn.ReLU(),
        )
        self.mean = nn.Linear(512, latent)
        self.variance = nn.Linear(512, latent)

    def forward(self, features: Tensor) -> Gaussian:
        """q(z | features), batch × latent, in float32 whatever the precision inside."""
        hidden = self.hidden(features)
        variance = functional.softplus(self.variance(hidden).float()) + 1e-6
        return Gaussian(self.mean(hidden).float(), variance)


class StudioImageDecoder(nn.Module):
    """D4096, 256×4×4, then four times a convolution and bilinear upsampling; linear output."""

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.dense = nn.Linear(latent, 4096)
        layers: list[nn.Module] = []
        width = 256
        for outputs in (192, 128, 64, 48):
            layers += [
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, outputs, 3, padding=1, bias=False),
                nn.Upsample(scale_factor=2, mode="bilinear"),
            ]
            if outputs == 192:
                layers.append(ResidualBlock(outputs))
            width = outputs
        layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1)]
        self.convolutions = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Mean of p(x|z), standardised, float32; batch × channels × 64 × 64."""
        maps = self.dense(z).unflatten(1, (256, 4, 4)).contiguous(memory_format=torch.channels_last)
        image: Tensor = self.convolutions(maps)
        return image.float()


class _EditorBlock(nn.Module):
    """Upsample, join the picture's own maps, convolve, and let the move of the code scale and shift the result."""

    def __init__(self, inputs: int, skip: int, outputs: int, style: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs + skip, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs, affine=False)
        self.style = nn.Linear(style, 2 * outputs)

    def forward(self, maps: Tensor, skip: Tensor, style: Tensor) -> Tensor:
        joined = torch.cat([functional.interpolate(maps, scale_factor=2, mode="nearest"), skip], 1)
        gain, offset = self.style(style)[:, :, None, None].chunk(2, 1)
        moved: Tensor = self.norm(self.convolution(joined)) * (1 + gain) + offset
        active: Tensor = functional.leaky_relu(moved, 0.2)
        return active


class Editor(nn.Module):
    """The decoder's path for a photograph: from the picture's maps and a move of its code to a change of pixels.

    It sees the picture itself, so that it can take *these* glasses away, which D(z') - D(z) cannot.
    """

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        style = 256
        self.style = nn.Sequential(
            nn.Linear(latent, style), nn.LeakyReLU(0.2), nn.Linear(style, style), nn.LeakyReLU(0.2)
        )
        self.pixels = nn.Conv2d(channels, 16, 3, padding=1)
        blocks, width = [], TRUNK_WIDTHS[-1]
        for outputs, skip in zip(EDITOR_WIDTHS, (*TRUNK_WIDTHS[-2::-1], 16), strict=True):
            blocks.append(_EditorBlock(width, skip, outputs, style))
            width = outputs
        self.blocks = nn.ModuleList(blocks)
        self.out = nn.Conv2d(width, channels + 1, 3, padding=1)

    def forward(self, skips: Sequence[Tensor], move: Tensor) -> Tensor:
        """The change of the standardised picture.

        Args:
            skips: What `see` gave for the picture.
            move: z' - z, batch × latent.

        Returns:
            Batch × channels × height × width, float32: colours times a mask, both the net's own.
        """
        style = self.style(move)
        maps = skips[0]
        for block, skip in zip(self.blocks, skips[1:], strict=True):
            maps = block(maps, skip, style)
        out = self.out(maps).float()
        change: Tensor = torch.sigmoid(out[:, -1:]) * out[:, :-1]
        return change

    def see(self, image: Tensor, trunk_maps: Sequence[Tensor]) -> list[Tensor]:
        """The picture's own maps, from coarse to fine: they do not depend on the move."""
        return [*reversed(trunk_maps), functional.leaky_relu(self.pixels(image), 0.2)]


class PatchCritic(nn.Module):
    """Tells photographs from edited ones, patch by patch (Isola et al. 2017): 8 × 8 of 38 pixels, overlapping."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = channels
        for outputs in (48, 96, 192):
            layers += [nn.Conv2d(width, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            width = outputs
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 1)]
        self.body = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of being a photograph's, batch × 64 patches of a 64-pixel face, float32."""
        logits: Tensor = self.body(image).flatten(1).float()
        return logits


class Critic(nn.Module):
    """Tells photographs from edited ones and reads attributes, by two heads at different depths."""

    def __init__(self, channels: int, attributes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = channels
        for outputs in (48, 96, 192, 256):
            layers += [nn.Conv2d(width, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            if outputs == 96:
                layers += [nn.Conv2d(outputs, outputs, 3, padding=1), nn.LeakyReLU(0.2)]
            width = outputs
        self.body = nn.Sequential(*layers)
        self.deep = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(4096, 512), nn.LeakyReLU(0.2))
        self.real = nn.Linear(512, 1)
        self.read_deep = nn.Linear(512, attributes)
        self.read_flat = nn.Sequential(nn.Dropout(0.3), nn.Linear(256, attributes))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Logit of being a photograph (batch) and of the attributes (2 heads × batch × attributes), float32."""
        maps = self.body(image)
        deep = self.deep(maps)
        logits = torch.stack([self.read_deep(deep), self.read_flat(maps.mean((2, 3)))])
        return self.real(deep)[:, 0].float(), logits.float()
