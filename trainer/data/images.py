"""The one safe opener of pictures: upright 8-bit RGB, or one sentence that says why not.

Nothing is decoded before the header has been believed: the format is one of a list, and the size is within
reason. Originals are opened for reading only.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from trainer.errors import ImageError

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM")
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".ppm", ".pgm", ".mpo"}
)
MOST_PIXELS = 179_000_000
"""Pictures above this are refused before they are decoded."""

_ORIENTATION = 0x0112
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    struct.error,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    ZeroDivisionError,
    AssertionError,
    RuntimeError,
    zlib.error,
)
"""What Pillow's decoders raise on damaged files."""


@dataclass(frozen=True)
class OpenedImage:
    """A picture as the program works with it.

    Attributes:
        pixels: Height × width × 3, uint8, upright, in the colours of ``icc_profile`` (sRGB if there is none).
        path: Where it came from, or a name for the eye if it is no file.
        format: Pillow's name of the file's format.
        icc_profile: The profile the pixels are still in; None once they were converted to sRGB.
        exif: The file's EXIF with the orientation set to upright; None if it has none.
        notes: Sentences for the user about what was done to show the picture.
    """

    pixels: npt.NDArray[np.uint8]
    path: Path
    format: str
    icc_profile: bytes | None
    exif: bytes | None
    notes: tuple[str, ...]


def open_image(path: Path | str, *, max_side: int | None = None) -> OpenedImage:
    """Open a picture file.

    Args:
        path: Of the file.
        max_side: A JPEG may be opened smaller than it is, with its longer side at least so long; None: as it is.

    Raises:
        ImageError: What is wrong with the file, and what to do.
    """
    path = Path(path)
    name = _printable(path.name)
    try:
        if path.is_dir():
            raise ImageError(f"“{name}” is a folder, not a picture.")
        with path.open("rb") as file:
            return _open(file, path, name, max_side)
    except FileNotFoundError as error:
        raise ImageError(f"“{name}” does not exist in {_printable(str(path.parent))}.") from error
    except PermissionError as error:
        raise ImageError(f"“{name}” may not be read: ask its owner for permission.") from error
    except MemoryError as error:
        raise ImageError(f"“{name}” needs more memory than there is; open a smaller copy.") from error
    except OSError as error:
        raise ImageError(f"“{name}” cannot be read: {error.strerror or error}.") from error


def open_image_bytes(data: bytes, name: str) -> OpenedImage:
    """Open a picture from memory, for instance from the clipboard; ``name`` is for the eye.

    Raises:
        ImageError: What is wrong with it.
    """
    return _open(io.BytesIO(data), Path(name), _printable(name), None)


def list_images(folder: Path) -> list[Path]:
    """The pictures directly in a folder, hidden ones left out, numbers in their natural order."""
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    return sorted(found, key=_natural)


def _open(file: io.BufferedReader | io.BytesIO, path: Path, name: str, max_side: int | None) -> OpenedImage:
    if not file.read(1):
        raise ImageError(f"“{name}” is empty.")
    file.seek(0)
    try:
        picture = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ImageError(_too_large(name)) from error
    except _DECODER_ERRORS as error:
        raise ImageError(
            f"“{name}” is not a picture this program can read (JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP)."
        ) from error
    with picture:
        width, height = picture.size
        if width * height > MOST_PIXELS:
            raise ImageError(_too_large(name, f"{width} × {height}"))
        if width < 1 or height < 1:
            raise ImageError(f"“{name}” has no pixels.")
        try:
            return _decode(picture, path, max_side)
        except _DECODER_ERRORS as error:
            raise ImageError(
                f"“{name}” is damaged or cut short: {_reason(error)}. Use another copy."
            ) from error


def _decode(picture: Image.Image, path: Path, max_side: int | None) -> OpenedImage:
    notes = []
    frames = _frames(picture)
    if frames > 1 and picture.format != "MPO":
        notes.append(f"This file has {frames} frames; the first is shown.")
    if max_side is not None and picture.format == "JPEG":
        picture.draft(None, (max_side, max_side))
    exif = picture.getexif()
    profile = picture.info.get("icc_profile")
    picture.load()
    if picture.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        pixels = _deep_grey(picture)
        notes.append("This picture has more than 8 bits per colour; it is shown and saved with 8.")
        profile = None
        picture_rgb = (
            Image.fromarray(pixels, "L").convert("RGB") if pixels.ndim == 2 else Image.fromarray(pixels)
        )
    else:
        if picture.has_transparency_data:
            notes.append("The transparent parts are laid on white.")
        picture_rgb, profile = _to_rgb(picture, profile)
    upright = _transpose(picture_rgb, exif)
    if _ORIENTATION in exif:
        exif[_ORIENTATION] = 1
    return OpenedImage(
        pixels=np.ascontiguousarray(np.asarray(upright, dtype=np.uint8)),
        path=path,
        format=picture.format or "",
        icc_profile=profile,
        exif=exif.tobytes() if len(exif) else None,
        notes=tuple(notes),
    )


def _frames(picture: Image.Image) -> int:
    frames = getattr(picture, "n_frames", 1)
    return frames if isinstance(frames, int) else 1


def _deep_grey(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """16-bit, 32-bit and float grey scaled to 8 bits; Pillow's own conversion would clip them."""
    values = np.asarray(picture).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if picture.mode == "F":
        top = 1.0 if values.max(initial=0) <= 1 else 255.0 if values.max() <= 255 else 65535.0
    else:
        top = 65535.0
    return np.asarray(np.rint(np.clip(values / top, 0, 1) * 255), np.uint8)


def _to_rgb(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """RGB on white, converted to sRGB where the profile is of other colours (CMYK, Lab) than RGB."""
    if picture.mode in ("CMYK", "LAB"):
        converted = _through_profile(picture, profile) if profile else None
        return converted or picture.convert("RGB"), None
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert(
            "RGB"
        ), profile if picture.mode == "RGBA" else None
    return picture.convert("RGB"), profile if picture.mode == "RGB" else None


def _through_profile(picture: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, *_DECODER_ERRORS):
        return None


_TRANSPOSES: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _transpose(picture: Image.Image, exif: Image.Exif) -> Image.Image:
    turn = _TRANSPOSES.get(exif.get(_ORIENTATION, 1))
    return picture.transpose(turn) if turn is not None else picture


def _too_large(name: str, size: str = "more than that") -> str:
    return f"“{name}” has {size} pixels; pictures up to {MOST_PIXELS // 1_000_000} megapixels open. Scale it down."


def _reason(error: BaseException) -> str:
    text = _printable(str(error)).strip().rstrip(".")
    return text[:120] or type(error).__name__


def _printable(text: str) -> str:
    """Names with line breaks or bytes that are no UTF-8 still make one readable sentence."""
    return "".join(c if c.isprintable() else "�" for c in text.encode("utf-8", "replace").decode("utf-8"))


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    parts = re.split(r"(\d+)", path.name.lower())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts], path.name
