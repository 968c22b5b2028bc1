"""Which picture has which attribute: said by the user, by a table or by folders; with undo."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from jmvae_studio.language import mark, tr, trn
from trainer.data.dataset import name_key
from trainer.data.folder import TABLES, list_rows
from trainer.data.scores import scale_column
from trainer.files import write_beside

TABLE = "attributes.csv"
FEWEST, FEW_OF_A_KIND = 100, 20
"""With fewer pictures, or fewer with or without an attribute, a model learns little; said before training."""
LEARNS_FROM, SURE = 6, 0.5
"""Pictures tagged each way before suggestions are learnt from them, and what counts as a sure suggestion."""

Tagged = npt.NDArray[np.int8]
Said = dict[str, dict[str, int]]
"""Picture → attribute → 1 or -1."""


@dataclass(frozen=True)
class Table:
    """What a table says: its attributes, and of which picture what."""

    names: list[str]
    said: Said


def read_table(folder: Path, path: Path | None = None) -> Table:
    """Read a table of the pictures in ``folder``; by default the one in it. Looks at every file there.

    Numbers are scaled as the trainer does; above zero is “has it”.

    Raises:
        DataError: It makes no sense.
    """
    listing = list_rows(folder, path)
    values = np.array([row.values for row in listing.rows]).reshape(len(listing.rows), len(listing.names))
    signs = np.ones(values.shape, np.int8)
    if len(values):
        for column in range(values.shape[1]):
            signs[:, column] = np.where(scale_column(values[:, column])[0] > 0, 1, -1)
    said = {
        row.name: dict(zip(listing.names, map(int, sign), strict=True))
        for row, sign in zip(listing.rows, signs, strict=True)
    }
    return Table(list(listing.names), said)


class Tags(QObject):
    """Pictures × attributes: 1 has it, -1 has it not, 0 not said yet."""

    changed = Signal()
    """Any tag, picture or attribute."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.pictures: list[str] = []
        self.attributes: list[str] = []
        self.values: Tagged = np.zeros((0, 0), np.int8)
        self.stack = QUndoStack(self)
        self._waiting: Said = {}
        """What a table or the folders say, also of pictures that are still to be found."""

    def clear(self) -> None:
        """Forget everything."""
        self.pictures, self.attributes, self._waiting = [], [], {}
        self.values = np.zeros((0, 0), np.int8)
        self.stack.clear()
        self.changed.emit()

    def add_picture(self, name: str) -> None:
        """A picture was found; what a table says of it is taken."""
        self.pictures.append(name)
        known = self._waiting.get(name, {})
        row = np.array([[known.get(attribute, 0) for attribute in self.attributes]], np.int8)
        self.values = np.concatenate([self.values, row])
        self.changed.emit()

    def add_attribute(self, name: str) -> None:
        """Another attribute, of which nothing is said yet; undoable.

        Raises:
            ValueError: The name cannot be one; says why.
        """
        name = name.strip()
        if not name:
            raise ValueError(tr("The attribute needs a name."))
        if name in self.attributes:
            raise ValueError(tr("There is an attribute called “{name}” already.", name=name))
        if _is_number(name):
            raise ValueError(tr("“{name}” is a number: the attribute needs a name.", name=name))
        if any(not letter.isprintable() for letter in name):
            raise ValueError(tr("The name holds a letter that cannot be seen: leave it out."))
        wider = np.concatenate([self.values, np.zeros((len(self.values), 1), np.int8)], 1)
        self._push(tr("add {name}", name=name), [*self.attributes, name], wider)

    def remove_attribute(self, column: int) -> None:
        """An attribute and all that was said of it; undoable."""
        rest = [name for number, name in enumerate(self.attributes) if number != column]
        self._push(tr("remove {name}", name=self.attributes[column]), rest, np.delete(self.values, column, 1))

    def set(self, rows: Sequence[int], column: int, value: int) -> None:
        """Say of some pictures that they have an attribute (1), or not (-1), or take that back (0); undoable."""
        values = self.values.copy()
        values[list(rows), column] = value
        if not np.array_equal(values, self.values):
            what = {1: mark("has {name}"), -1: mark("has not {name}"), 0: mark("forget {name}")}[value]
            self._push(tr(what, name=self.attributes[column]), self.attributes, values)

    def accept(self, suggested: Tagged, column: int) -> None:
        """Take suggestions (1, -1; 0 where there is none) for what is not said yet, as one step of the history."""
        values = self.values.copy()
        open_ = values[:, column] == 0
        values[open_, column] = suggested[open_]
        if not np.array_equal(values, self.values):
            self._push(tr("suggestions for {name}", name=self.attributes[column]), self.attributes, values)

    def take_table(self, table: Table) -> int:
        """Tags from a table, for pictures that are there and those still to be found; undoable if anything was said.

        Returns:
            How many pictures it names.
        """
        self._take(tr("tags from a table"), table.names, table.said)
        return len(table.said)

    def take_folders(self, pictures: Sequence[str]) -> None:
        """An attribute for every subfolder: pictures inside have it, all others have it not. Undoable."""
        inside = {name: PurePosixPath(name).parent.as_posix() for name in pictures}
        folders = sorted({folder for folder in inside.values() if folder != "."})
        names = [folder.replace("/", " ") for folder in folders]
        names = _unlike([f"folder {name}" if _is_number(name) else name for name in names])
        said = {
            picture: {name: 1 if folder == own else -1 for name, folder in zip(names, folders, strict=True)}
            for picture, own in inside.items()
        }
        self._take(tr("tags from folders"), names, said)

    def counts(self, column: int) -> tuple[int, int, int]:
        """Pictures that have an attribute, that have it not, and of which it is not said."""
        tags = self.values[:, column]
        return int((tags > 0).sum()), int((tags < 0).sum()), int((tags == 0).sum())

    def complete(self) -> npt.NDArray[np.bool_]:
        """Which pictures have every attribute said."""
        if not self.attributes:
            return np.zeros(len(self.pictures), bool)
        return np.asarray((self.values != 0).all(1))

    def warnings(self) -> list[str]:
        """What speaks against training on this, a sentence each."""
        found = []
        usable = int(self.complete().sum())
        if usable < FEWEST:
            found.append(
                trn(
                    "{count} picture is tagged in full: from about {fewest} on a model begins to learn from them.",
                    "{count} pictures are tagged in full: from about {fewest} on a model begins to learn from them.",
                    usable,
                    fewest=FEWEST,
                )
            )
        for column, name in enumerate(self.attributes):
            yes, no, _ = self.counts(column)
            if min(yes, no) < FEW_OF_A_KIND:
                sentence = (
                    mark("{name}: only {number} with it; {least} are the least that help.")
                    if yes <= no
                    else mark("{name}: only {number} without it; {least} are the least that help.")
                )
                found.append(tr(sentence, name=name, number=min(yes, no), least=FEW_OF_A_KIND))
            elif max(yes, no) > 9 * min(yes, no):
                sentence = (
                    mark("{name}: only {share:.0%} with it; more of them would help.")
                    if yes <= no
                    else mark("{name}: only {share:.0%} without it; more of them would help.")
                )
                found.append(tr(sentence, name=name, share=min(yes, no) / (yes + no)))
        return found

    def unwritable(self) -> list[str]:
        """Pictures tagged in full whose names cannot stand in a table."""
        return [
            self.pictures[row] for row in np.flatnonzero(self.complete()) if not _stands(self.pictures[row])
        ]

    def write(self, folder: Path) -> Path | None:
        """Write `TABLE` into ``folder``, beside and renamed, with the pictures that are tagged in full.

        Those that are `unwritable` are left out.

        Returns:
            Where a table that was there before is kept; None if there was none.

        Raises:
            OSError: The folder cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["picture", *self.attributes])
        for row in np.flatnonzero(self.complete()):
            if not _stands(self.pictures[row]):
                continue
            writer.writerow([self.pictures[row], *map(int, self.values[row])])
        path, kept = folder / TABLE, None
        others = [folder / name for name in TABLES if name != TABLE and (folder / name).is_file()]
        if path.exists() and path.read_bytes() != text.getvalue().encode():
            kept = _keep(path)
        write_beside(path, text.getvalue())
        for other in others:  # two tables would contradict each other
            kept = _keep(other)
            other.unlink()
        self.stack.setClean()
        return kept

    def _take(self, text: str, names: list[str], said: Said) -> None:
        rows = [[said.get(picture, {}).get(name, 0) for name in names] for picture in self.pictures]
        values = np.array(rows, np.int8).reshape(len(rows), len(names))
        if self.attributes or self.stack.count():
            self._push(text, names, values, said)
        else:  # the first that is said
            self._show(names, values, said)

    def _push(self, text: str, attributes: list[str], values: Tagged, said: Said | None = None) -> None:
        before = (self.attributes, self.values, self._waiting)
        waiting = self._waiting if said is None else said
        self.stack.push(
            _Step(text, lambda: self._show(attributes, values, waiting), lambda: self._show(*before))
        )

    def _show(self, attributes: list[str], values: Tagged, waiting: Said) -> None:
        found_since = range(len(values), len(self.pictures))
        tail = np.zeros((len(found_since), len(attributes)), np.int8)
        for column, name in enumerate(attributes):
            if name in self.attributes:
                tail[:, column] = self.values[found_since, self.attributes.index(name)]
            else:
                tail[:, column] = [waiting.get(self.pictures[row], {}).get(name, 0) for row in found_since]
        self.attributes, self.values = list(attributes), np.concatenate([values, tail])
        self._waiting = waiting
        self.changed.emit()


def _stands(name: str) -> bool:
    """Whether the trainer finds a picture by this name in a table: it is UTF-8, and nothing is cut off."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name == name.strip() and "\\" not in name


def _keep(table: Path) -> Path:
    """Copy a table to a name that is free, beside it."""
    number = 1
    while (kept := table.with_name(f"attributes-{number}.old")).exists():
        number += 1
    write_beside(kept, table.read_bytes())
    return kept


def _unlike(names: Sequence[str]) -> list[str]:
    """These names, those that were there before with a number."""
    found: list[str] = []
    for name in names:
        number, own = 1, name
        while own in found:
            number += 1
            own = f"{name} {number}"
        found.append(own)
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class _Step(QUndoCommand):
    def __init__(self, text: str, do: Callable[[], None], undo: Callable[[], None]) -> None:
        super().__init__(text)
        self._do, self._undo = do, undo

    def redo(self) -> None:
        self._do()

    def undo(self) -> None:
        self._undo()


def suggest(
    readings: npt.NDArray[np.float32], names: Sequence[str], attribute: str, tags: Tagged
) -> npt.NDArray[np.float32]:
    """How likely each picture has an attribute, -1…1, as the model in the editor has it.

    An attribute that the model knows by name is its own reading. Another one is learnt from the pictures tagged so
    far, by ridge regression on the readings of all attributes.

    Args:
        readings: Pictures × the model's attributes; rows of NaN where nothing is read yet.
        names: Of the model's attributes.
        attribute: The one that is asked for.
        tags: 1, -1 or 0 (not said), one for each picture.

    Returns:
        One number per picture; NaN where nothing can be said.
    """
    nothing = np.full(len(readings), np.nan, np.float32)
    known = {name_key(name): column for column, name in enumerate(names)}
    column = known.get(name_key(attribute))
    if column is not None:
        return np.asarray(np.clip(readings[:, column], -1, 1), np.float32)
    usable = ~np.isnan(readings).any(1) if readings.shape[1] else np.zeros(len(readings), bool)
    told = usable & (tags != 0)
    if min((tags[told] > 0).sum(), (tags[told] < 0).sum()) < LEARNS_FROM:
        return nothing
    inputs = np.c_[readings, np.ones(len(readings), np.float32)].astype(np.float64)
    weights = np.where(tags[told] > 0, 0.5 / (tags[told] > 0).sum(), 0.5 / (tags[told] < 0).sum())
    weighted = inputs[told].T * weights
    normal = weighted @ inputs[told] + 0.02 * np.eye(inputs.shape[1])
    solution = np.linalg.solve(normal, weighted @ tags[told].astype(np.float64))
    nothing[usable] = np.clip(inputs[usable] @ solution, -1, 1)
    return nothing
