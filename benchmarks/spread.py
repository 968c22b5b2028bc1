"""What log p(x|z) of generated faces is made of: ``python -m benchmarks.spread MODEL… --data CELEBA``.

The expected log-likelihood of the 2018 paper (Eq. 5) is, at unit variance, a constant less half the squared distance
of the picture from the mean of all faces that a system generates from its attributes, less half the variance of these
faces. So of two systems whose faces are right in the mean the one that varies them less has the better figure.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainer.checkpoint import load_model
from trainer.data.celeba import default_cache, load_celeba
from trainer.data.dataset import Dataset, spaced
from trainer.evaluation.likelihood import generating_code
from trainer.models.interface import JointModel

SAMPLES = 10


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "models", type=Path, nargs="+", metavar="MODEL", help="Made from attributes at once: no jmvae."
    )
    parser.add_argument("--data", type=Path, required=True, help="CelebA's folder")
    parser.add_argument("--rows", type=int, default=150, help="test pictures")
    options = parser.parse_args()
    print("| system | expected log-likelihood | distance of the mean face | variance of the faces |")
    print("|---|---|---|---|")
    for path in options.models:
        model, header = load_model(path)
        data = load_celeba(options.data, header.image_size, default_cache())
        with torch.inference_mode():
            total, distance, variance = decompose(model, data, options.rows)
        print(f"| {header.system} | {total:.0f} | {-distance:.0f} | {-variance:.0f} |", flush=True)


def decompose(model: JointModel, data: Dataset, count: int) -> tuple[float, float, float]:
    """The expected log-likelihood, and the two parts of it, in nats per picture (mean over the channels)."""
    rows = spaced(data.indices("test"), count)
    image = model.standardise(torch.from_numpy(np.ascontiguousarray(data.images[rows])).permute(0, 3, 1, 2))
    given = {"attributes": torch.from_numpy(data.attributes[rows].astype(np.float32))}
    generator = torch.Generator().manual_seed(0)
    faces = torch.stack(
        [
            model.decode_given("image", generating_code(model, given, 0, generator), given).mean
            for _ in range(SAMPLES)
        ]
    )
    variance = _nats((faces - faces.mean(0)).square()) * SAMPLES / (SAMPLES - 1)
    distance = (
        _nats((image - faces.mean(0)).square()) - variance / SAMPLES
    )  # of so few the mean itself varies
    pixels = image.shape[2] * image.shape[3]
    return -0.5 * math.log(2 * math.pi) * pixels - distance - variance, distance, variance


def _nats(squares: Tensor) -> float:
    """Half the sum over height and width of the mean over channels and all else."""
    return float(squares.mean()) * squares.shape[-1] * squares.shape[-2] / 2


if __name__ == "__main__":
    main()
