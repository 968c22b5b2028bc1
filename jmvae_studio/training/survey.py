"""What a folder of data holds, found by its lists alone: no picture is opened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from jmvae_studio.language import mark, tr
from trainer.errors import DataError

FEW = 1000
"""With fewer training pictures a model learns them by heart rather than what they have in common."""

FEW_OF_OWN = 80
"""The same of a run that learns attributes alone, and keeps the picture parts of a model that is there."""

TITLES = {
    "celeba": mark("CelebA"),
    "lfw": mark("Labeled Faces in the Wild"),
    "mnist": mark("MNIST"),
    "folder": mark("A folder of pictures"),
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
        from trainer.data.loading import LAYOUTS

        values = {
            "data": tr(TITLES[self.layout]),
            "pictures": self.pictures,
            "number": self.attributes,
            "training": self.training,
        }
        told = (
            tr(
                "{data}: {pictures:,} pictures with {number} classes, {training:,} of them for training",
                **values,
            )
            if LAYOUTS[self.layout].kind == "label"
            else tr(
                "{data}: {pictures:,} pictures with {number} attributes, {training:,} of them for training",
                **values,
            )
        )
        if self.left_out:
            told = tr("{found}; {left_out:,} do not fit and are left out", found=told, left_out=self.left_out)
        return f"{told}."

    def warning(self, batch_size: int, learns_all: bool = True) -> str:
        """What speaks against training on so few; empty if nothing does."""
        few = FEW if learns_all else FEW_OF_OWN
        if self.training < batch_size:
            return tr(
                "There are fewer training pictures ({training:,}) than one batch takes ({batch_size:,}).",
                training=self.training,
                batch_size=batch_size,
            )
        if self.training < few:
            return tr(
                "{training:,} training pictures are few: the model will know them by heart and little else. "
                "From about {few:,} on it begins to be of use.",
                training=self.training,
                few=few,
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
        raise DataError(tr("There is no folder {folder}.", folder=folder))
    layout = recognise(folder)
    if layout == "celeba":
        return _survey_celeba(folder)
    if layout in ("lfw", "folder"):
        listing = list_lfw(folder) if layout == "lfw" else list_folder(folder)
        count = len(listing.rows)
        if count == 0:
            raise DataError(tr("No row of {table} names a picture that is there.", table=listing.table))
        partition = (
            split_in_order(count) if layout == "lfw" else split_by_name([r.name for r in listing.rows])
        )
        training = int((partition == 0).sum())
        return Survey(
            layout, count, len(listing.names), training, len(listing.problems), tuple(listing.names)
        )
    if layout == "mnist":
        return _survey_mnist(folder)
    raise DataError(
        tr(
            "{folder} is no data set that can be trained on: it needs an attributes.csv beside its pictures, "
            "or the files of CelebA, LFW or MNIST.",
            folder=folder,
        )
    )


def _survey_celeba(folder: Path) -> Survey:
    from trainer.data.celeba import ATTRIBUTES_FILE, PARTITION_FILE, PICTURES, read_partition

    if not (folder / PICTURES).is_dir() and not (folder / f"{PICTURES}.zip").is_file():
        raise DataError(
            tr(
                "Neither {pictures}.zip nor {pictures}/ is in {folder}: the pictures are missing.",
                pictures=PICTURES,
                folder=folder,
            )
        )
    try:
        with (folder / ATTRIBUTES_FILE).open(encoding="utf-8") as file:
            _, names = (line.split() for line in islice(file, 2))
    except (OSError, ValueError) as error:
        raise DataError(
            tr("{path} cannot be read, or is cut short: {error}.", path=folder / ATTRIBUTES_FILE, error=error)
        ) from error
    partition = read_partition(folder / PARTITION_FILE)
    counts = Counter(partition.values())
    return Survey("celeba", len(partition), len(names), counts[0], 0, tuple(names), counts[1])


def _survey_mnist(folder: Path) -> Survey:
    from trainer.data.mnist import CLASSES, VALIDATION_SHARE, read_idx

    train, test = (len(read_idx(folder / f"{name}-labels-idx1-ubyte", 1)) for name in ("train", "t10k"))
    validation = train // VALIDATION_SHARE
    return Survey("mnist", train + test, len(CLASSES), train - validation, 0, CLASSES, validation)
