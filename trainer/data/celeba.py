"""CelebA as it is distributed: aligned pictures (zip or folder, any scale), attributes, partition."""

from __future__ import annotations

import hashlib
import inspect
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data import face_crop
from trainer.data.dataset import Dataset, Progress
from trainer.data.face_crop import aligned_crop, extract
from trainer.errors import DataError
from trainer.files import part

ATTRIBUTES_FILE = "list_attr_celeba.txt"
PARTITION_FILE = "list_eval_partition.txt"
PICTURES = "img_align_celeba"

STANDARD_ATTRIBUTES = (
    "Bald",
    "Bangs",
    "Black_Hair",
    "Blond_Hair",
    "Brown_Hair",
    "Bushy_Eyebrows",
    "Eyeglasses",
    "Male",
    "Mouth_Slightly_Open",
    "Mustache",
    "No_Beard",
    "Pale_Skin",
    "Young",
)
"""The 13 attributes on which face editors are usually compared (AttGAN, STGAN)."""


def read_attributes(path: Path) -> tuple[tuple[str, ...], list[str], npt.NDArray[np.int8]]:
    """Names of the attributes, file names and the ±1 table of ``list_attr_celeba.txt``.

    Raises:
        DataError: Naming the line that does not fit.
    """
    lines = _lines(path)
    if len(lines) < 3:
        raise DataError(f"{path} is cut short: expected a count, a line of names and one line per picture.")
    names = tuple(lines[1].split())
    files: list[str] = []
    rows = np.empty((len(lines) - 2, len(names)), np.int8)
    for number, line in enumerate(lines[2:]):
        file, *values = line.split() or [""]
        if len(values) != len(names) or not set(values) <= {"1", "-1"}:
            raise DataError(
                f"{path}, line {number + 3}: expected {len(names)} values of 1 or -1 after the name."
            )
        files.append(file)
        rows[number] = [int(value) for value in values]
    if lines[0].strip().isdigit() and int(lines[0]) != len(files):
        raise DataError(
            f"{path} announces {lines[0].strip()} pictures and lists {len(files)}: is it complete?"
        )
    return names, files, rows


def read_partition(path: Path) -> dict[str, int]:
    """File name → 0 train, 1 validation, 2 test.

    Raises:
        DataError: Naming the line that does not fit.
    """
    partition = {}
    for number, line in enumerate(_lines(path)):
        fields = line.split()
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise DataError(f"{path}, line {number + 1}: expected a file name and 0, 1 or 2.")
        partition[fields[0]] = int(fields[1])
    return partition


def load_celeba(
    folder: Path, size: int = 64, cache: Path | None = None, progress: Progress | None = None
) -> Dataset:
    """Open CelebA in ``folder``; pictures are cropped in proportion and decoded once into the cache.

    Args:
        folder: Holds ``img_align_celeba.zip`` or the folder ``img_align_celeba``, and the two lists.
        size: Side of the crops in pixels.
        cache: Folder of the cache; the user's cache folder by default.
        progress: Told of pictures decoded.

    Raises:
        DataError: Something is missing, unreadable or inconsistent.
    """
    names, files, attributes = read_attributes(folder / ATTRIBUTES_FILE)
    partition = read_partition(folder / PARTITION_FILE)
    without = [file for file in files if file not in partition]
    if without:
        raise DataError(
            f"{len(without)} pictures have no partition in {PARTITION_FILE}, {without[0]} among them."
        )
    images = _cached_images(folder, files, size, cache or default_cache(), progress)
    return Dataset(images, attributes, names, np.array([partition[file] for file in files], np.uint8))


def default_cache() -> Path:
    """Where decoded data sets are kept unless told otherwise."""
    from platformdirs import user_cache_path

    return user_cache_path("jmvae-studio") / "data"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}. Is this CelebA's folder?") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file.") from error


@contextmanager
def _pictures(folder: Path) -> Iterator[tuple[str, Callable[[str], bytes]]]:
    """What identifies the pictures, and a reader of one by file name."""
    archive, unpacked = folder / f"{PICTURES}.zip", folder / PICTURES
    if unpacked.is_dir():
        yield (
            f"{unpacked.resolve()}:{unpacked.stat().st_mtime_ns}",
            lambda name: (unpacked / name).read_bytes(),
        )
    elif archive.is_file():
        stat = archive.stat()
        try:
            with zipfile.ZipFile(archive) as pictures:
                inside = {Path(member).name: member for member in pictures.namelist()}
                yield (
                    f"{archive.resolve()}:{stat.st_size}:{stat.st_mtime_ns}",
                    lambda name: pictures.read(inside[name]),
                )
        except zipfile.BadZipFile as error:
            raise DataError(
                f"{archive} is not a complete zip: {error}. Copy or download it again."
            ) from error
    else:
        raise DataError(f"Neither {PICTURES}.zip nor {PICTURES}/ is in {folder}. Is this CelebA's folder?")


def _cached_images(
    folder: Path, files: list[str], size: int, cache: Path, progress: Progress | None
) -> npt.NDArray[np.uint8]:
    with _pictures(folder) as (identity, read):
        names = hashlib.sha256("\n".join(files).encode()).hexdigest()
        recipe = f"{identity}|{names}|{size}|{cv2.__version__}|{inspect.getsource(face_crop)}"
        key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
        path = cache / f"celeba-{size}-{key}.npy"
        if not path.exists():
            temporary = part(path)
            try:
                cache.mkdir(parents=True, exist_ok=True)
                shape = (len(files), size, size, 3)
                images = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
                for row, file in enumerate(files):
                    images[row] = _decode(read, file, size)
                    if progress is not None and row % 100 == 0:
                        progress(row, len(files))
                images.flush()
                temporary.replace(path)
            except OSError as error:
                raise DataError(
                    f"The decoded pictures cannot be kept in {cache} ({error.strerror}): choose another folder with "
                    "--set cache=FOLDER."
                ) from error
            finally:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
    opened: npt.NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return opened


def _decode(read: Callable[[str], bytes], file: str, size: int) -> npt.NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(read(file)), formats=("JPEG", "PNG")) as picture:
            pixels = np.asarray(picture.convert("RGB"))
    except KeyError as error:
        raise DataError(f"{file} is listed in {ATTRIBUTES_FILE} but not among the pictures.") from error
    except (OSError, zlib.error) as error:
        raise DataError(f"The picture {file} cannot be read: {error}") from error
    return extract(pixels, aligned_crop(pixels.shape[1], pixels.shape[0]), size)
