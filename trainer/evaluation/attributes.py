"""How well attributes are read from pictures: q(z|x), then p(w|z)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from trainer.data.dataset import Dataset
from trainer.models.interface import JointModel
from trainer.numbers import in_chunks


@torch.no_grad()
def infer_attributes(
    model: JointModel, images: npt.NDArray[np.uint8], batch_size: int = 256
) -> npt.NDArray[np.float32]:
    """Attributes that the model reads from pictures, see `JointModel.read`.

    Args:
        model: In evaluation mode.
        images: N × height × width × channels.
        batch_size: Pictures at a time, fewer where memory does not suffice.

    Returns:
        N × attributes, about -1…1; N × classes, 0…1, for a label.
    """
    device = model.image_mean.device
    read = []

    def look(rows: slice) -> None:
        pixels = torch.from_numpy(np.array(images[rows])).to(device)
        read.append(model.read(model.standardise(pixels.permute(0, 3, 1, 2))).cpu().numpy())

    in_chunks(len(images), batch_size, look)
    return np.concatenate(read)


def attribute_accuracy(
    model: JointModel, data: Dataset, rows: npt.NDArray[np.int64], names: Sequence[str] | None = None
) -> dict[str, float]:
    """Mean accuracy and balanced accuracy on ``rows``: over the attributes (those of ``names``), or of the label.

    Empty where the model cannot read them from pictures.
    """
    if all(m.kind == "image" for m in model.modalities) or not model.can_complete(
        {"image"}, model.vector.name
    ):
        return {}
    predicted, truth = infer_attributes(model, data.images[rows]), data.attributes[rows]
    if data.kind == "label":
        classes = truth.argmax(1)
        right = predicted.argmax(1) == classes
        recalls = [right[classes == number].mean() for number in np.unique(classes)]
        return {"accuracy": float(right.mean()), "balanced_accuracy": float(np.mean(recalls))}
    columns = [data.names.index(name) for name in names or data.names]
    per_attribute = accuracy_table(predicted[:, columns], truth[:, columns])
    return {
        "accuracy": float(per_attribute[:, 0].mean()),
        "balanced_accuracy": float(per_attribute[:, 1].mean()),
    }


def accuracy_table(
    predicted: npt.NDArray[np.floating], truth: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Attributes × (accuracy, balanced accuracy); balanced is the mean of both classes' recalls.

    A class without an example counts as recalled by chance (0.5).
    """
    right = (predicted > 0) == (truth > 0)
    table = np.empty((truth.shape[1], 2))
    for column in range(truth.shape[1]):
        present = truth[:, column] > 0
        hits = right[:, column]
        recalls = [hits[mask].mean() if mask.any() else 0.5 for mask in (present, ~present)]
        table[column] = hits.mean(), np.mean(recalls)
    return table


def calibration_errors(
    predicted: npt.NDArray[np.floating], truth: npt.NDArray[np.integer], bins: int = 10
) -> npt.NDArray[np.float64]:
    """How far the probability (1 + w) / 2 of an attribute lies from how often it is there.

    The expected calibration error (Naeini et al. 2015): the mean over the pictures of the difference, in their bin
    of probabilities, between the mean probability and the share that has the attribute.

    Args:
        predicted: N × attributes, w in -1…1; what lies beyond counts as certain.
        truth: N × attributes, above 0 where present.
        bins: Of equal width.

    Returns:
        One number for each attribute, 0…1.
    """
    probability, present = np.clip((1 + predicted) / 2, 0, 1), truth > 0
    place = np.minimum((probability * bins).astype(int), bins - 1)
    errors = np.zeros(truth.shape[1])
    for number in range(bins):
        inside = place == number
        gap = np.where(inside, probability - present, 0).sum(0)
        errors += np.abs(gap) / len(truth)
    return errors
