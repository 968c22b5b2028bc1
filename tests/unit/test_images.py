from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import time
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from trainer.data.images import IMAGE_SUFFIXES, OpenedImage, list_images, open_image, open_image_bytes
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

Fixture = tuple[Callable[[], "bytes | tuple[bytes, np.ndarray]"], "np.ndarray | None", str, tuple[str, ...]]
PLAIN = picture()

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


def assert_close(opened: OpenedImage, reference: np.ndarray, tolerance: float = 2) -> None:
    assert opened.pixels.shape == reference.shape
    assert opened.pixels.dtype == np.uint8
    assert np.abs(opened.pixels - np.asarray(reference, float)).max() <= tolerance


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


# --- Orientation, colours, metadata ---

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


# --- What is refused ---


def refused(path: Path | str) -> str:
    with pytest.raises(ImageError) as caught:
        open_image(path)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_missing(tmp_path: Path) -> None:
    assert refused(tmp_path / "no.jpg") == "“no.jpg” does not exist: check the name or choose another file."


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "holidays.jpg").mkdir()
    assert refused(tmp_path / "holidays.jpg") == "“holidays.jpg” is a folder: choose a picture inside it."


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.jpg"
    path.write_bytes(encoded(RGB, "JPEG"))

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", forbidden)  # root may read everything
    message = "“mine.jpg” may not be read: change the file's permissions or choose another one."
    assert refused(path) == message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert refused(tmp_path / "pipe.png") == "“pipe.png” is not an ordinary file: choose a picture."


def test_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "a.png")
    assert "“a.png” cannot be read" in refused(tmp_path / "a.png")


def test_impossible_name() -> None:
    assert "cannot be read (embedded null" in refused("a\0b.png")


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "e.png").touch()
    assert refused(tmp_path / "e.png") == "“e.png” is empty: copy it again or choose another file."


@pytest.mark.parametrize(
    "content", [b"Dear diary", b"%PDF-1.7\n", b"\0" * 1000, b"<svg></svg>", b"%!PS-Adobe"]
)
def test_not_a_picture(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "n.png").write_bytes(content)
    assert refused(tmp_path / "n.png") == (
        "“n.png” is not a picture of a known kind: choose a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or PPM file."
    )


def test_other_decoders_stay_shut(tmp_path: Path) -> None:
    for form in ("ICO", "TGA", "PCX", "JPEG2000"):
        (tmp_path / "n.png").write_bytes(encoded(RGB.resize((32, 32)), form))
        assert "is not a picture of a known kind" in refused(tmp_path / "n.png")


def test_heic(tmp_path: Path) -> None:
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99)
    assert refused(tmp_path / "phone.heic") == (
        "“phone.heic” is a HEIC picture, which cannot be opened: save it as JPEG or PNG first."
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "PPM"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated(tmp_path: Path, form: str, share: float) -> None:
    noisy = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noisy), form)
    path = tmp_path / "half.x"
    path.write_bytes(data[: max(12, int(share * len(data)))])
    message = refused(path)
    assert message.startswith("“half.x” is ")
    assert message.endswith("copy or download it again.")
    if form in ("JPEG", "PNG", "PPM") and share >= 0.5:
        assert message == "“half.x” is incomplete, its end is missing: copy or download it again."


def test_bomb_is_refused_by_its_header() -> None:
    start = time.perf_counter()
    with pytest.raises(ImageError, match=r"“bomb” is too large \(.*at most 179 megapixels can be opened\)"):
        open_image_bytes(png(20000, 10000, 1, 0, b"\0" * 100), "bomb")
    assert time.perf_counter() - start < 1


def test_bombs_of_every_size() -> None:
    for size in ((13_378, 13_378), (65_535, 65_535), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1)):
        with pytest.raises(ImageError, match="too large"):
            open_image_bytes(png(*size, 8, 2, b"\0" * 100), "bomb")


def test_a_hundred_megapixels_open() -> None:
    data = encoded(Image.new("1", (10_000, 10_000), 1), "PNG")
    opened = open_image_bytes(data, "large", max_side=500)
    assert opened.pixels.shape == (500, 500, 3)
    assert opened.pixels.min() == 255


def test_text_bomb() -> None:
    body = b"Comment\0\0" + zlib.compress(b"a" * 50_000_000)
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    with pytest.raises(ImageError, match="“text” is damaged"):
        open_image_bytes(png(WIDTH, HEIGHT, 8, 0, b"\0" * (WIDTH + 1) * HEIGHT, chunk), "text")


@pytest.mark.parametrize(
    "error", [MemoryError(), struct.error("x"), RecursionError("deep"), AssertionError(), zlib.error("bad")]
)
def test_whatever_a_decoder_raises(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(ImageError) as caught:
        open_image_bytes(b"anything", "hostile")
    expected = "needs more memory" if isinstance(error, MemoryError) else "is damaged and cannot be opened"
    assert f"“hostile” {expected}" in str(caught.value)


# --- Mutated files ---


def mutate(data: bytes, chance: random.Random) -> bytes:
    """One file with a few damaged, missing or repeated places."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        place = (
            chance.randrange(len(changed))
            if chance.random() < 0.5
            else chance.randrange(min(200, len(changed)))
        )
        kind = chance.randrange(5)
        if kind == 0:
            changed[place] = chance.randrange(256)
        elif kind == 1:
            changed[place : place + 4] = chance.choice(
                [b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\0\0\xff\xff"]
            )
        elif kind == 2:
            del changed[place : place + chance.randint(1, 40)]
        elif kind == 3:
            changed[place:place] = changed[place : place + chance.randint(1, 40)]
        else:
            changed = changed[: max(16, len(changed) - chance.randrange(len(changed)))]
        if len(changed) < 20:
            break
    return bytes(changed)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF", "BMP"])
def test_mutated_files(form: str) -> None:
    """Seeded; the full number is one loop in the benchmarks."""
    exif = Image.Exif()
    exif[0x0112] = 6
    options: dict[str, Any] = (
        {"exif": exif, "icc_profile": gamma_profile(1.5)} if form not in ("GIF", "BMP") else {}
    )
    if form == "GIF":
        options = {"save_all": True, "append_images": [RGB.rotate(90)]}
    data = encoded(RGB, form, **options)
    chance = random.Random(f"{form} 8")
    opened = 0
    for _ in range(80):
        changed = mutate(data, chance)
        start = time.process_time()
        try:
            image: OpenedImage | None = open_image_bytes(changed, "mutant")
        except ImageError:  # and nothing else
            image = None
        if image is not None:
            opened += 1
            assert image.pixels.ndim == 3
            assert image.pixels.shape[2] == 3
        assert time.process_time() - start < 2
    assert opened < 80


# --- Names and folders ---

NAMES = (
    "顔写真.png",
    "صورة.png",
    "👩‍🚀 at work.png",
    'it\'s “quoted” "twice".png',
    "two\nlines.png",
    " leading and trailing .png",
    "semi;colon&amp%20$HOME`ls`.png",
    "#?*<>|.png",
    "-rf.png",
    unicodedata.normalize("NFC", "é.png"),
    unicodedata.normalize("NFD", "é.png"),
    "x" * 236 + ".png",
    "no suffix",
    os.fsdecode(b"invalid \xff\xfe.png"),
)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows few of these names")
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    try:
        path.write_bytes(encoded(RGB, "PNG"))
    except OSError as error:
        pytest.skip(f"this file system refuses the name: {error}")
    for way in (path, str(path)):
        assert_close(open_image(way), PLAIN, 0)
    assert list_images(tmp_path) == ([] if name == "no suffix" else [path])
    path.write_bytes(b"no picture at all")
    refused(path).encode()  # a message can always be written


def test_message_shows_the_name_on_one_line(tmp_path: Path) -> None:
    assert refused(tmp_path / "two\nlines\u202e.png").startswith("“two\ufffdlines\ufffd.png” does not exist")


def test_list_images(tmp_path: Path) -> None:
    names = ["b10.jpg", "b2.JPG", "a.PnG", "B1.webp", "b2.gif", "ü.tiff"]
    for name in [*names, ".hidden.jpg", "notes.txt", "film.mp4"]:
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "folder.jpg" / "inside.jpg").touch()
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    found = [path.name for path in list_images(tmp_path)]
    assert found == ["a.PnG", "B1.webp", "b2.gif", "b2.JPG", "b10.jpg", "ü.tiff"]


def test_list_images_of_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"The folder “gone” cannot be read \(No such file or directory\)"):
        list_images(tmp_path / "gone")


def test_suffixes() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
    assert ".ico" not in IMAGE_SUFFIXES
