"""How good a model is after an epoch, on pictures that it does not learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch

from trainer.batches import Batches
from trainer.evaluation.attributes import attribute_accuracy
from trainer.models.interface import JointModel
from trainer.numbers import in_chunks

_AT_A_TIME = 256


def validate(
    model: JointModel, batches: Batches, rows: npt.NDArray[np.int64], names: Sequence[str]
) -> dict[str, float]:
    """Accuracies and terms of the bound, as the model stands.

    Args:
        model: In evaluation mode.
        batches: Of the run.
        rows: Of its data.
        names: Attributes that accuracy is told of.

    Returns:
        Name → mean over ``rows``.
    """
    metrics = attribute_accuracy(model, batches.data, rows, names)
    return metrics if model.adversarial else metrics | _terms(model, batches, rows)


def score(metrics: Mapping[str, float]) -> float:
    """How good an epoch is: balanced accuracy of the attributes; without them, minus the bound without KL weights.

    Of two epochs that are equally good (as the editor's are, which do not change what is read) the later one counts
    as the better one.
    """
    if "balanced_accuracy" in metrics:
        return metrics["balanced_accuracy"]
    return -sum(value for name, value in metrics.items() if name.startswith("nll_") or name == "kl_prior")


@torch.no_grad()
def _terms(model: JointModel, batches: Batches, rows: npt.NDArray[np.int64]) -> dict[str, float]:
    data, config = batches.data, batches.config
    generator = np.random.default_rng((config.seed, 0))
    sums: dict[str, float] = {}

    def measure(part: slice) -> None:
        chunk = rows[part]
        tensors = batches.to_device(model, data.images[chunk], data.attributes[chunk])
        noise = batches.noise(model, generator, len(chunk))
        for name, value in model.terms(tensors, noise, config.channel_reduction).items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(chunk) / len(rows)

    in_chunks(len(rows), _AT_A_TIME, measure)
    return sums
