"""Pixels of any kind and colour profile as RGB."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Pixels = npt.NDArray[np.uint8]
"""Height × width × 3, RGB."""

Converter = Callable[[Image.Image], tuple[Pixels, Pixels | None]]
"""From a strip of the picture to its RGB and its alpha, if it has any."""


def make_converter(image: Image.Image, notes: list[str]) -> tuple[Converter, bytes | None]:
    """How the picture's strips become RGB, and the profile that then holds.

    A profile that calls itself sRGB is kept and the colours stay. Any other is applied: the pixels become
    sRGB, and the profile, which no longer holds, is dropped.
    """
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _deep_converter(image, notes), None
    transparent = mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    opaque_mode = {"1": "L", "L": "L", "LA": "L", "La": "L", "CMYK": "CMYK", "LAB": "LAB"}.get(mode, "RGB")
    if mode not in _MODES:
        raise ValueError(f"unsupported kind of pixels, {mode}")
    profile = image.info.get("icc_profile")
    transform, kept = _transform(profile, opaque_mode, notes)

    def convert(strip: Image.Image) -> tuple[Pixels, Pixels | None]:
        alpha = None
        if transparent:
            strip = strip.convert("RGBA")
            alpha = np.asarray(strip.getchannel("A"))
        if strip.mode != opaque_mode:
            strip = strip.convert(opaque_mode)
        if transform is not None:
            strip = ImageCms.applyTransform(strip, transform) or strip
        return np.asarray(strip.convert("RGB")), alpha

    return convert, kept


_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV")
_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def _transform(
    data: object, mode: str, notes: list[str]
) -> tuple[ImageCms.ImageCmsTransform | None, bytes | None]:
    """The transform to sRGB, if one is needed, and the profile to keep."""
    intent = ImageCms.Intent.PERCEPTUAL
    srgb = ImageCms.createProfile("sRGB")
    if mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return ImageCms.buildTransform(lab, srgb, mode, "RGB", intent), None
    if not isinstance(data, bytes) or not data:
        return None, None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        description = " ".join(ImageCms.getProfileDescription(profile).split())
        if profile.profile.xcolor_space.strip() != _SPACES[mode]:
            raise ValueError("a profile for another kind of picture")
        if mode == "RGB" and "srgb" in description.lower().replace(" ", ""):
            return None, data
        transform = ImageCms.buildTransform(profile, srgb, mode, "RGB", intent)
    except Exception:  # a damaged profile: colours as if there were none
        notes.append("its colour profile is damaged and was ignored")
        return None, None
    notes.append(f"colours were converted from {description[:60] or 'its profile'} to sRGB")
    return transform, None


def _deep_converter(image: Image.Image, notes: list[str]) -> Converter:
    """For grey of more than eight bits: scaled, not clipped."""
    low, high = 0.0, 65535.0
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        extremes = [0.0, 1.0]
        values = np.asarray(image)
        finite = values[np.isfinite(values)]
        if finite.size:
            extremes = [float(finite.min()), float(finite.max())]
        if image.mode == "F" and extremes[0] >= 0 and extremes[1] <= 1:
            low, high = 0.0, 1.0
        elif image.mode == "F" or extremes[0] < 0 or extremes[1] > 65535:
            low, high = extremes
            notes.append("brightness was stretched from its darkest to its brightest value")
    span = high - low if high > low else 1.0

    def convert(strip: Image.Image) -> tuple[Pixels, Pixels | None]:
        values = np.nan_to_num(np.asarray(strip).astype(np.float64), nan=low, posinf=high, neginf=low)
        grey = np.clip((values - low) * (255 / span) + 0.5, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), None

    return convert
