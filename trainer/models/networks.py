"""The papers' nets: convolutional for 64×64 faces, dense for MNIST (Suzuki et al. 2018, appendix).

Notation of the papers: Ck is a 4×4 convolution with stride 2 and k channels, DCk its transpose, Dk a dense
layer, B batch normalisation, R a rectifier, F flattening.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.errors import ConfigError
from trainer.models.distributions import Bernoulli, Categorical, Distribution, Gaussian
from trainer.models.interface import Modality
from trainer.models.linear import Linear

LOG_VARIANCE_RANGE = (-10.0, 10.0)
"""A learned log-variance is kept inside, so that one sure pixel cannot take over the likelihood."""


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
    layers: list[nn.Module] = [Linear(inputs, outputs, bias=not norm)]
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


class DenseHead(nn.Sequential):
    """D512R-D512R: batch × event → batch × 512."""

    def __init__(self, entries: int, width: int = 512) -> None:
        super().__init__(nn.Flatten(), *_dense(entries, width), *_dense(width, width))
        self.width = width


class GaussianEncoder(nn.Module):
    """Heads of one or more modalities, joined, D1024R (faces only), then mean and softplus variance of z.

    Args:
        heads: By modality; each has a ``width``.
        latent: Dimensions of z.
        hidden: Units of the layer after joining; none if empty.
    """

    def __init__(self, heads: Mapping[str, nn.Module], latent: int, hidden: int | None = 1024) -> None:
        super().__init__()
        self.heads = nn.ModuleDict(heads)
        width = _width(heads)
        self.trunk = nn.Sequential(*([] if hidden is None else _dense(width, hidden)))
        self.mean = Linear(hidden or width, latent)
        self.variance = Linear(hidden or width, latent)

    def forward(self, given: Mapping[str, Tensor]) -> Gaussian:
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
        """Mean of p(x|z), standardised (and what makes its variance, if learned), float32."""
        maps = self.dense(z).unflatten(1, (256, 4, 4))  # batch × 256 × 4 × 4
        image: Tensor = self.convolutions(maps)
        return image.float()


class AttributeDecoder(nn.Sequential):
    """D512R-D4096R: batch × latent → batch × n."""

    def __init__(self, entries: int, latent: int) -> None:
        super().__init__(*_dense(latent, 512), *_dense(512, 4096), Linear(4096, entries))


class DenseDecoder(nn.Sequential):
    """D512R-D512R, then the output: batch × latent → batch × shape; with ``norm``, D512BR-D512BR."""

    def __init__(self, shape: tuple[int, ...], latent: int, width: int = 512, norm: bool = False) -> None:
        layers = [*_dense(latent, width, norm), *_dense(width, width, norm), Linear(width, prod(shape))]
        super().__init__(*layers, nn.Unflatten(1, shape))


class ConditionalDecoder(nn.Module):
    """A decoder of z and of conditions, which pass through heads of their own and are joined to z."""

    def __init__(self, heads: Mapping[str, nn.Module], decoder: nn.Module) -> None:
        super().__init__()
        self.heads = nn.ModuleDict(heads)
        self.decoder = decoder

    def forward(self, z: Tensor, given: Mapping[str, Tensor]) -> Tensor:
        """The decoder's output for codes ``z``, batch × latent, and the conditions."""
        features = [head(given[name]) for name, head in self.heads.items()]
        output: Tensor = self.decoder(torch.cat([z, *features], dim=1))
        return output


@dataclass(frozen=True)
class Nets:
    """Which nets a system is built of, and how they observe.

    Attributes:
        nets: ``conv``, the papers' for 64×64 faces, or ``dense``, the papers' for MNIST.
        hidden: Units of a layer of the dense nets.
        variance: Of standardised pixels and attributes: ``fixed`` at one, or learned: ``softplus`` or, as C has
            it, ``log-variance``.
    """

    nets: Literal["conv", "dense"] = "conv"
    hidden: int = 512
    variance: Literal["fixed", "softplus", "log-variance"] = "fixed"

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Nets:
        """From the settings of a run or the header of a checkpoint; older headers have none of these."""
        return cls(**{name: config[name] for name in asdict(cls()) if name in config})

    def to_json(self) -> dict[str, Any]:
        """For a checkpoint's header."""
        return asdict(self)

    def head(self, modality: Modality) -> nn.Module:
        """Features of one modality; the module has a ``width``.

        Raises:
            ConfigError: The convolutional nets take 64×64 pixels only.
        """
        if self.nets == "dense":
            return DenseHead(prod(modality.shape), self.hidden)
        if modality.kind != "image":
            return AttributeHead(modality.shape[0])
        self._check(modality)
        return ImageHead(modality.shape[0])

    def encoder(self, modalities: Sequence[Modality], latent: int) -> GaussianEncoder:
        """q(z | modalities)."""
        heads = {modality.name: self.head(modality) for modality in modalities}
        return GaussianEncoder(heads, latent, None if self.nets == "dense" else 1024)

    def code_encoder(self, inputs: int, latent: int) -> GaussianEncoder:
        """From one layer of codes to the next: D512R-D512R, then mean and variance; its input is called ``z``."""
        return GaussianEncoder({"z": DenseHead(inputs, self.hidden)}, latent, None)

    def decoder(self, modality: Modality, latent: int, norm: bool = False) -> nn.Module:
        """What `observe` makes p(modality | z) of; ``norm`` gives dense nets batch norm, which the others have."""
        shape = modality.shape
        if self._learns(modality):
            shape = (2 * shape[0], *shape[1:])
        if self.nets == "dense":
            return DenseDecoder(shape, latent, self.hidden, norm)
        if modality.kind != "image":
            return AttributeDecoder(shape[0], latent)
        self._check(modality)
        return ImageDecoder(shape[0], latent)

    def conditional_decoder(
        self, modality: Modality, conditions: Sequence[Modality], latent: int, norm: bool = False
    ) -> ConditionalDecoder:
        """What `observe` makes p(modality | z, conditions) of; see `decoder` for ``norm``."""
        heads = {condition.name: self.head(condition) for condition in conditions}
        return ConditionalDecoder(heads, self.decoder(modality, latent + _width(heads), norm))

    def discriminator(self, image: Modality, conditions: Sequence[Modality] = ()) -> Discriminator:
        """Real or generated, given the conditions if there are any."""
        if self.nets == "conv":
            self._check(image)
        entries = sum(prod(condition.shape) for condition in conditions)
        return Discriminator(image.shape, entries, None if self.nets == "conv" else self.hidden)

    def observe(self, modality: Modality, output: Tensor) -> Distribution:
        """p(modality | z) from a decoder's output, in float32 whatever the precision inside."""
        output = output.float()
        if modality.kind == "label":
            return Categorical(output)
        if modality.scale == "unit":
            return Bernoulli(output)
        variance = torch.ones((), device=output.device)
        if self._learns(modality):
            output, raw = output.chunk(2, dim=1)
            if self.variance == "softplus":
                variance = functional.softplus(raw) + 1e-4
            else:
                variance = raw.clamp(*LOG_VARIANCE_RANGE).exp()
        return Gaussian(torch.tanh(output) if modality.kind == "attributes" else output, variance)

    def _learns(self, modality: Modality) -> bool:
        return self.variance != "fixed" and modality.kind != "label" and modality.scale != "unit"

    def _check(self, image: Modality) -> None:
        if image.shape[1:] != (64, 64):
            size = "×".join(str(side) for side in image.shape[1:])
            raise ConfigError(f"The convolutional nets take 64×64 pixels, not {size}; choose nets=dense.")


def _width(heads: Mapping[str, nn.Module]) -> int:
    widths: list[int] = [getattr(head, "width") for head in heads.values()]  # noqa: B009 – a module's own number
    return sum(widths)


class Discriminator(nn.Module):
    """C64-C128-C256-C256-F-D1024-D1 with leaky rectifiers and no batch norm, as the papers' code.

    Args:
        shape: Channels, height and width of the pictures.
        entries: Of the vector of conditions; 0 if there is none.
        hidden: Units of each of two dense layers in place of the convolutions; convolutions if empty.
    """

    def __init__(self, shape: tuple[int, ...], entries: int = 0, hidden: int | None = None) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        if hidden is None:
            for inputs, outputs in ((shape[0], 64), (64, 128), (128, 256), (256, 256)):
                layers += [
                    nn.Conv2d(inputs, outputs, 4, stride=2, padding=1),
                    nn.LeakyReLU(0.2, inplace=True),
                ]
            layers.append(nn.Flatten())
            width, last = 4096, 1024
        else:
            layers += [nn.Flatten(), nn.Linear(prod(shape), hidden), nn.LeakyReLU(0.2, inplace=True)]
            width = last = hidden
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(width + entries, last), nn.LeakyReLU(0.2, inplace=True), nn.Linear(last, 1)
        )

    def forward(self, image: Tensor, condition: Tensor | None = None) -> Tensor:
        """Logit of "real", batch × 1, float32."""
        features = self.features(image)
        if condition is not None:
            features = torch.cat([features, condition], dim=1)
        logit: Tensor = self.head(features)
        return logit.float()
