"""Parzen windows: a Gaussian on every generated sample, for systems without a bound (GANs).

Pandey and Dukkipati 2016, section 4.4: samples are generated from each datum's own attributes, and the width of
the window is chosen on the validation partition. In many dimensions these numbers say more about the width
than about the model; they serve comparisons under equal conditions only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.data.dataset import Dataset
from trainer.errors import ConfigError
from trainer.evaluation.likelihood import codes_at_once, make_generator
from trainer.evaluation.likelihood_table import observations
from trainer.models.interface import JointModel

SIGMAS = tuple(float(sigma) for sigma in np.geomspace(0.02, 1.0, 18))
"""Widths tried, on pixels in 0…1."""


def parzen_log_density(values: Tensor, samples: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Log 1/n Σ N(value; sample_i, σ² I).

    Args:
        values: Batch × d.
        samples: Batch × n × d, each datum's own; or n × d, the same for all.
        sigmas: Widths σ of the windows.

    Returns:
        Sigmas × batch, in nats.
    """
    return _log_density(squared_distances(values, samples), values.shape[1], sigmas)


def squared_distances(values: Tensor, samples: Tensor) -> Tensor:
    """Of every value to its samples, batch × n, in float64; arguments as in `parzen_log_density`."""
    own = samples if samples.dim() == 3 else samples.expand(len(values), *samples.shape)
    return (values[:, None] - own).square().sum(-1, dtype=torch.float64)


def _log_density(squared: Tensor, dimensions: int, sigmas: Sequence[float]) -> Tensor:
    variance = torch.tensor(sigmas, dtype=torch.float64, device=squared.device)[:, None, None] ** 2
    kernels = -0.5 * squared / variance  # sigmas × batch × n
    norm = 0.5 * dimensions * (2 * math.pi * variance[:, :, 0]).log() + math.log(squared.shape[1])
    return kernels.logsumexp(-1) - norm


@torch.no_grad()
def parzen_table(
    model: JointModel,
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    validation: npt.NDArray[np.int64],
    samples: int,
    seed: int,
    given: str = "attributes",
    sigmas: Sequence[float] = SIGMAS,
) -> dict[str, Any]:
    """Parzen estimate of log p(image | given) on ``rows``, with σ chosen on ``validation``.

    Args:
        model: In evaluation mode, able to complete the image.
        dataset: With the model's modalities.
        rows: Which data.
        validation: Data that choose σ.
        samples: Generated pictures per datum: means of p(x|z) with z ~ q(z | given).
        seed: Of the noise.
        given: The modality that the pictures are generated from.
        sigmas: Widths to choose among.

    Returns:
        For JSON: ``value`` and ``standard_error`` in nats per datum, on pixels in 0…1 summed over channels, ``data``,
        how many they are of, and ``sigma``.

    Raises:
        CapabilityError: The model cannot generate images from ``given``.
        ConfigError: There are no data, or no samples are asked for.
    """
    if samples < 1 or not len(rows) or not len(validation):
        raise ConfigError(
            "Parzen windows need one sample or more, and pictures to evaluate and to validate on."
        )
    dimensions = math.prod(model.modality("image").shape)
    tried = _densities(model, dataset, validation, samples, make_generator(model, seed, 1), given, sigmas)
    best = int(tried.mean(1).argmax())
    values = _densities(model, dataset, rows, samples, make_generator(model, seed, 2), given, [sigmas[best]])[
        0
    ]
    return {
        "quantity": f"log p(image | {given})",
        "estimator": "Parzen windows",
        "channel_reduction": "sum",
        "unit": "nats per datum, pixels in 0…1",
        "data": len(rows),
        "dimensions": dimensions,
        "samples": samples,
        "sigma": sigmas[best],
        "sigma_at_the_edge": best in (0, len(sigmas) - 1),
        "value": float(values.mean()),
        "standard_error": float(values.std() / math.sqrt(len(values))) if len(values) > 1 else None,
    }


def _densities(
    model: JointModel,
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    samples: int,
    generator: torch.Generator,
    given: str,
    sigmas: Sequence[float],
) -> Tensor:
    """Log densities, sigmas × data, generated and compared in chunks."""
    found = []
    at_once = codes_at_once(model)
    data_at_once = max(1, at_once // samples)
    for first in range(0, len(rows), data_at_once):
        data = observations(model, dataset, rows[first : first + data_at_once])
        pixels = model.unstandardise(data["image"]).flatten(1) / 255
        distances = [
            squared_distances(
                pixels, _generate(model, given, data[given], min(at_once, samples - done), generator)
            )
            for done in range(0, samples, at_once)
        ]
        found.append(_log_density(torch.cat(distances, 1), pixels.shape[1], sigmas))
    return torch.cat(found, 1)


def _generate(model: JointModel, given: str, value: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Pictures from ``value`` with their pixels in 0…1, batch × n × d."""
    repeated = value.repeat_interleave(n, 0)
    noise = torch.randn(len(repeated), model.latent, generator=generator, device=value.device)
    image = model.complete({given: repeated}, "image", noise).mean
    return (model.unstandardise(image) / 255).reshape(len(value), n, -1)
