"""Pictures of every kind, made for the tests of opening them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from trainer.data.images import OpenedImage, open_image
from trainer.errors import ImageError

HEIGHT, WIDTH = 60, 90
DEEP = "16-bit picture shown with 8"
WHITE = "transparency was laid on white"


def picture() -> np.ndarray:
    """Smooth, so that lossy formats keep it, and without any symmetry."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    planes = (x * 220 / WIDTH + 20, y * 220 / HEIGHT + 10, 128 + 90 * np.sin(x / 25 + y / 40))
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def lossy(image: Image.Image, form: str, **options: Any) -> tuple[bytes, np.ndarray]:
    """A file, and what its decoder alone makes of it; near the picture, but not within 2."""
    data = encoded(image, form, quality=100, **options)
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert np.abs(reference.astype(int) - picture()).max() <= 6
    return data, reference


def alpha() -> np.ndarray:
    return np.linspace(0, 255, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).round().astype(np.uint8)


def on_white(rgb: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    share = opacity[..., None] / 255
    return rgb * share + 255 * (1 - share)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def grey16(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.astype(np.uint16))


def png(width: int, height: int, depth: int, kind: int, rows: bytes, *extra: bytes) -> bytes:
    """A hand-made PNG, for what Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + b"".join(extra)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def rgb16_png() -> tuple[bytes, np.ndarray]:
    values = picture().astype(np.uint16) * 257
    values[::2] += 100  # no value is a multiple of 257 there
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(WIDTH, HEIGHT, 16, 2, rows), values / 257


def rgb16_tiff() -> tuple[bytes, np.ndarray]:
    values = picture().astype(np.uint16) * 257
    body = values.astype("<u2").tobytes()
    tags = {256: (4, WIDTH), 257: (4, HEIGHT), 259: (3, 1), 262: (3, 2), 277: (3, 3), 278: (4, HEIGHT)}
    tags[279] = (4, len(body))
    count = len(tags) + 2
    after = 8 + 2 + 12 * count + 4
    entries = {key: struct.pack("<HHII", key, kind, 1, value) for key, (kind, value) in tags.items()}
    entries[258] = struct.pack("<HHII", 258, 3, 3, after)
    entries[273] = struct.pack("<HHII", 273, 4, 1, after + 6)
    block = struct.pack("<H", count) + b"".join(entries[key] for key in sorted(entries)) + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", 8) + block + struct.pack("<HHH", 16, 16, 16) + body, values / 257


def palette_png(transparent: bool) -> tuple[bytes, np.ndarray]:
    image = Image.fromarray(picture()).quantize(64)
    reference = np.asarray(image.convert("RGB")).astype(float)
    if not transparent:
        return encoded(image, "PNG"), reference
    opacity = np.full(64, 255, np.uint8)
    opacity[:20] = np.arange(20) * 10
    indices = np.asarray(image)
    return encoded(image, "PNG", transparency=opacity.tobytes()), on_white(reference, opacity[indices])


def transparent_gif() -> tuple[bytes, np.ndarray]:
    image = Image.fromarray(picture()).quantize(32)
    reference = np.asarray(image.convert("RGB")).copy()
    reference[np.asarray(image) == 5] = 255
    return encoded(image, "GIF", transparency=5), reference


def animation(form: str, **options: Any) -> bytes:
    frames = [Image.fromarray(np.roll(picture(), 20 * shift, axis=1)) for shift in range(5)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100, **options)


def animated_gif() -> tuple[bytes, np.ndarray]:
    frames = [Image.fromarray(np.roll(picture(), 20 * shift, axis=1)).quantize(64) for shift in range(5)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    return data, np.asarray(frames[0].convert("RGB"))


def pages() -> bytes:
    frames = [Image.fromarray(np.roll(picture(), 20 * shift, axis=1)) for shift in range(3)]
    return encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:])


def cmyk() -> Image.Image:
    return Image.fromarray(picture()).convert("CMYK")


def cmyk_reference() -> np.ndarray:
    ink = np.asarray(cmyk()).astype(float) / 255
    return 255 * (1 - ink[..., :3]) * (1 - ink[..., 3:])


GREY = picture()[..., 0].astype(int)
BITS = (GREY + picture()[..., 1]) % 64 < 20


def grey_rgb(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[..., None], 3, axis=2)


RGB = Image.fromarray(picture())
RGBA = Image.fromarray(np.dstack([picture(), alpha()]))
LA = Image.fromarray(np.dstack([GREY.astype(np.uint8), alpha()]))
DEEP_GREY = GREY * 257 + 77
FLOATS = GREY.astype(np.float32) / 255
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

PLAIN = picture()


def gamma_profile(gamma: float) -> bytes:
    """sRGB's profile with other tone curves: its colours mean something else."""
    data = bytearray(SRGB)
    count = struct.unpack(">I", data[128:132])[0]
    for index in range(count):
        name, offset, size = struct.unpack(">4sII", data[132 + 12 * index : 144 + 12 * index])
        if name in (b"rTRC", b"gTRC", b"bTRC"):
            curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
            data[offset : offset + size] = curve.ljust(size, b"\0")
        if name == b"desc":
            text = data[offset : offset + size]
            data[offset : offset + size] = text.replace(
                "sRGB".encode("utf-16-be"), "Test".encode("utf-16-be")
            )
    return bytes(data)


def assert_close(opened: OpenedImage, reference: np.ndarray, tolerance: float = 2) -> None:
    assert opened.pixels.shape == reference.shape
    assert opened.pixels.dtype == np.uint8
    assert np.abs(opened.pixels - np.asarray(reference, float)).max() <= tolerance


def refused(path: Path | str) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(ImageError) as caught:
        open_image(path)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message
