"""A plain folder of pictures with a table of attributes: ``attributes.csv`` or ``attributes.tsv``.

The table has a header line; its first column names the picture (a path inside the folder), every further
column is one attribute. Pictures may lie in subfolders. What does not fit is left out and reported.
"""

from __future__ import annotations

import csv
import hashlib
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.data.dataset import Dataset, Progress
from trainer.data.face_pictures import Listing, Row, crop_rows, require_faces
from trainer.data.images import IMAGE_SUFFIXES
from trainer.data.report import Problem, Report, in_order
from trainer.data.scores import scale_column
from trainer.errors import DataError

TABLES = {"attributes.csv": ",", "attributes.tsv": "\t"}
"""Name of the table → what separates its cells (a .csv may use semicolons instead)."""

HELD_OUT = 0.1
"""Share of the pictures in the validation partition, and as much in the test partition."""


def load_folder(
    folder: Path, size: int = 64, cache: Path | None = None, progress: Progress | None = None
) -> tuple[Dataset, Report]:
    """Open the pictures of ``folder`` that show a face and have attributes.

    Attributes are scaled column by column (`trainer.data.scores.scale_column`).

    Args:
        folder: Holds the table and the pictures.
        size: Side of the crops in pixels.
        cache: Folder of the cache; the user's cache folder by default.
        progress: Told of pictures searched for faces.

    Returns:
        The data set, in the order of the table, and what was left out of it.

    Raises:
        DataError: There is no table, its header makes no sense, or too few pictures are usable.
    """
    listing = list_rows(folder)
    table, names, rows, problems = listing.table, listing.names, listing.rows, list(listing.problems)
    images, kept, failed = crop_rows(rows, size, cache, progress)
    problems += failed
    require_faces(len(kept), table, in_order(problems))
    attributes, notes = _scale(names, np.array([row.values for row in kept]))
    partition = split_by_name([row.name for row in kept])
    report = Report(table, listing.lines, len(kept), in_order(problems), notes)
    return Dataset(images, attributes, names, partition), report


def list_rows(folder: Path, table: Path | None = None) -> Listing:
    """What the table of ``folder`` names, before any picture is opened.

    Args:
        folder: Holds the pictures.
        table: A table of any name and place that is to be read instead of the folder's own.

    Raises:
        DataError: There is no table, or its header makes no sense.
    """
    table = table or _find_table(folder)
    pictures = pictures_in(folder)
    names, lines = _read_table(table)
    rows, named, problems = _match(lines, names, folder, pictures)
    problems += [Problem("picture without a row", None, name) for name in pictures if name not in named]
    return Listing(table, names, len(lines), rows, problems)


def split_by_name(names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """A partition that depends on the names alone, not on their order.

    In the order of the names' SHA-256 the first tenth is test (2), the next validation (1), the rest train
    (0); at least one picture is in each.
    """
    order = sorted(
        range(len(names)), key=lambda n: hashlib.sha256(names[n].encode("utf-8", "replace")).digest()
    )
    held_out = max(1, round(HELD_OUT * len(names)))
    partition = np.zeros(len(names), np.uint8)
    partition[order[:held_out]] = 2
    partition[order[held_out : 2 * held_out]] = 1
    return partition


def _find_table(folder: Path) -> Path:
    found = [folder / name for name in TABLES if (folder / name).is_file()]
    if len(found) != 1:
        what = (
            "Both attributes.csv and attributes.tsv are"
            if found
            else "No attributes.csv or attributes.tsv is"
        )
        raise DataError(f"{what} in {folder}: one table must name the pictures and their attributes.")
    return found[0]


def pictures_in(folder: Path) -> dict[str, Path]:
    """Name inside the folder (with /, composed letters) → file; by their endings, without hidden ones."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.suffix.lower() in IMAGE_SUFFIXES and not hidden and path.is_file():
            found[unicodedata.normalize("NFC", name.as_posix())] = path
    return found


def _read_table(table: Path) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    """Names of the attributes, and the cells of every line that is not empty, with its number."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"Cannot read {table}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{table} is not a text file in UTF-8: save it as “CSV UTF-8”.") from error
    lines = _cells(text, table)
    header = next(lines, None)
    if header is None:
        raise DataError(f"{table} is empty: its first line must name the columns.")
    names = tuple(name.strip() for name in header[1][1:])
    if not names:
        raise DataError(
            f"{table}, line {header[0]}: no attribute beside the file name; expected cells separated by "
            f"{'tabs' if table.suffix == '.tsv' else 'commas or semicolons'}."
        )
    for name in names:
        if not name or names.count(name) > 1 or _number(name) is not None:
            what = "is there twice" if name and names.count(name) > 1 else "is no name of an attribute"
            raise DataError(
                f"{table}, line {header[0]}: “{name}” {what}; the first line must name every column."
            )
    return names, list(lines)


def _cells(text: str, table: Path) -> Iterator[tuple[int, list[str]]]:
    """Line by line; a quoted cell may run over several, then the number is that of its last."""
    first = text.split("\n", 1)[0]
    separator = "\t" if table.suffix in (".tsv", ".tab") else ","
    if table.suffix == ".csv" and ";" in first and "," not in first:
        separator = ";"
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{table}, line {reader.line_num}: {error}.") from error


def _match(
    lines: Sequence[tuple[int, list[str]]],
    names: Sequence[str],
    folder: Path,
    pictures: Mapping[str, Path],
) -> tuple[list[Row], dict[str, int], list[Problem]]:
    """The usable rows, the line of every name, and what is wrong with the others."""
    rows: list[Row] = []
    named: dict[str, int] = {}
    problems: list[Problem] = []
    for line, cells in lines:
        name = unicodedata.normalize("NFC", PurePosixPath(cells[0].strip().replace("\\", "/")).as_posix())
        path = pictures.get(name)
        if name in named:
            problems.append(Problem("duplicate row", line, f"{name} is in line {named[name]} already"))
            continue
        named[name] = line
        if path is None:
            problems.append(_unknown(line, cells[0].strip(), folder))
            continue
        if len(cells) != len(names) + 1:
            text = f"{name} has {len(cells) - 1} values for {len(names)} attributes"
            problems.append(Problem("wrong number of values", line, text))
            continue
        values = [_number(cell) for cell in cells[1:]]
        bad = [
            f"“{cell.strip()}” under {column}"
            for cell, value, column in zip(cells[1:], values, names, strict=True)
            if value is None
        ]
        if bad:
            problems.append(Problem("value that is no number", line, f"{name}, {', '.join(bad)}"))
            continue
        rows.append(Row(line, name, path, tuple(value for value in values if value is not None)))
    return rows, named, problems


def _unknown(line: int, name: str, folder: Path) -> Problem:
    """Why no picture of the folder has this name."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not name or path.is_absolute() or ".." in path.parts:
        return Problem("unknown name", line, f"“{name}” names no file inside the folder")
    with suppress(OSError):  # longer than any file's
        if (folder / path).exists():
            return Problem("unknown name", line, f"{name} is not a picture by its ending")
    return Problem("row without a picture", line, name)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _scale(names: Sequence[str], values: npt.NDArray[np.float64]) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """All columns in -1…1 (int8 if all are ±1), and what was done to which."""
    scaled = np.empty_like(values)
    done: dict[str, list[str]] = {}
    for column, name in enumerate(names):
        scaled[:, column], what = scale_column(values[:, column])
        if what:
            done.setdefault(what, []).append(name)
        if (values[:, column] == values[0, column]).all():
            done.setdefault("the same for all pictures, nothing can be learnt from it", []).append(name)
    notes = tuple(f"{', '.join(columns)}: {what}." for what, columns in done.items())
    return scaled.astype(np.int8 if (np.abs(scaled) == 1).all() else np.float32), notes
