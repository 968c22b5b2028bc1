"""What a folder of data holds, found by its lists alone: no picture is opened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trainer.errors import DataError

FEW = 1000
"""With fewer training pictures a model learns them by heart rather than what they have in common."""

FEW_OF_OWN = 80
"""The same of a run that learns attributes alone, and keeps the picture parts of a model that is there."""

TITLES = {
    "celeba": "CelebA",
    "lfw": "Labeled Faces in the Wild",
    "mnist": "MNIST",
    "folder": "A folder of pictures",
}
"""Layout → its name for people."""


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        layout: As ``TrainConfig.dataset`` names it.
        pictures: All that are listed and, where that is quick to see, exist.
        attributes: How many each has; of MNIST the classes.
        training: Those of the training partition.
        left_out: Rows and pictures that do not fit.
        names: Of the attributes or classes.
        validation: Pictures of the validation partition.
    """

    layout: str
    pictures: int
    attributes: int
    training: int
    left_out: int = 0
    names: tuple[str, ...] = ()
    validation: int = 0

    def text(self) -> str:
        """One sentence for people."""
        what = "classes" if self.layout == "mnist" else "attributes"
        left_out = f"; {self.left_out:,} do not fit and are left out" if self.left_out else ""
        return (
            f"{TITLES[self.layout]}: {self.pictures:,} pictures with {self.attributes} {what}, "
            f"{self.training:,} of them for training{left_out}."
        )

    def warning(self, batch_size: int, learns_all: bool = True) -> str:
        """What speaks against training on so few; empty if nothing does."""
        few = FEW if learns_all else FEW_OF_OWN
        if self.training < batch_size:
            return f"There are fewer training pictures ({self.training:,}) than one batch takes ({batch_size:,})."
        if self.training < few:
            return (
                f"{self.training:,} training pictures are few: the model will know them by heart and little else. "
                f"From about {few:,} on it begins to be of use."
            )
        return ""


def survey(folder: Path) -> Survey:
    """Recognise the layout of ``folder`` and count; up to a second for the largest sets.

    Raises:
        DataError: It is no data set of a layout the trainer knows, or its lists make no sense.
    """
    from trainer.data.folder import list_rows as list_folder
    from trainer.data.folder import split_by_name
    from trainer.data.lfw import list_rows as list_lfw
    from trainer.data.lfw import split_in_order
    from trainer.data.loading import recognise

    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    layout = recognise(folder)
    if layout == "celeba":
        return _survey_celeba(folder)
    if layout in ("lfw", "folder"):
        listing = list_lfw(folder) if layout == "lfw" else list_folder(folder)
        count = len(listing.rows)
        if count == 0:
            raise DataError(f"No row of {listing.table} names a picture that is there.")
        partition = (
            split_in_order(count) if layout == "lfw" else split_by_name([r.name for r in listing.rows])
        )
        training = int((partition == 0).sum())
        return Survey(
            layout, count, len(listing.names), training, len(listing.problems), tuple(listing.names)
        )
    if any((folder / name).is_file() for name in ("train-labels-idx1-ubyte", "train-labels-idx1-ubyte.gz")):
        return _survey_mnist(folder)
    raise DataError(
        f"{folder} is no data set that can be trained on: it needs an attributes.csv beside its pictures, "
        "or the files of CelebA, LFW or MNIST."
    )


def _survey_celeba(folder: Path) -> Survey:
    from trainer.data.celeba import ATTRIBUTES_FILE, PARTITION_FILE, PICTURES, read_partition

    if not (folder / PICTURES).is_dir() and not (folder / f"{PICTURES}.zip").is_file():
        raise DataError(f"Neither {PICTURES}.zip nor {PICTURES}/ is in {folder}: the pictures are missing.")
    try:
        with (folder / ATTRIBUTES_FILE).open(encoding="utf-8") as file:
            _, names = (line.split() for line in islice(file, 2))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / ATTRIBUTES_FILE} cannot be read, or is cut short: {error}.") from error
    partition = read_partition(folder / PARTITION_FILE)
    counts = Counter(partition.values())
    return Survey("celeba", len(partition), len(names), counts[0], 0, tuple(names), counts[1])


def _survey_mnist(folder: Path) -> Survey:
    from trainer.data.mnist import CLASSES, VALIDATION_SHARE, read_idx

    train, test = (len(read_idx(folder / f"{name}-labels-idx1-ubyte", 1)) for name in ("train", "t10k"))
    validation = train // VALIDATION_SHARE
    return Survey("mnist", train + test, len(CLASSES), train - validation, 0, CLASSES, validation)
