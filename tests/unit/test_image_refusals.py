"""What is refused, in one sentence; mutated files."""

from __future__ import annotations

import os
import random
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.pictures import HEIGHT, RGB, WIDTH, encoded, gamma_profile, png, refused
from trainer.data.images import OpenedImage, open_image_bytes
from trainer.errors import ImageError


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
