"""Orientation, colours and metadata of opened pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from tests.unit.pictures import (
    DEEP_GREY,
    PLAIN,
    RGB,
    RGBA,
    SRGB,
    alpha,
    assert_close,
    encoded,
    gamma_profile,
    grey16,
    grey_rgb,
    on_white,
)
from trainer.data.images import open_image_bytes

STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}
"""How an upright picture is stored under each EXIF orientation."""


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 100, "subsampling": 0}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("AVIF", {"quality": 100, "subsampling": "4:4:4"}),
    ],
)
def test_orientations(form: str, options: dict[str, Any], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](PLAIN)))
    data = encoded(stored, form, exif=exif, **options)
    opened = open_image_bytes(data, "turned")
    assert_close(opened, PLAIN, 6 if form in ("JPEG", "AVIF") else 0)
    assert_close(opened, np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data)).convert("RGB"))), 1)
    if form != "TIFF":
        kept = Image.Exif()
        assert opened.exif is not None
        kept.load(opened.exif)
        assert (kept[0x0112], kept[0x010F]) == (1, "Maker")


def test_orientation_of_a_deep_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(grey16(np.rot90(DEEP_GREY, 1)), "PNG", exif=exif)
    assert_close(open_image_bytes(data, "deep"), grey_rgb(DEEP_GREY / 257))


def test_nonsense_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert_close(open_image_bytes(encoded(RGB, "PNG", exif=exif), "odd"), PLAIN)


def to_srgb(values: np.ndarray, gamma: float) -> np.ndarray:
    linear = (values / 255) ** gamma
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_other_profiles_are_converted(form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    opened = open_image_bytes(encoded(RGB, form, icc_profile=gamma_profile(1.5), **options), "wide")
    assert_close(opened, to_srgb(PLAIN, 1.5))
    assert opened.icc_profile is None
    assert opened.notes == ("colours were converted from Test built-in to sRGB",)


def test_profile_with_transparency() -> None:
    opened = open_image_bytes(encoded(RGBA, "PNG", icc_profile=gamma_profile(1.5)), "both")
    assert_close(opened, on_white(to_srgb(PLAIN, 1.5), alpha()))
    assert len(opened.notes) == 2


def test_srgb_profile_is_kept() -> None:
    assert open_image_bytes(encoded(RGB, "PNG", icc_profile=SRGB), "usual").icc_profile == SRGB


@pytest.mark.parametrize("profile", [b"nonsense", SRGB[:200], b"\0" * 500])
def test_damaged_profile_is_ignored(profile: bytes) -> None:
    opened = open_image_bytes(encoded(RGB, "PNG", icc_profile=profile), "damaged profile")
    assert_close(opened, PLAIN)
    assert opened.icc_profile is None
    assert opened.notes == ("its colour profile is damaged and was ignored",)


def test_lab_picture() -> None:
    lab = ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(RGB, ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    assert image is not None
    opened = open_image_bytes(encoded(image, "TIFF"), "lab")
    assert np.abs(opened.pixels.astype(int) - PLAIN).mean() < 2  # Lab in 8 bits is coarse


def test_pixels_are_read_only() -> None:
    opened = open_image_bytes(encoded(RGB, "PNG"), "x")
    with pytest.raises(ValueError, match="read-only"):
        opened.pixels[0, 0] = 0


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_reduced(form: str) -> None:
    large = RGB.resize((1800, 1200), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = open_image_bytes(encoded(large, form, exif=exif), "large", max_side=300)
    reference = RGB.resize((300, 200), Image.Resampling.BICUBIC).rotate(-90, expand=True)
    assert opened.pixels.shape == (300, 200, 3)
    assert np.abs(opened.pixels - np.asarray(reference).astype(float)).mean() < 2
    assert open_image_bytes(encoded(RGB, form), "small", max_side=300).pixels.shape == PLAIN.shape
