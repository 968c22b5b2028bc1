"""What is known of the pictures of a folder, kept so that each is looked at once.

The file is a NumPy archive, read without pickle: ``names``, ``sizes`` and ``times`` identify the pictures, ``faces``
says how many codes each has; ``codes`` and ``read`` follow in the same order.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jmvae_studio.explore.collection import Collection

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PictureCodes:
    """What a look at one picture gave.

    Attributes:
        size: Of the file, in bytes.
        time: When it was last changed, in nanoseconds.
        codes: Faces × latent; there may be no face.
        read: Faces × attributes.
    """

    size: int
    time: int
    codes: Floats
    read: Floats


Known = Mapping[str, PictureCodes]
"""Name inside the folder → what is known of the picture."""


def codes_path(cache: Path, folder: Path, model: str) -> Path:
    """The file in the folder ``cache`` for a folder and the model with the digest ``model``."""
    key = f"{model}\0{folder.absolute()}".encode("utf-8", "surrogateescape")
    return cache / f"codes-{hashlib.sha256(key).hexdigest()[:32]}.npz"


def to_bytes(known: Known) -> bytes:
    """The file's content; of one picture at least."""
    pictures = list(known.values())
    buffer = io.BytesIO()
    np.savez(
        buffer,
        names=np.array(list(known), np.str_),
        sizes=np.array([picture.size for picture in pictures], np.int64),
        times=np.array([picture.time for picture in pictures], np.int64),
        faces=np.array([len(picture.codes) for picture in pictures], np.int64),
        codes=np.concatenate([picture.codes for picture in pictures]),
        read=np.concatenate([picture.read for picture in pictures]),
    )
    return buffer.getvalue()


def load(path: Path, latent: int, attributes: int) -> dict[str, PictureCodes]:
    """What a file of `to_bytes` holds; nothing if it is not there, damaged, or of other shapes: it is made again."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names, sizes, times, faces = (arrays[key] for key in ("names", "sizes", "times", "faces"))
            codes, read = arrays["codes"], arrays["read"]
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError, TypeError, MemoryError):
        return {}
    numbers = (sizes, times, faces)
    if names.dtype.kind != "U" or any(a.dtype != np.int64 or a.shape != (len(names),) for a in numbers):
        return {}
    if codes.dtype != np.float32 or read.dtype != np.float32 or (faces < 0).any():
        return {}
    whole = int(faces.sum())
    if codes.shape != (whole, latent) or read.shape != (whole, attributes):
        return {}
    if not (np.isfinite(codes).all() and np.isfinite(read).all()):
        return {}
    ends = np.cumsum(faces)[:-1]
    rows = zip(names, sizes, times, np.split(codes, ends), np.split(read, ends), strict=True)
    return {str(name): PictureCodes(int(size), int(time), c, r) for name, size, time, c, r in rows}


def collect(known: Known, names: tuple[str, ...], face: str) -> Collection:
    """All codes of a folder.

    Args:
        known: At least one picture.
        names: Of the attributes.
        face: How a face of several in one picture is called, with ``{picture}`` and ``{number}``.
    """
    titles: list[str] = []
    for name, picture in known.items():
        many = len(picture.codes) > 1
        titles += [
            face.format(picture=name, number=n) if many else name for n in range(1, len(picture.codes) + 1)
        ]
    codes = np.concatenate([picture.codes for picture in known.values()])
    read = np.concatenate([picture.read for picture in known.values()])
    return Collection(codes, names, read=read, titles=tuple(titles))
