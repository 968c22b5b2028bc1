"""Write results: beside the target and renamed, so that a picture is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.images import OpenedImage

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Suffix → format."""

_OPTIONS = {
    "PNG": {"compress_level": 4},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95, "method": 4},
}


class SaveError(Exception):
    """A result that could not be written: what, where and what to do."""


Identity = tuple[int, int]
"""Device and inode of a file: the same for every name it goes by."""


def identities(paths: Iterable[Path]) -> frozenset[Identity]:
    """What identifies the files at ``paths``; those that do not exist are left out."""
    found = set()
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            status = path.stat()
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def check_target(path: Path, originals: frozenset[Identity] = frozenset()) -> None:
    """Refuse a target that cannot become a picture, before any work is done.

    Raises:
        SaveError: The suffix is unknown, the folder is missing, or the target is a folder or one of ``originals``.
    """
    if path.suffix.lower() not in FORMATS:
        raise SaveError(
            f"“{path.name}”: pictures are saved as {', '.join(FORMATS)}. Choose one of these endings."
        )
    if path.is_dir():
        raise SaveError(f"{path} is a folder. Choose a file name inside it.")
    if not path.parent.is_dir():
        raise SaveError(f"The folder {path.parent} does not exist. Make it or choose another one.")
    if originals and identities([path]) & originals:
        raise SaveError(
            f"{path.name} is an original photograph, which is never overwritten. Choose another name."
        )


def save_picture(
    path: Path,
    pixels: npt.NDArray[np.uint8],
    source: OpenedImage | None = None,
    originals: frozenset[Identity] = frozenset(),
) -> None:
    """Write a picture beside its target and rename it.

    Args:
        path: Its suffix says the format.
        pixels: Height × width × 3.
        source: The photograph it was made from: it gives its colour profile and is never overwritten.
        originals: Other files that are never overwritten.

    Raises:
        SaveError: It could not be written, or it would overwrite an original; nothing was changed.
    """
    check_target(path, originals | identities([source.path] if source else []))
    name = FORMATS[path.suffix.lower()]
    options: dict[str, object] = dict(_OPTIONS[name])
    if source is not None and source.icc_profile:
        options["icc_profile"] = source.icc_profile
    temporary = path.with_name(f".{path.stem[:40]}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as file:
            Image.fromarray(pixels).save(file, name, **options)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SaveError(
            f"{path.name} could not be saved in {path.parent}: {reason}. Try another folder."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
