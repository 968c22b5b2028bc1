"""Pictures decoded in a process of their own: the same pictures, and no harm to the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from trainer.data import decoder as decoding
from trainer.data.decoder import Decoder
from trainer.data.images import OpenedImage, open_image
from trainer.errors import ImageError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a process cannot be given files there")


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def helpers() -> list[int]:
    """Processes that decode for this one."""
    listed = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True, check=True
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "trainer.data.decoder" in line]


def make(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    options = {"exif": exif} if path.suffix in (".jpg", ".webp", ".png") else {}
    Image.fromarray(noise(31, 45)).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.gif", "a.bmp", "a.avif"])
def test_a_picture_is_that_of_this_process(decoder: Decoder, tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name)
    here, there = open_image(path), decoder.open(path)
    assert np.array_equal(there.pixels, here.pixels)
    assert not there.pixels.flags.writeable
    assert (there.path, there.format, there.notes) == (here.path, here.format, here.notes)
    assert (there.exif, there.icc_profile) == (here.exif, here.icc_profile)
    small = decoder.open(path, max_side=20)
    assert np.array_equal(small.pixels, open_image(path, max_side=20).pixels)
    assert max(small.pixels.shape) == 20


def test_a_large_picture_is_not_copied_and_outlives_the_next(decoder: Decoder, tmp_path: Path) -> None:
    pixels = noise(2600, 2200)
    assert pixels.nbytes > decoding._COPIED
    for number in range(2):
        Image.fromarray(np.roll(pixels, number)).save(tmp_path / f"{number}.bmp")
    first, second = (decoder.open(tmp_path / f"{number}.bmp") for number in range(2))
    assert first.pixels.base is not None
    assert np.array_equal(first.pixels, pixels)
    assert np.array_equal(second.pixels, np.roll(pixels, 1))


def test_refusals_are_those_of_this_process_and_end_nothing(decoder: Decoder, tmp_path: Path) -> None:
    broken = tmp_path / "broken “name”\n.jpg"
    broken.write_bytes(make(tmp_path / "a.jpg").read_bytes()[:200])
    for path in (broken, tmp_path, tmp_path / "missing.png"):
        with pytest.raises(ImageError) as here:
            open_image(path)
        with pytest.raises(ImageError) as there:
            decoder.open(path)
        assert str(there.value) == str(here.value)
    assert len(helpers()) == 1


def test_a_name_that_is_no_utf_8_and_a_path_from_here(
    decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / os.fsdecode(b"latin-1 \xe9.png")
    try:
        make(tmp_path / "a.png").rename(path)
    except OSError:
        pytest.skip("this file system takes no such names")
    monkeypatch.chdir(tmp_path)
    assert decoder.open(Path(path.name)).pixels.shape == (45, 31, 3)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is not limited here")
def test_a_picture_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8000, 5000)).save(tmp_path / "bomb.png")
    Image.new("RGB", (8000, 5000)).save(tmp_path / "bomb.jpg", progressive=True)
    make(tmp_path / "a.jpg")
    with Decoder(memory=100 << 20) as decoder:
        for name in ("bomb.png", "bomb.jpg"):
            said = rf"“{name}” takes more than 0\.098 GB of memory to decode: save it smaller"
            with pytest.raises(ImageError, match=said):
                decoder.open(tmp_path / name)
        assert decoder.open(tmp_path / "a.jpg").pixels.shape == (45, 31, 3)
    assert open_image(tmp_path / "bomb.png").pixels.shape == (5000, 8000, 3)


def test_a_small_copy_of_a_large_picture_takes_no_more_memory_than_the_picture(tmp_path: Path) -> None:
    # four bytes a pixel while it is decoded
    Image.new("RGB", (8000, 5000), (9, 9, 9)).save(tmp_path / "large.png")
    with Decoder(memory=200 << 20) as decoder:
        assert decoder.open(tmp_path / "large.png").pixels.shape == (5000, 8000, 3)
        small = decoder.open(tmp_path / "large.png", max_side=144).pixels
        assert small.shape == (90, 144, 3)
        assert (small == 9).all()


def test_a_picture_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    Image.new("LA", (13000, 13000)).save(tmp_path / "slow.png")
    make(tmp_path / "a.jpg")
    with Decoder(seconds=0) as decoder:  # a second, then: they are counted whole
        with pytest.raises(ImageError, match=r"“slow.png” takes longer than 0 s to decode: save it anew"):
            decoder.open(tmp_path / "slow.png")
        assert decoder.open(tmp_path / "a.jpg").pixels.shape == (45, 31, 3)


def test_one_that_does_not_answer_is_given_up(
    decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_PATIENCE", 1.0)
    path = make(tmp_path / "a.jpg")
    decoder.open(path)
    (process,) = helpers()
    os.kill(process, signal.SIGSTOP)
    with pytest.raises(ImageError, match="takes longer than 10 s"):
        decoder.open(path)
    assert decoder.open(path).pixels.shape == (45, 31, 3)
    assert helpers() != [process]


def test_a_decoder_that_is_abandoned_waits_for_nothing(decoder: Decoder, tmp_path: Path) -> None:
    path = make(tmp_path / "a.jpg")
    decoder.open(path)
    (process,) = helpers()
    os.kill(process, signal.SIGSTOP)  # as on a drive that does not answer
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(decoder.open, path)
        while not decoder._busy:
            time.sleep(0.01)
        decoder.abandon()
        assert isinstance(waiting.exception(timeout=10), ImageError)
        assert isinstance(pool.submit(decoder.open, path).exception(timeout=10), ImageError)
    assert helpers() == []


def test_a_helper_that_is_gone_is_replaced(decoder: Decoder, tmp_path: Path) -> None:
    path = make(tmp_path / "a.jpg")
    decoder.open(path)
    (process,) = helpers()
    os.kill(process, signal.SIGKILL)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    assert decoder.open(path).pixels.shape == (45, 31, 3)


def test_a_helper_that_breaks_off_costs_one_sentence(
    decoder: Decoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.jpg")
    breaking = tmp_path / "python"
    breaking.write_text("#!/bin/sh\nsleep 0.3\nkill -SEGV $$\n")
    breaking.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(breaking))
        with pytest.raises(ImageError, match=r"“a.jpg” is damaged, decoding it broke off"):
            decoder.open(path)
        patch.setattr(sys, "executable", str(tmp_path / "nothing"))
        with pytest.raises(ImageError, match=r"“a.jpg” cannot be decoded \(No such file or directory\)"):
            decoder.open(path)
    assert decoder.open(path).pixels.shape == (45, 31, 3)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files cannot be counted here")
def test_nothing_is_left_open(tmp_path: Path) -> None:
    path = make(tmp_path / "a.jpg")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Decoder() as decoder:
        for _ in range(20):
            decoder.open(path)
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2
        assert len(helpers()) == 1
    assert helpers() == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files cannot be counted here")
def test_a_helper_that_ends_after_its_answer_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, answer = make(tmp_path / "a.jpg"), decoding._Helper.open

    def last(helper: decoding._Helper, *question: Any) -> OpenedImage:
        image = answer(helper, *question)
        helper.kill()  # as by a window that closes just then
        helper._process.wait()
        return image

    monkeypatch.setattr(decoding._Helper, "open", last)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Decoder() as decoder:
        decoder.open(path)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
