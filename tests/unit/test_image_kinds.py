"""Every kind of file opens to the picture it holds."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.pictures import (
    BITS,
    DEEP,
    DEEP_GREY,
    FLOATS,
    GREY,
    HEIGHT,
    LA,
    PLAIN,
    RGB,
    RGBA,
    SRGB,
    WHITE,
    WIDTH,
    alpha,
    animated_gif,
    animation,
    assert_close,
    cmyk,
    cmyk_reference,
    encoded,
    grey16,
    grey_rgb,
    lossy,
    on_white,
    pages,
    palette_png,
    rgb16_png,
    rgb16_tiff,
    transparent_gif,
)
from trainer.data.images import open_image, open_image_bytes

Fixture = tuple[Callable[[], "bytes | tuple[bytes, np.ndarray]"], "np.ndarray | None", str, tuple[str, ...]]

CASES: dict[str, Fixture] = {
    "jpeg": (lambda: lossy(RGB, "JPEG", subsampling=0), None, "JPEG", ()),
    "jpeg progressive": (lambda: lossy(RGB, "JPEG", subsampling=0, progressive=True), None, "JPEG", ()),
    "jpeg grey": (lambda: encoded(RGB.getchannel(0), "JPEG", quality=100), grey_rgb(GREY), "JPEG", ()),
    "jpeg cmyk": (lambda: encoded(cmyk(), "JPEG", quality=100, subsampling=0), cmyk_reference(), "JPEG", ()),
    "mpo": (lambda: lossy(RGB, "MPO", save_all=True, append_images=[RGB]), None, "JPEG", ()),
    "png": (lambda: encoded(RGB, "PNG"), PLAIN, "PNG", ()),
    "png grey": (lambda: encoded(RGB.getchannel(0), "PNG"), grey_rgb(GREY), "PNG", ()),
    "png alpha": (lambda: encoded(RGBA, "PNG"), on_white(PLAIN, alpha()), "PNG", (WHITE,)),
    "png grey alpha": (lambda: encoded(LA, "PNG"), on_white(grey_rgb(GREY), alpha()), "PNG", (WHITE,)),
    "png opaque alpha": (lambda: encoded(RGB.convert("RGBA"), "PNG"), PLAIN, "PNG", ()),
    "png 16-bit grey": (lambda: encoded(grey16(DEEP_GREY), "PNG"), grey_rgb(DEEP_GREY / 257), "PNG", (DEEP,)),
    "png 16-bit rgb": (rgb16_png, None, "PNG", (DEEP,)),
    "png 1-bit": (lambda: encoded(Image.fromarray(BITS), "PNG"), grey_rgb(BITS * 255), "PNG", ()),
    "png palette": (lambda: palette_png(False), None, "PNG", ()),
    "png palette transparent": (lambda: palette_png(True), None, "PNG", (WHITE,)),
    "png srgb profile": (lambda: encoded(RGB, "PNG", icc_profile=SRGB), PLAIN, "PNG", ()),
    "apng": (lambda: animation("PNG"), PLAIN, "PNG", ("animated: the first of 5 frames is shown",)),
    "webp": (lambda: encoded(RGB, "WEBP", lossless=True), PLAIN, "WEBP", ()),
    "webp alpha": (
        lambda: encoded(RGBA, "WEBP", lossless=True, exact=True),
        on_white(PLAIN, alpha()),
        "WEBP",
        (WHITE,),
    ),
    "webp animated": (
        lambda: animation("WEBP", lossless=True),
        PLAIN,
        "WEBP",
        ("animated: the first of 5 frames is shown",),
    ),
    "gif": (
        lambda: (encoded(RGB.quantize(64), "GIF"), np.asarray(RGB.quantize(64).convert("RGB"))),
        None,
        "GIF",
        (),
    ),
    "gif transparent": (transparent_gif, None, "GIF", (WHITE,)),
    "gif animated": (animated_gif, None, "GIF", ("animated: the first of 5 frames is shown",)),
    "bmp": (lambda: encoded(RGB, "BMP"), PLAIN, "BMP", ()),
    "bmp 1-bit": (lambda: encoded(Image.fromarray(BITS), "BMP"), grey_rgb(BITS * 255), "BMP", ()),
    "bmp palette": (
        lambda: (encoded(RGB.quantize(64), "BMP"), np.asarray(RGB.quantize(64).convert("RGB"))),
        None,
        "BMP",
        (),
    ),
    "avif": (lambda: lossy(RGB, "AVIF", subsampling="4:4:4"), None, "AVIF", ()),
    "tiff": (lambda: encoded(RGB, "TIFF"), PLAIN, "TIFF", ()),
    "tiff lzw": (lambda: encoded(RGB, "TIFF", compression="tiff_lzw"), PLAIN, "TIFF", ()),
    "tiff jpeg": (lambda: encoded(RGB, "TIFF", compression="jpeg", quality=100), PLAIN, "TIFF", ()),
    "tiff alpha": (lambda: encoded(RGBA, "TIFF"), on_white(PLAIN, alpha()), "TIFF", (WHITE,)),
    "tiff cmyk": (lambda: encoded(cmyk(), "TIFF"), cmyk_reference(), "TIFF", ()),
    "tiff 16-bit grey": (
        lambda: encoded(grey16(DEEP_GREY), "TIFF"),
        grey_rgb(DEEP_GREY / 257),
        "TIFF",
        (DEEP,),
    ),
    "tiff 16-bit rgb": (rgb16_tiff, None, "TIFF", (DEEP,)),
    "tiff 1-bit": (
        lambda: encoded(Image.fromarray(BITS), "TIFF", compression="group4"),
        grey_rgb(BITS * 255),
        "TIFF",
        (),
    ),
    "tiff float": (
        lambda: encoded(Image.fromarray(FLOATS), "TIFF"),
        grey_rgb(GREY),
        "TIFF",
        ("picture of more than 8 bits shown with 8",),
    ),
    "tiff float, any range": (
        lambda: encoded(Image.fromarray(FLOATS * 1000 - 500), "TIFF"),
        grey_rgb((GREY - GREY.min()) * 255 / (GREY.max() - GREY.min())),
        "TIFF",
        (
            "picture of more than 8 bits shown with 8",
            "brightness was stretched from its darkest to its brightest value",
        ),
    ),
    "tiff 32-bit": (
        lambda: encoded(Image.fromarray(DEEP_GREY.astype(np.int32)), "TIFF"),
        grey_rgb(DEEP_GREY / 257),
        "TIFF",
        ("picture of more than 8 bits shown with 8",),
    ),
    "tiff pages": (pages, PLAIN, "TIFF", ("several pages: the first of 3 pages is shown",)),
    "ppm": (lambda: encoded(RGB, "PPM"), PLAIN, "PPM", ()),
    "pgm 16-bit": (
        lambda: b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + DEEP_GREY.astype(">u2").tobytes(),
        grey_rgb(DEEP_GREY / 257),
        "PPM",
        (DEEP,),
    ),
    "pbm": (lambda: encoded(Image.fromarray(BITS), "PPM"), grey_rgb(BITS * 255), "PPM", ()),
}


@pytest.mark.parametrize("case", CASES)
def test_kinds(case: str, tmp_path: Path) -> None:
    make, reference, form, notes = CASES[case]
    made = make()
    data, reference = made if isinstance(made, tuple) else (made, reference)
    path = tmp_path / "picture.any"
    path.write_bytes(data)
    os.utime(path, ns=(10**18, 10**18 + 1))
    before = hashlib.sha256(data).digest(), path.stat().st_mtime_ns
    opened = open_image(path)
    assert reference is not None
    assert_close(opened, reference)
    assert (opened.format, opened.notes, opened.path) == (form, notes, path)
    assert (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) == before
    assert_close(open_image_bytes(data, "clipboard"), opened.pixels, 0)
