"""Photographs of faces named by a table: opened, found and cropped as the editor does, and kept in a cache."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from trainer.data import face_crop, face_detection
from trainer.data.celeba import default_cache
from trainer.data.dataset import Progress
from trainer.data.face_crop import extract
from trainer.data.face_detection import find_faces
from trainer.data.images import open_image
from trainer.data.report import Problem
from trainer.errors import DataError, ImageError
from trainer.files import part

FEWEST_FACES = 10
"""With fewer no partition would mean anything."""


@dataclass(frozen=True)
class Row:
    """A line of a table: a picture that exists, and its attributes as written."""

    line: int
    name: str
    path: Path
    values: tuple[float, ...]


@dataclass(frozen=True)
class Listing:
    """What a table says, before any picture is opened.

    Attributes:
        table: The file.
        names: Of the attributes.
        lines: Lines with data in it.
        rows: The usable ones.
        problems: What is wrong with the others.
    """

    table: Path
    names: tuple[str, ...]
    lines: int
    rows: list[Row]
    problems: list[Problem]


def crop_rows(
    rows: Sequence[Row], size: int, cache: Path | None, progress: Progress | None
) -> tuple[npt.NDArray[np.uint8], list[Row], list[Problem]]:
    """The first face (`find_faces`: the largest and most central) of every picture.

    Args:
        rows: Which pictures.
        size: Side of the crops in pixels.
        cache: Folder of the cache; the user's cache folder by default.
        progress: Told of pictures searched; not called when the cache has them.

    Returns:
        N × ``size`` × ``size`` × 3, memory-mapped; the N rows they belong to; and a problem for every
        picture that cannot be opened or shows no face.

    Raises:
        DataError: The cache cannot be written.
    """
    cache = cache or default_cache()
    path = cache / f"faces-{size}-{_key(rows, size)}.npy"
    failures_path = path.with_suffix(".json")
    if not (path.exists() and failures_path.exists()):
        try:
            _search(rows, size, path, failures_path, progress)
        except OSError as error:
            raise DataError(f"The cache {cache} cannot be written: {error.strerror}.") from error
    failures: dict[str, tuple[str, str]] = json.loads(failures_path.read_text(encoding="utf-8"))
    kept = [row for place, row in enumerate(rows) if str(place) not in failures]
    problems = [
        Problem(kind, rows[int(place)].line, f"{rows[int(place)].name}{text}")
        for place, (kind, text) in failures.items()
    ]
    images: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r" if kept else None)
    return images, kept, problems


def require_faces(found: int, table: Path, problems: Sequence[Problem]) -> None:
    """Refuse a data set that is too small to train on.

    Raises:
        DataError: Fewer than `FEWEST_FACES`, with the first problem as a hint.
    """
    if found < FEWEST_FACES:
        hint = (
            f" The first of {len(problems)} problems: {problems[0].kind}, {problems[0]}." if problems else ""
        )
        raise DataError(
            f"Only {found} faces with attributes are in {table.parent}; at least {FEWEST_FACES} are needed.{hint}"
        )


def _key(rows: Sequence[Row], size: int) -> str:
    """What the crops depend on: the files, the size, and the code that finds and cuts."""
    digest = hashlib.sha256(f"{size}|{cv2.__version__}".encode())
    for module in (face_crop, face_detection):
        digest.update(inspect.getsource(module).encode())
    for row in rows:
        stat = row.path.stat()
        digest.update(f"\n{row.path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}".encode("utf-8", "replace"))
    return digest.hexdigest()[:16]


def _search(
    rows: Sequence[Row], size: int, path: Path, failures_path: Path, progress: Progress | None
) -> None:
    """Write the crops and what failed; each file beside its target and renamed, the failures last."""
    failures: dict[int, tuple[str, str]] = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = part(path)
    try:
        with temporary.open("wb") as file:
            file.write(_header(0, size))
            for place, row in enumerate(rows):
                try:
                    photo = open_image(row.path).pixels
                except ImageError as error:
                    failures[place] = ("unreadable picture", f" ({error})")
                else:
                    faces = find_faces(photo)
                    if faces:
                        file.write(extract(photo, faces[0].crop, size).tobytes())
                    else:
                        failures[place] = ("picture without a face", "")
                if progress is not None and place % 10 == 0:
                    progress(place, len(rows))
            file.seek(0)
            file.write(_header(len(rows) - len(failures), size))  # numpy pads it, so its length is the same
        temporary.replace(path)
        temporary.write_text(json.dumps(failures), encoding="utf-8")
        temporary.replace(failures_path)
    finally:
        temporary.unlink(missing_ok=True)


def _header(count: int, size: int) -> bytes:
    """Of a .npy file with ``count`` crops; numpy leaves room for the first axis to grow."""
    buffer = io.BytesIO()
    layout = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(buffer, layout)
    return buffer.getvalue()
