"""Labeled Faces in the Wild as it is distributed: one folder of pictures per person, and 73 scores per picture.

The scores are those of Kumar et al. (2009), ``lfw_attributes.txt``: comment lines that begin with #, the last of
which names the columns; then, separated by tabs, the person, the number of the picture and its scores, positive
where the attribute is present.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainer.data.dataset import Dataset, Progress
from trainer.data.face_pictures import Listing, Row, crop_rows, require_faces
from trainer.data.report import Problem, Report, in_order
from trainer.data.scores import squash
from trainer.errors import DataError

SCORES_FILE = "lfw_attributes.txt"
PICTURE_FOLDERS = ("", "lfw", "lfw-deepfunneled", "lfw_funneled", "lfw-deepfunneled/lfw-deepfunneled")
"""Where the people's folders lie: beside the scores, or in a folder named after the archive."""

ALL, TRAIN, VALIDATION = 13_143, 10_000, 1_000
"""Pictures with scores, and how many of the first are for training and validation (Pandey and Dukkipati 2016,
section 4.1)."""


def load_lfw(
    folder: Path, size: int = 64, cache: Path | None = None, progress: Progress | None = None
) -> tuple[Dataset, Report]:
    """Open LFW in ``folder``.

    Scores are scaled by `trainer.data.scores.squash`, over all rows of the list: the sign is kept. The first
    10,000 rows of the list are train, the next 1,000 validation, the rest test, whether or not their pictures
    are here; a shorter list is divided in the same proportions.

    Args:
        folder: Holds ``lfw_attributes.txt`` and the people's folders, or a folder ``lfw`` with them.
        size: Side of the crops in pixels.
        cache: Folder of the cache; the user's cache folder by default.
        progress: Told of pictures searched for faces.

    Returns:
        The data set, in the order of the list, and what was left out of it.

    Raises:
        DataError: A file is missing, the list makes no sense, or too few pictures are usable.
    """
    table, names, lines, rows, places, problems = _list(folder)
    images, kept, failed = crop_rows(rows, size, cache, progress)
    problems += failed
    require_faces(len(kept), table, in_order(problems))
    listed = np.array([line.values for line in lines if line.values is not None])
    scores = squash(np.array([row.values for row in kept]), over=listed).astype(np.float32)
    partition = split_in_order(len(lines))[[places[row.name] for row in kept]]
    note = "All attributes: scores, tanh(score / root mean square of the column)."
    report = Report(table, len(lines), len(kept), in_order(problems), (note,))
    return Dataset(images, scores, names, partition), report


def list_rows(folder: Path) -> Listing:
    """What the list of ``folder`` names, before any picture is opened.

    Raises:
        DataError: A file is missing, or the list makes no sense.
    """
    table, names, lines, rows, _, problems = _list(folder)
    return Listing(table, names, len(lines), rows, problems)


def split_in_order(count: int) -> npt.NDArray[np.uint8]:
    """The partition of ``count`` rows: 10,000, 1,000 and the rest of the full list, else in proportion."""
    train, validation = TRAIN, VALIDATION
    if count <= TRAIN + VALIDATION:
        train, validation = round(count * TRAIN / ALL), max(1, round(count * VALIDATION / ALL))
    partition = np.full(count, 2, np.uint8)
    partition[:train] = 0
    partition[train : train + validation] = 1
    return partition


@dataclass(frozen=True)
class _Line:
    """A line of the list: its number, whose picture, and the scores (None if they are none)."""

    number: int
    person: str
    picture: str
    values: tuple[float, ...] | None

    @property
    def name(self) -> str:
        """Path of the picture; the list writes people with spaces, the folders with underscores."""
        person = self.person.replace(" ", "_")
        digits = self.picture.zfill(4) if self.picture.isascii() and self.picture.isdigit() else self.picture
        return f"{person}/{person}_{digits}.jpg"


def _list(
    folder: Path,
) -> tuple[Path, tuple[str, ...], list[_Line], list[Row], dict[str, int], list[Problem]]:
    """The list, its columns and lines, and what `_match` makes of them."""
    table = folder / SCORES_FILE
    names, lines = _read_scores(table)
    root = _find_root(folder)
    rows, places, problems = _match(lines, root, len(names))
    present = (path.relative_to(root).as_posix() for path in sorted(root.glob("*/*.jpg")))
    problems += [Problem("picture without a row", None, name) for name in present if name not in places]
    return table, names, lines, rows, places, problems


def _read_scores(table: Path) -> tuple[tuple[str, ...], list[_Line]]:
    """Names of the attributes and the lines of the list.

    Raises:
        DataError: It cannot be read, or no comment line names the columns.
    """
    try:
        text = table.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"Cannot read {table}: {error.strerror}. Is this LFW's folder?") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{table} is not a text file.") from error
    names: tuple[str, ...] = ()
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            columns = [column.strip() for column in line[1:].strip().split("\t")]
            if columns[:2] == ["person", "imagenum"]:
                names = tuple(columns[2:])
        elif line.strip():
            cells = [cell.strip() for cell in line.rstrip("\t").split("\t")]
            picture = cells[1] if len(cells) > 1 else ""
            lines.append(_Line(number, cells[0], picture, _numbers(cells[2:], len(names))))
    if not names or len(set(names)) != len(names):
        raise DataError(
            f"{table} names no columns: a line “# person imagenum …”, separated by tabs, must come first."
        )
    return names, lines


def _numbers(cells: list[str], count: int) -> tuple[float, ...] | None:
    try:
        values = tuple(float(cell) for cell in cells)
    except ValueError:
        return None
    return values if len(values) == count and all(math.isfinite(value) for value in values) else None


def _find_root(folder: Path) -> Path:
    """The folder with the people's folders.

    Raises:
        DataError: There is none.
    """
    for name in PICTURE_FOLDERS:
        if next((folder / name).glob("*/*_[0-9][0-9][0-9][0-9].jpg"), None) is not None:
            return folder / name
    raise DataError(
        f"No pictures PERSON/PERSON_0001.jpg are in {folder} or {folder / 'lfw'}. Is this LFW's folder?"
    )


def _match(lines: list[_Line], root: Path, count: int) -> tuple[list[Row], dict[str, int], list[Problem]]:
    """The usable rows, the place in the list of every picture named, and what is wrong with the others."""
    rows: list[Row] = []
    places: dict[str, int] = {}
    problems: list[Problem] = []
    for place, line in enumerate(lines):
        name = line.name
        if name in places:
            first = lines[places[name]].number
            problems.append(Problem("duplicate row", line.number, f"{name} is in line {first} already"))
            continue
        places[name] = place
        if not (root / name).is_file():
            problems.append(Problem("row without a picture", line.number, name))
        elif line.values is None:
            text = f"{name}, expected {count} numbers"
            problems.append(Problem("value that is no number", line.number, text))
        else:
            rows.append(Row(line.number, name, root / name, line.values))
    return rows, places, problems
