"""The papers' nets for 64×64 faces and attributes (Suzuki et al. 2018, appendix).

Notation of the papers: Ck is a 4×4 convolution with stride 2 and k channels, DCk its transpose, Dk a dense
layer, B batch normalisation, R a rectifier, F flattening.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.models.distributions import Gaussian


def _batch_norm(channels: int, spatial: bool) -> nn.Module:
    return (nn.BatchNorm2d if spatial else nn.BatchNorm1d)(channels, eps=1e-4, momentum=0.1)


def _convolution(inputs: int, outputs: int, norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not norm)]
    if norm:
        layers.append(_batch_norm(outputs, spatial=True))
    return [*layers, nn.ReLU(inplace=True)]


def _deconvolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        _batch_norm(outputs, spatial=True),
        nn.ReLU(inplace=True),
    ]


def _dense(inputs: int, outputs: int, norm: bool = False) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Linear(inputs, outputs, bias=not norm)]
    if norm:
        layers.append(_batch_norm(outputs, spatial=False))
    return [*layers, nn.ReLU(inplace=True)]


def initialise(module: nn.Module) -> None:
    """Glorot-uniform weights and zero biases, as the papers' code; PyTorch's defaults differ."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class ImageHead(nn.Sequential):
    """C64R-C128BR-C256BR-C256BR-F: batch × 3 × 64 × 64 → batch × 4096."""

    width = 4096

    def __init__(self, channels: int) -> None:
        super().__init__(
            *_convolution(channels, 64, norm=False),
            *_convolution(64, 128, norm=True),
            *_convolution(128, 256, norm=True),
            *_convolution(256, 256, norm=True),
            nn.Flatten(),
        )


class AttributeHead(nn.Sequential):
    """D512R-D512BR: batch × n → batch × 512."""

    width = 512

    def __init__(self, entries: int) -> None:
        super().__init__(*_dense(entries, 512), *_dense(512, 512, norm=True))


class GaussianEncoder(nn.Module):
    """Heads of one or more modalities, joined, D1024R, then mean and softplus variance of z."""

    def __init__(self, heads: dict[str, nn.Module], widths: int, latent: int) -> None:
        super().__init__()
        self.heads = nn.ModuleDict(heads)
        self.trunk = nn.Sequential(*_dense(widths, 1024))
        self.mean = nn.Linear(1024, latent)
        self.variance = nn.Linear(1024, latent)

    def forward(self, given: dict[str, Tensor]) -> Gaussian:
        """q(z | given), batch × latent, in float32 whatever the precision inside."""
        features = torch.cat([head(given[name]) for name, head in self.heads.items()], dim=1)
        hidden = self.trunk(features)
        variance = functional.softplus(self.variance(hidden).float()) + 1e-6
        return Gaussian(self.mean(hidden).float(), variance)


class ImageDecoder(nn.Module):
    """D4096R, 256×4×4, DC256BR-DC128BR-DC64BR-DC3: batch × latent → batch × 3 × 64 × 64, linear."""

    def __init__(self, channels: int, latent: int) -> None:
        super().__init__()
        self.dense = nn.Sequential(*_dense(latent, 4096))
        self.convolutions = nn.Sequential(
            *_deconvolution(256, 256),
            *_deconvolution(256, 128),
            *_deconvolution(128, 64),
            nn.ConvTranspose2d(64, channels, 4, stride=2, padding=1),
        )

    def forward(self, z: Tensor) -> Tensor:
        """Mean of p(x|z), standardised, float32."""
        maps = self.dense(z).unflatten(1, (256, 4, 4))  # batch × 256 × 4 × 4
        image: Tensor = self.convolutions(maps)
        return image.float()


class AttributeDecoder(nn.Sequential):
    """D512R-D4096R, then tanh: batch × latent → batch × n in -1…1."""

    def __init__(self, entries: int, latent: int) -> None:
        super().__init__(*_dense(latent, 512), *_dense(512, 4096), nn.Linear(4096, entries), nn.Tanh())


class Discriminator(nn.Module):
    """C64-C128-C256-C256-F-D1024-D1 with leaky rectifiers and no batch norm, as the papers' code."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in ((channels, 64), (64, 128), (128, 256), (256, 256)):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Sequential(nn.Linear(4096, 1024), nn.LeakyReLU(0.2, inplace=True), nn.Linear(1024, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Logit of "real", batch × 1, float32."""
        logit: Tensor = self.head(self.features(image))
        return logit.float()
