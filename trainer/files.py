"""Writing files so that nobody ever finds half of one."""

from __future__ import annotations

import glob
import io
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


def part(path: Path) -> Path:
    """Where this process writes what shall become ``path``; `sweep` of the studio knows such names."""
    return path.with_name(f".{path.name[:40]}.{os.getpid()}.part")


def clear_parts(path: Path) -> None:
    """Remove what a process that was ended left of a file or a folder."""
    for left in path.parent.glob(f".{glob.escape(path.name[:40])}.*.part"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def write_beside(path: Path, data: bytes | str, durable: bool = True) -> None:
    """Write a file beside its target and rename it; on any failure an older file is unchanged.

    Args:
        path: The target, in a folder that is there.
        data: Its content; text is written as UTF-8.
        durable: Whether it is flushed to the disk first, so that it outlives a power cut.

    Raises:
        OSError: The folder cannot be written.
    """
    temporary = part(path)
    try:
        with temporary.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def typed_path(text: str) -> Path:
    """A path that somebody typed: ``~`` is their home, and left as it is where nobody has that name."""
    return Path(os.path.expanduser(text))  # noqa: PTH111  # Path's own raises for a user that is none


def distinct_names(paths: Sequence[Path]) -> dict[str, Path]:
    """Every file by a short name of its own, in their order; a file that is given twice comes once.

    The name is the file's without its ending, or with it, or with as many folders before it as tell it from the others:
    ``model``, ``model.jpg``, ``first/model``.
    """
    files = {path.absolute(): path for path in paths}

    def tail(file: Path, depth: int, ending: bool) -> tuple[str, ...]:
        return (file if ending else file.with_suffix("")).parts[-depth:]

    names = {}
    for file, given in files.items():
        ways = ((depth, ending) for depth in range(1, len(file.parts) + 1) for ending in (False, True))
        depth, ending = next(
            way for way in ways if sum(tail(other, *way) == tail(file, *way) for other in files) == 1
        )
        names["/".join(tail(file, depth, ending))] = given
    return names


def to_png(picture: Image.Image) -> bytes:
    """The content of a file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
