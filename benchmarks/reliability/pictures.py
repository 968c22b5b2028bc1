"""Promises 8, 9 and 20: hostile, large and oddly named pictures."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.reliability.harness import Check, Outcome
from benchmarks.reliability.watch import guarded
from jmvae_studio.document.edit import Edit
from jmvae_studio.document.photo import FaceState
from jmvae_studio.document.presets import Preset, load_preset, save_preset
from jmvae_studio.document.records import FaceRecord
from jmvae_studio.document.saving import Saving, save_picture
from jmvae_studio.document.session_file import PhotoRecord, SessionRecord, load, relative, save
from trainer.data.decoder import Decoder
from trainer.data.face_crop import FaceCrop
from trainer.data.images import MAX_PIXELS, list_images, open_image
from trainer.errors import ImageError, TrainerError

_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF")
_NAMES = (
    *("顔写真", "写真 ①", "사진", "照片", "фото", "φωτο", "תמונה", "صورة", "ภาพ", "चित्र"),
    *("👩‍🚀 at work", "🙂", "é" * 40, "a b", " leading", "trailing ", "two\nlines", "tab\there", "cr\rname"),
    *(
        "it's",
        '"twice"',
        "“quoted”",
        "semi;colon",
        "amp&and",
        "percent%20",
        "$HOME",
        "`ls`",
        "#hash",
        "?what",
    ),
    *("star*", "<angle>", "pipe|pipe", "back\\slash", "colon:name", "-rf", "--help", "~tilde", "comma,name"),
    *(
        "{brace}",
        "[bracket]",
        "(paren)",
        "plus+plus",
        "equals=",
        "at@",
        "!bang",
        "^caret",
        "dot.dot.dot",
        "..dots",
    ),
    *(
        ".hidden",
        "x" * 236,
        "ü" * 118,
        "CON",
        "nul",
        "a" * 100 + " " + "b" * 100,
        "\u202eright-to-left",
        "\u200bzero",
    ),
)
_ENCODED = (
    unicodedata.normalize("NFC", "Café ñ"),
    unicodedata.normalize("NFD", "Café ñ"),
    os.fsdecode(b"invalid \xff\xfe"),
    os.fsdecode(b"latin-1 \xe9"),
)
NAMES = (*_ENCODED, *_NAMES)[:60]


# Hostile files -------------------------------------------------------------------------------------


def _sound(form: str, chance: np.random.Generator) -> bytes:
    pixels = chance.integers(0, 256, (40, 56, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()


def _mutated(data: bytes, chance: np.random.Generator) -> bytes:
    """A few bytes changed, a piece removed, doubled or filled, or the end cut off."""
    changed = bytearray(data)
    for _ in range(int(chance.integers(1, 6))):
        kind, place = chance.integers(0, 5), int(chance.integers(0, max(1, len(changed))))
        piece = int(chance.integers(1, 64))
        if kind == 0:
            for index in range(place, min(place + piece, len(changed))):
                changed[index] = int(chance.integers(0, 256))
        elif kind == 1:
            del changed[place : place + piece]
        elif kind == 2:
            changed[place:place] = changed[place : place + piece]
        elif kind == 3:
            changed[place : place + 4] = bytes(chance.choice([0, 255], 1).astype(np.uint8)) * 4
        else:
            del changed[max(12, place) :]
    return bytes(changed)


def hostile_trial(number: int, folder: Path) -> Outcome:
    """Open 100 mutated files of one format: a picture or a sentence, within two seconds each."""
    outcome = Outcome()
    chance = np.random.default_rng(number)
    form = _FORMATS[number % len(_FORMATS)]
    path = folder / f"mutated.{form.lower()}"
    ended = 0
    with Decoder() as decoder:
        decoder.open(_written(path, _sound(form, chance)))  # the process is there
        for index in range(100):
            _written(path, _mutated(_sound(form, chance), chance))
            started = perf_counter()
            try:
                opened = decoder.open(path)
                outcome.expect(opened.pixels.ndim == 3, f"{form} {index}: opened as no picture")
            except ImageError as error:
                ended += "broke off" in str(error)
                outcome.expect("\n" not in str(error) and bool(str(error)), f"{form} {index}: {error!r}")
            except Exception as error:  # whatever else comes out of it breaks the promise
                outcome.faults.append(f"{form} {index}: {type(error).__name__}: {error}")
            outcome.measure("seconds to open or refuse", perf_counter() - started)
    outcome.measure("decoders ended in a hundred", ended)
    return outcome


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# Large photographs ---------------------------------------------------------------------------------

_MEASURE = """
import io, json, resource, sys
from pathlib import Path
from time import perf_counter, process_time
from PIL import Image
from trainer.data.images import open_image, open_image_bytes

def highest():
    status = Path("/proc/self/status")
    if status.is_file():  # of this program alone: ru_maxrss begins with that of the one that started it
        return int(next(line for line in status.read_text().splitlines() if "VmHWM" in line).split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6

stream = io.BytesIO()
Image.new("RGB", (64, 64)).save(stream, sys.argv[2])
open_image_bytes(stream.getvalue(), "warm-up")
before, started, worked = highest(), perf_counter(), process_time()
pixels = open_image(sys.argv[1]).pixels
seconds = perf_counter() - started, process_time() - worked
print(json.dumps([*seconds, highest() - before, list(pixels.shape)]))
"""


@dataclass(frozen=True)
class Opening:
    """What opening a picture took: seconds by the clock and of the processor, megabytes beyond the start."""

    seconds: float
    worked: float
    megabytes: float


def _photograph(megapixels: float) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Something with gradients and grain, 4:3."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    rows = np.linspace(0, 200, height, dtype=np.float32)[:, None]
    columns = np.linspace(0, 50, width, dtype=np.float32)[None]
    grain = np.random.default_rng(0).integers(0, 6, (height, width), np.uint8)
    grey = (rows + columns).astype(np.uint8) + grain
    return np.stack([grey, grey[::-1], grey[:, ::-1]], axis=2)


def measure_large(folder: Path, megapixels: float, suffix: str) -> Opening:
    """Open a picture in a process of its own."""
    path = folder / f"large{suffix}"
    pixels = _photograph(megapixels)
    options: dict[str, object] = {"quality": 90} if suffix == ".jpg" else {"compress_level": 1}
    Image.fromarray(pixels).save(path, **options)
    form = "JPEG" if suffix == ".jpg" else "PNG"
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), form], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-500:])
    seconds, worked, megabytes, shape = json.loads(done.stdout)
    if tuple(shape) != pixels.shape:
        raise RuntimeError(f"opened as {shape}")
    return Opening(seconds, worked, megabytes)


def large_trial(number: int, folder: Path) -> Outcome:
    """A JPEG and a PNG of 100 megapixels, one of 48 opened and saved, and a picture that is too large."""
    outcome = Outcome()
    for name, suffix in (("JPEG", ".jpg"), ("PNG", ".png")):
        opening = measure_large(folder, 100, suffix)
        outcome.measure(f"100 MP {name}, seconds", opening.seconds)
        outcome.measure(f"100 MP {name}, processor's seconds", opening.worked)
        outcome.measure(f"100 MP {name}, extra MB", opening.megabytes)
    path = folder / "camera.jpg"
    Image.fromarray(_photograph(48)).save(path, quality=90)
    started = perf_counter()
    image = open_image(path)
    outcome.measure("48 MP JPEG, seconds to open", perf_counter() - started)
    started = perf_counter()
    save_picture(folder / "out.jpg", image.pixels, image, saving=Saving(95))
    outcome.measure("48 MP JPEG, seconds to save", perf_counter() - started)
    outcome.faults += refusal_of_too_large(folder)
    return outcome


def refusal_of_too_large(folder: Path) -> list[str]:
    """What is wrong with the answer to a picture of more than 179 megapixels."""
    path = folder / "huge.png"
    side = round(MAX_PIXELS**0.5) + 10
    Image.new("1", (side, side)).save(path)
    started = perf_counter()
    try:
        open_image(path)
    except ImageError as error:
        told = str(error)
        wrong = [] if "179 megapixels" in told else [f"the refusal does not say why: {told}"]
        return wrong + ([] if perf_counter() - started < 1 else ["the refusal takes more than a second"])
    return ["a picture of more than 179 megapixels was opened"]


# Names ---------------------------------------------------------------------------------------------


def name_trial(number: int, folder: Path) -> Outcome:
    """Open, export, keep in a session and a preset, and train on a picture with one of the names."""
    outcome = Outcome()
    name = NAMES[number]
    path = folder / f"{name}.png"
    pixels = np.full((80, 80, 3), 90, np.uint8)
    try:
        Image.fromarray(pixels).save(folder / "plain.png")
        (folder / "plain.png").rename(path)
    except OSError:
        outcome.measure("names this file system refuses", 1)
        return outcome
    try:
        _use(path, name, folder, pixels, outcome)
    except Exception as error:  # whatever comes out of it breaks the promise
        outcome.faults.append(f"{name!r}: {type(error).__name__}: {error}")
    return outcome


def _use(path: Path, name: str, folder: Path, pixels: np.ndarray[Any, Any], outcome: Outcome) -> None:
    with guarded([path]) as touched:
        image = open_image(path)
        outcome.expect(np.array_equal(image.pixels, pixels), f"{name!r}: other pixels")
        outcome.expect(
            list_images(folder) == ([] if name.startswith(".") else [path]), f"{name!r}: not listed"
        )
        out = folder / "results"
        out.mkdir()
        save_picture(out / path.name, image.pixels, image)
        outcome.expect(
            np.array_equal(open_image(out / path.name).pixels, pixels), f"{name!r}: badly exported"
        )
    outcome.faults += touched
    session = folder / "work.jmvae"
    face = FaceRecord.of(FaceState(FaceCrop(40, 40, 60), None, Edit().with_value("Smiling", 1)))
    save(session, SessionRecord(photos=[PhotoRecord(path=relative(path, folder), faces=[face])]))
    outcome.expect(folder / load(session).photos[0].path == path, f"{name!r}: lost in a session")
    title = name.encode("utf-8", "replace").decode().strip()[:80] or "x"
    save_preset(folder / "p.jmvae-preset", Preset(name=title, values={"Smiling": 1}))
    outcome.expect(load_preset(folder / "p.jmvae-preset").name == title, f"{name!r}: lost in a preset")
    if not name.startswith("."):
        outcome.expect(_train_on(path, out), f"{name!r}: not read for training")


def _train_on(path: Path, folder: Path) -> bool:
    """Whether the trainer finds a picture of this name in its folder's table."""
    from trainer.data.folder import load_folder

    try:
        text = f"image,Smiling\n{_quoted(path.name)},1\n"
        (folder / "attributes.csv").write_text(text, encoding="utf-8", newline="")
    except UnicodeEncodeError:
        return True  # a table is UTF-8 text: such a name cannot be written there, and is reported as missing
    try:
        load_folder(folder, 64)
    except TrainerError as error:
        return "face" in str(error)  # found and opened: there is no face in it
    return True


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


HOSTILE = Check(
    "8",
    "hostile",
    "100 mutated pictures of six formats",
    100,
    "100 files",
    hostile_trial,
    {"seconds to open or refuse": 2.0},
)
LARGE = Check(
    "9",
    "large",
    "large photographs",
    3,
    "round",
    large_trial,
    {
        "100 MP JPEG, seconds": 3.0,
        "100 MP JPEG, extra MB": 400,
        "100 MP PNG, seconds": 8.0,
        "48 MP JPEG, seconds to open": 1.5,
        "48 MP JPEG, seconds to save": 3.0,
    },
)
PATHS = Check(
    "20",
    "paths",
    "odd names through opening, export, sessions, presets and training",
    len(NAMES),
    "name",
    name_trial,
)
CHECKS: Sequence[Check] = (HOSTILE, LARGE, PATHS)
