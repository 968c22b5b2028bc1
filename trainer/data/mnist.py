"""MNIST as it is distributed: four IDX files, gzipped or not."""

from __future__ import annotations

import gzip
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.data.dataset import Dataset
from trainer.errors import DataError

CLASSES = tuple("0123456789")
VALIDATION_SHARE = 6
"""The last sixth of the training files is for validation: the papers' 50,000/10,000."""
BINARISATION_SEED = 2016
"""Validation and test pictures are binarised once, with this seed."""

LABELS_FILE = "train-labels-idx1-ubyte"
"""Of the training pictures; like the other files it may be zipped, with ``.gz`` behind the name."""
_FILES = {
    "train": ("train-images-idx3-ubyte", LABELS_FILE),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of bytes; ``path`` may also carry ``.gz``.

    Raises:
        DataError: The file is missing, damaged, or of another kind.
    """
    zipped = path.with_name(path.name + ".gz")
    chosen = path if path.is_file() else zipped
    try:
        data = chosen.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except FileNotFoundError as error:
        raise DataError(
            f"Neither {path.name} nor {zipped.name} is in {path.parent}. Is this MNIST's folder?"
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{chosen} cannot be read: {error}. Copy or download it again.") from error
    start = 4 + 4 * dimensions
    if len(data) < start or data[:4] != bytes((0, 0, 8, dimensions)):
        raise DataError(f"{chosen} is no IDX file of bytes with {dimensions} dimensions.")
    shape = struct.unpack_from(f">{dimensions}I", data, 4)
    if len(data) - start != prod(shape):
        raise DataError(
            f"{chosen} announces {prod(shape)} bytes and holds {len(data) - start}: it is cut short or too long."
        )
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def load_mnist(folder: Path) -> Dataset:
    """Open MNIST in ``folder``.

    Training pictures keep their greys; those of validation and test are binarised once, by their brightness.

    Args:
        folder: Holds the four IDX files, gzipped or not.

    Returns:
        Pictures N × height × width × 1 and one-hot labels N × 10.

    Raises:
        DataError: A file is missing, damaged or does not fit the others.
    """
    parts = []
    for images_name, labels_name in _FILES.values():
        images, labels = read_idx(folder / images_name, 3), read_idx(folder / labels_name, 1)
        if len(images) != len(labels):
            raise DataError(
                f"{images_name} holds {len(images)} pictures, {labels_name} {len(labels)} labels."
            )
        if labels.size and labels.max() >= len(CLASSES):
            raise DataError(f"{folder / labels_name} holds the label {labels.max()}; digits go from 0 to 9.")
        parts.append((images, labels))
    (train, _), (test, _) = parts
    if train.shape[1:] != test.shape[1:]:
        raise DataError(f"The training and test pictures in {folder} differ in size.")
    images = np.concatenate([train, test])[..., None]
    partition = np.zeros(len(images), np.uint8)
    partition[len(train) - len(train) // VALIDATION_SHARE :] = 1
    partition[len(train) :] = 2
    held_out = partition > 0
    generator = np.random.default_rng(BINARISATION_SEED)
    images[held_out] = binarise(images[held_out], generator)
    labels = np.concatenate([labels for _, labels in parts])
    return Dataset(images, np.eye(len(CLASSES), dtype=np.int8)[labels], CLASSES, partition, "label")


def binarise(images: npt.NDArray[np.uint8], generator: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Every pixel 255 with its brightness as the probability, else 0; black and white stay as they are."""
    thresholds = generator.random(images.shape, np.float32)
    thresholds *= 255
    return np.multiply(thresholds < images, 255, dtype=np.uint8)
