"""Open pictures of any origin safely: the one place where files are decoded.

Whatever the file holds, the outcome is upright RGB pixels with eight bits, or an
:class:`~trainer.errors.ImageError` with one sentence for the user. Files are only read.
"""

from __future__ import annotations

import io
import math
import os
import re
import stat
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from PIL import (
    AvifImagePlugin,
    ExifTags,
    Image,
    ImageFile,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from trainer.data.image_colours import Pixels, make_converter
from trainer.data.row_memory import RowMemory
from trainer.errors import ImageError

FORMATS = (
    "JPEG",  # and MPO, which is opened as JPEG
    "PNG",
    WebPImagePlugin.WebPImageFile.format,
    TiffImagePlugin.TiffImageFile.format,
    "BMP",
    "GIF",
    AvifImagePlugin.AvifImageFile.format,
    "PPM",
)
"""Pillow's names of the formats that are opened; every other decoder stays shut."""

IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".tif", ".tiff"),
    *(".bmp", ".gif", ".avif", ".ppm", ".pgm", ".pbm", ".pnm"),
)
"""Endings, in lower case, by which pictures are known in a folder and in file dialogs."""

MAX_PIXELS = 178_956_970
"""The largest picture opened, by its header and before anything is decoded."""

_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"II*\0", b"MM\0*", b"BM", b"GIF8")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis")
_STRIP_PIXELS = 1 << 16
"""Pixels converted at a time, so that a large picture is never held three times over."""
_WORDS = {
    "GIF": "animated",
    "WEBP": "animated",
    "PNG": "animated",
    "AVIF": "animated",
    "TIFF": "several pages",
}


@dataclass(frozen=True)
class OpenedImage:
    """A picture as it was opened.

    Attributes:
        pixels: Height × width × 3, RGB in sRGB, upright, read-only.
        path: The file, or for pictures that are none (clipboard) the name they were given.
        format: Format of the file, for instance ``JPEG``.
        icc_profile: Profile of ``pixels``; None if there was none or the colours were converted to sRGB.
        exif: The EXIF block with the orientation reset to upright, or None.
        notes: Sentences for the user about what was changed or left out.
    """

    pixels: Pixels
    path: Path
    format: str
    icc_profile: bytes | None
    exif: bytes | None
    notes: tuple[str, ...] = ()


Room = Callable[[tuple[int, int, int]], Pixels]
"""Makes the array, of a shape, in which the pixels are to lie; what is in it does not matter."""


def _new_room(shape: tuple[int, int, int]) -> Pixels:
    return np.empty(shape, np.uint8)


def open_image(path: Path | str, *, max_side: int | None = None, room: Room = _new_room) -> OpenedImage:
    """Open a picture file.

    Args:
        path: The file.
        max_side: Reduce to at most this many pixels on the longer side; JPEGs are then decoded at a reduced
            size, which is much quicker. None keeps the full size.
        room: Where the pixels are to lie; asked for the decoded size and, where it is reduced, for the reduced one.

    Raises:
        ImageError: The file is missing, unreadable, not a picture, damaged or too large.
    """
    path = Path(path)
    name = shown_name(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device would block or never end
            if path.is_dir():
                raise ImageError(f"{name} is a folder: choose a picture inside it.")
            raise ImageError(f"{name} is not an ordinary file: choose a picture.")
        with path.open("rb") as file:
            return _open(file, path, name, max_side, room)
    except FileNotFoundError as error:
        raise ImageError(f"{name} does not exist: check the name or choose another file.") from error
    except PermissionError as error:
        raise ImageError(
            f"{name} may not be read: change the file's permissions or choose another one."
        ) from error
    except (OSError, ValueError) as error:  # a loop of links, an impossible name, a lost drive
        raise ImageError(f"{name} cannot be read ({_reason(error)}): choose another file.") from error


def open_image_bytes(data: bytes, name: str, *, max_side: int | None = None) -> OpenedImage:
    """Open a picture from memory, for instance from the clipboard.

    Args:
        data: The encoded file.
        name: What messages call it.
        max_side: As in :func:`open_image`.

    Raises:
        ImageError: It is not a picture, damaged or too large.
    """
    path = Path(name)
    return _open(io.BytesIO(data), path, shown_name(path), max_side, _new_room)


def list_images(folder: Path) -> list[Path]:
    """The pictures directly inside ``folder`` by their endings, in natural order, without hidden files.

    Raises:
        ImageError: The folder is missing or unreadable.
    """
    try:
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
        ]
    except OSError as error:
        raise ImageError(
            f"The folder {shown_name(folder)} cannot be read ({_reason(error)}): choose another one."
        ) from error
    return sorted(found, key=_natural)


def _natural(path: Path) -> tuple[list[tuple[int, str]], str]:
    """Sort key in which 2 precedes 10, and upper and lower case are alike."""
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts], path.name


def shown_name(path: Path) -> str:
    """The file's name, quoted, on one line and in valid Unicode, whatever its bytes are."""
    name = os.fsencode(path.name or path).decode("utf-8", "replace")
    return "“" + "".join(c if c.isprintable() or c == "\u200d" else "\ufffd" for c in name) + "”"


def _reason(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")[:120]


def _open(file: IO[bytes], path: Path, name: str, max_side: int | None, room: Room) -> OpenedImage:
    """Decode ``file``, and turn whatever a decoder raises into one sentence."""
    # Pillow warns about damaged details and, above 89 megapixels, about the size, which is checked below.
    # A permanent filter is used because `catch_warnings` is not safe among threads; setting it again is free.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    start = file.read(16)
    if not start:
        raise ImageError(f"{name} is empty: copy it again or choose another file.")
    try:
        with Image.open(file, formats=FORMATS) as image:
            _check_size(image.size, name)
            return _decode(image, path, name, max_side, room)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        size = re.search(r"\((\d+) pixels", str(error))
        raise _too_large(name, f"{int(size[1]) / 1e6:.0f} megapixels" if size else "too many") from error
    except UnidentifiedImageError as error:
        raise ImageError(_unknown(start, name)) from error
    except MemoryError as error:
        raise ImageError(
            f"{name} needs more memory than is free: close other programs or reduce the picture."
        ) from error
    except Exception as error:  # a hostile file makes decoders raise anything
        text = str(error).lower()
        if isinstance(error, EOFError) or "truncated" in text or "incomplete" in text:
            raise ImageError(
                f"{name} is incomplete, its end is missing: copy or download it again."
            ) from error
        raise ImageError(
            f"{name} is damaged and cannot be opened ({_reason(error)}): copy or download it again."
        ) from error


def _check_size(size: tuple[int, int], name: str) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width} × {height} pixels, {width * height / 1e6:.0f} megapixels")
    if width < 1 or height < 1:
        raise ImageError(f"{name} has no pixels ({width} × {height}): choose another file.")


def _too_large(name: str, size: str) -> ImageError:
    return ImageError(
        f"{name} is too large ({size}; at most {MAX_PIXELS / 1e6:.0f} megapixels can be opened): reduce it in "
        "another program first."
    )


def _unknown(start: bytes, name: str) -> str:
    if start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS:
        return f"{name} is a HEIC picture, which cannot be opened: save it as JPEG or PNG first."
    if start.startswith(_SIGNATURES) or start[4:8] == b"ftyp":
        return f"{name} is damaged or incomplete at its beginning: copy or download it again."
    return f"{name} is not a picture of a known kind: choose a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or PPM file."


def _decode(
    image: ImageFile.ImageFile, path: Path, name: str, max_side: int | None, room: Room
) -> OpenedImage:
    notes: list[str] = []
    form = "JPEG" if image.format == "MPO" else image.format or "unknown"
    if form in _WORDS and getattr(image, "is_animated", False):
        frames = "pages" if form == "TIFF" else "frames"
        notes.append(f"{_WORDS[form]}: the first of {getattr(image, 'n_frames', 0)} {frames} is shown")
    if ";16" in repr(image.tile) or image.mode.startswith("I;16"):
        notes.append("16-bit picture shown with 8")
    elif image.mode in ("I", "F"):
        notes.append("picture of more than 8 bits shown with 8")
    if max_side is not None and max(image.size) > max_side:
        shrink = max_side / max(image.size)
        image.draft(image.mode, tuple(max(1, math.ceil(side * shrink)) for side in image.size))  # type: ignore[arg-type]
    memory = RowMemory(image) if RowMemory.fits(image) else None
    upright = None
    if memory is not None and form == "JPEG" and image.mode == "RGB":
        upright = _Upright(image, memory, notes, room)
        memory.watch(image, upright.fill)
    image.load()
    _check_size(image.size, name)
    # Read after loading: then TIFFs are upright already, and blocks behind the pixels are known. A JPEG has none.
    upright = upright or _Upright(image, memory, notes, room)
    upright.fill(image.height)
    if not upright.is_opaque:
        notes.append("transparency was laid on white")
    pixels = upright.pixels if max_side is None else _reduced(upright.pixels, max_side, room)
    pixels.flags.writeable = False
    return OpenedImage(pixels, path, form, upright.icc_profile, upright.exif, tuple(notes))


class _Upright:
    """The upright pixels of a picture, filled from the first row of the file to the last."""

    def __init__(self, image: Image.Image, memory: RowMemory | None, notes: list[str], room: Room) -> None:
        self._image, self._memory = image, memory
        self.exif, orientation = _exif(image)
        self._to_rgb, self.icc_profile = make_converter(image, notes)
        width, height = image.size
        self.pixels = room((width, height, 3) if orientation >= 5 else (height, width, 3))
        self._stored = _as_stored(self.pixels, orientation)
        self._filled = 0
        self.is_opaque = True

    def fill(self, rows: int) -> None:
        """So many rows are decoded: take over those that are new; fewer than a strip wait for more."""
        width, height = self._image.size
        step = max(1, _STRIP_PIXELS // width)
        while rows == height > self._filled or rows - self._filled >= step:
            top, bottom = self._filled, min(height, self._filled + step)
            part, alpha = self._to_rgb(self._strip(top, bottom))
            if alpha is not None and not (alpha == 255).all():
                self.is_opaque = False
                part = _on_white(part, alpha)
            self._stored[top:bottom] = part
            self._filled = bottom
            if self._memory is not None:
                self._memory.give_back(bottom)

    def _strip(self, top: int, bottom: int) -> Image.Image:
        if self._memory is not None:
            return self._memory.strip(top, bottom)
        return self._image.crop((0, top, self._image.width, bottom))


def _exif(image: Image.Image) -> tuple[bytes | None, int]:
    """The EXIF block with the orientation reset, and the orientation, 1 to 8, in which the pixels lie."""
    try:
        exif = image.getexif()
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        if orientation not in range(1, 9):
            orientation = 1
    except Exception:  # damaged metadata: the picture is as good without
        return None, 1
    if not exif or image.format == "TIFF":  # there the block is the file's own layout
        return None, int(orientation)
    try:
        exif[ExifTags.Base.Orientation] = 1
        return exif.tobytes(), int(orientation)
    except Exception:
        return None, int(orientation)


def _as_stored(upright: Pixels, orientation: int) -> Pixels:
    """A view of ``upright`` in which rows and columns lie as in a file of this EXIF orientation."""
    if orientation in (5, 6, 7, 8):
        upright = upright.swapaxes(0, 1)
    if orientation in (3, 4, 6, 7):
        upright = upright[::-1]
    if orientation in (2, 3, 7, 8):
        upright = upright[:, ::-1]
    return upright


def _on_white(rgb: Pixels, alpha: Pixels) -> Pixels:
    share = alpha[..., None].astype(np.uint16)
    # Exact rounding: 255 · 255 + 127 fits in 16 bits.
    return ((rgb * share + 255 * (255 - share) + 127) // 255).astype(np.uint8)


def _reduced(pixels: Pixels, max_side: int, room: Room) -> Pixels:
    height, width = pixels.shape[:2]
    if max(height, width) <= max_side:
        return pixels
    shrink = max_side / max(height, width)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    factor = max(1, int(0.5 / shrink))
    if factor > 1:  # in strips: Pillow's copy of the whole would be larger than the picture
        step = max(1, _STRIP_PIXELS // width // factor) * factor
        strips = (Image.fromarray(pixels[top : top + step]) for top in range(0, height, step))
        pixels = np.concatenate([np.asarray(strip.reduce(factor)) for strip in strips])
    box = 0, 0, width / factor, height / factor
    small = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, box)
    reduced = room((size[1], size[0], 3))
    reduced[...] = np.asarray(small)
    return reduced
