"""Write results: beside the target and renamed, so that a picture is there whole or not at all."""

from __future__ import annotations

import os
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


def check_target(path: Path, source: OpenedImage | None = None) -> None:
    """Refuse a target that cannot become a picture, before any work is done.

    Raises:
        SaveError: The suffix is unknown, the folder is missing, or the target is a folder or the original itself.
    """
    if path.suffix.lower() not in FORMATS:
        raise SaveError(
            f"“{path.name}”: pictures are saved as {', '.join(FORMATS)}. Choose one of these endings."
        )
    if path.is_dir():
        raise SaveError(f"{path} is a folder. Choose a file name inside it.")
    if not path.parent.is_dir():
        raise SaveError(f"The folder {path.parent} does not exist. Make it or choose another one.")
    if source is not None and _same_file(path, source):
        raise SaveError(
            f"{path.name} is the original photograph, which is never overwritten. Choose another name."
        )


def _same_file(path: Path, source: OpenedImage) -> bool:
    try:
        return Path(source.path).samefile(path)
    except OSError:
        return False


def save_picture(path: Path, pixels: npt.NDArray[np.uint8], source: OpenedImage | None = None) -> None:
    """Write ``pixels`` (height × width × 3) in the format of the suffix, with the source's colour profile.

    Raises:
        SaveError: It could not be written, or it would overwrite the original; nothing was changed.
    """
    check_target(path, source)
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
