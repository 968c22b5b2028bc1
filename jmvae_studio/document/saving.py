"""Write results: beside the target and renamed, so that a picture is there whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from jmvae_studio.document.records import PictureSettings, with_settings
from jmvae_studio.language import tr
from trainer.data.images import OpenedImage

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
"""Suffix → format."""

_OPTIONS: dict[str, dict[str, object]] = {
    "PNG": {"compress_level": 4},
    "JPEG": {"subsampling": 0},
    "WEBP": {"method": 4},
    "TIFF": {"compression": "tiff_lzw"},
    "AVIF": {"speed": 8},
}

QUALITY_MATTERS = ("JPEG", "WEBP", "AVIF")
"""Formats that leave detail out."""


@dataclass(frozen=True)
class Saving:
    """How a picture is written.

    Attributes:
        quality: 1…100, for `QUALITY_MATTERS`.
        longest: Pixels of the longer side at most; 0 keeps the size.
        keep_exif: Whether the photograph's EXIF block goes along (camera, place, time).
        settings: What the picture tells of its making; None leaves it out. TIFF carries none.
    """

    quality: int = 95
    longest: int = 0
    keep_exif: bool = False
    settings: PictureSettings | None = None


class SaveError(Exception):
    """A result that could not be written: what, where and what to do."""


class SaveStoppedError(SaveError):
    """A result that is no longer wanted."""


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
        SaveError: The suffix is unknown, or see `check_place`.
    """
    if path.suffix.lower() not in FORMATS:
        raise SaveError(
            tr(
                "“{name}”: pictures are saved as {endings}. Choose one of these endings.",
                name=path.name,
                endings=", ".join(FORMATS),
            )
        )
    check_place(path, originals)


def check_place(path: Path, originals: frozenset[Identity] = frozenset()) -> None:
    """Refuse a place where no file of ours can be.

    Raises:
        SaveError: The folder is missing, the target is a folder or one of ``originals``, or no file can have its name.
    """
    try:
        is_folder = path.is_dir()
    except OSError as error:  # a name that is too long
        raise SaveError(
            tr(
                "{path} cannot be written: {reason}. Choose another name or folder.",
                path=path,
                reason=error.strerror,
            )
        ) from error
    if is_folder:
        raise SaveError(tr("{path} is a folder. Choose a file name inside it.", path=path))
    if not path.parent.is_dir():
        raise SaveError(
            tr("The folder {folder} does not exist. Make it or choose another one.", folder=path.parent)
        )
    if originals and identities([path]) & originals:
        raise SaveError(
            tr(
                "{name} is an original photograph, which is never overwritten. Choose another name.",
                name=path.name,
            )
        )


class _StoppedError(Exception):
    """Writing is to end."""


class _Stoppable(io.RawIOBase):
    """A file whose writer can be stopped between two blocks; without a descriptor, so that blocks come here."""

    def __init__(self, file: BinaryIO, stopped: Callable[[], bool]) -> None:
        super().__init__()
        self._file, self._stopped = file, stopped

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._stopped():
            raise _StoppedError
        return self._file.write(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()


def save_picture(
    path: Path,
    pixels: npt.NDArray[np.uint8],
    source: OpenedImage | None = None,
    originals: frozenset[Identity] = frozenset(),
    saving: Saving | None = None,
    stopped: Callable[[], bool] | None = None,
) -> None:
    """Write a picture beside its target and rename it.

    Args:
        path: Its suffix says the format.
        pixels: Height × width × 3.
        source: The photograph it was made from: it gives its colour profile and is never overwritten.
        originals: Other files that are never overwritten.
        saving: How it is written.
        stopped: Asked again and again whether to give up; WebP and AVIF are encoded in one go before.

    Raises:
        SaveStoppedError: ``stopped`` said so; nothing was changed.
        SaveError: It could not be written, or it would overwrite an original; nothing was changed.
    """
    check_target(path, originals | identities([source.path] if source else []))
    name = FORMATS[path.suffix.lower()]
    saving = saving or Saving()
    options: dict[str, object] = dict(_OPTIONS[name])
    if name in QUALITY_MATTERS:
        options["quality"] = saving.quality
    exif = source.exif if source is not None and saving.keep_exif else None
    if saving.settings is not None and name != "TIFF":
        exif = with_settings(exif, saving.settings)
    if exif:
        options["exif"] = exif
    picture = Image.fromarray(pixels)
    if 0 < saving.longest < max(picture.size):
        picture.thumbnail((saving.longest, saving.longest), Image.Resampling.LANCZOS)
    if source is not None and source.icc_profile:
        options["icc_profile"] = source.icc_profile
    temporary = path.with_name(f".{path.stem[:40]}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as file:
            picture.save(
                file if stopped is None else cast(BinaryIO, _Stoppable(file, stopped)), name, **options
            )
            file.flush()
            os.fsync(file.fileno())
        if stopped is not None and stopped():
            raise SaveStoppedError(tr("{name} was not exported: cancelled.", name=path.name))
        temporary.replace(path)
    except _StoppedError as error:
        raise SaveStoppedError(tr("{name} was not exported: cancelled.", name=path.name)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SaveError(
            tr(
                "{name} could not be saved in {folder}: {reason}. Try another folder.",
                name=path.name,
                folder=path.parent,
                reason=reason,
            )
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
