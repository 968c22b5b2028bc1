"""The one way from a data set's name and folder to a `Dataset`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer.config import TrainConfig
from trainer.data.celeba import ATTRIBUTES_FILE, load_celeba
from trainer.data.dataset import Dataset, Progress
from trainer.data.folder import TABLES, load_folder
from trainer.data.lfw import SCORES_FILE, load_lfw
from trainer.data.mnist import LABELS_FILE, load_mnist
from trainer.errors import ConfigError


@dataclass(frozen=True)
class Layout:
    """How a data set is laid out, and what its pictures are.

    Attributes:
        signs: Files by any of which a folder is known.
        kind: Of its vectors, as `Dataset.kind`.
        crop: Where models that were trained on it look in a photograph, as `CropSpec.kind`.
        channels: Of its pictures.
    """

    signs: tuple[str, ...]
    kind: Literal["attributes", "label"] = "attributes"
    crop: Literal["face", "whole"] = "face"
    channels: int = 3


LAYOUTS = {
    "celeba": Layout((ATTRIBUTES_FILE,)),
    "lfw": Layout((SCORES_FILE,)),
    "folder": Layout(tuple(TABLES)),
    "mnist": Layout((LABELS_FILE, f"{LABELS_FILE}.gz"), "label", "whole", 1),
}
"""By the name that ``TrainConfig.dataset`` has for it."""


def recognise(folder: Path) -> str | None:
    """The layout of ``folder`` by its lists; None if it has none of them."""
    for name, layout in LAYOUTS.items():
        if any((folder / sign).is_file() for sign in layout.signs):
            return name
    return None


def tell_on_stderr(text: str) -> None:
    """For people who watch the command; standard output is kept for events and results."""
    sys.stderr.write(text + "\n")


def open_dataset(
    layout: str,
    folder: Path,
    size: int = 64,
    cache: Path | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], None] = tell_on_stderr,
) -> Dataset:
    """Open the data set in ``folder``.

    Args:
        layout: How the folder is laid out: ``celeba``, ``mnist``, ``lfw`` or ``folder`` (pictures and a table).
        folder: As the data set is distributed.
        size: Side of the pictures in pixels, where they are cropped; MNIST's are as they are.
        cache: Folder of decoded pictures; the user's cache folder by default.
        progress: Told of pictures decoded.
        tell: Told what was left out of the data, if anything was.

    Raises:
        ConfigError: The layout is unknown.
        DataError: Something is missing, unreadable or inconsistent.
    """
    if layout == "celeba":
        return load_celeba(folder, size, cache, progress)
    if layout == "mnist":
        return load_mnist(folder)
    if layout in ("lfw", "folder"):
        load = load_lfw if layout == "lfw" else load_folder
        dataset, report = load(folder, size, cache, progress)
        if report.problems or report.notes:
            tell(report.text())
        return dataset
    raise ConfigError(f"No data set is called “{layout}”.")


def load_dataset(config: TrainConfig, progress: Progress | None = None) -> Dataset:
    """Open the data set of a run; see `open_dataset`."""
    return open_dataset(config.dataset, config.data, config.image_size, config.cache, progress)
