"""Pictures of several strips, whose memory is read and given back while they are decoded."""

import io
import mmap
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.unit.pictures import encoded, gamma_profile
from trainer.data.images import open_image_bytes
from trainer.data.row_memory import RowMemory
from trainer.errors import ImageError

NOISE = np.random.default_rng(0).integers(0, 256, (700, 1000, 4), np.uint8)
PICTURE = Image.fromarray(NOISE[..., :3])
"""Large enough that its file is read in many pieces."""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_upright_to_the_last_bit(orientation: int, progressive: bool) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(PICTURE, "JPEG", exif=exif, progressive=progressive)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(open_image_bytes(data, "large.jpg").pixels, np.asarray(upright))


@pytest.mark.parametrize(
    ("form", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("JPEG", "CMYK", {}),
        ("JPEG", "L", {}),
        ("JPEG", "RGB", {"icc_profile": gamma_profile(1.0)}),
    ],
)
def test_other_kinds_are_as_without_the_memory(
    form: str, mode: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = {"L": 1, "RGB": 3}.get(mode, 4)
    pixels = NOISE[..., :channels].squeeze()
    image = Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    data = encoded(image, form, **options)
    with_memory = open_image_bytes(data, "large")
    monkeypatch.setattr(RowMemory, "fits", staticmethod(lambda image: False))
    without = open_image_bytes(data, "large")
    assert np.array_equal(with_memory.pixels, without.pixels)
    assert with_memory.notes == without.notes


def test_a_large_jpeg_cut_off_is_refused() -> None:
    data = encoded(PICTURE, "JPEG")
    with pytest.raises(ImageError, match="is incomplete"):
        open_image_bytes(data[: len(data) // 2], "large.jpg")


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", refuse)
    with pytest.raises(ImageError, match="needs more memory than is free"):
        open_image_bytes(encoded(PICTURE, "PNG"), "large.png")
