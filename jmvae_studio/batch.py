"""Pictures one after another, without a window: what the command line and the window of folders do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from jmvae_studio.document.edit import Edit
from jmvae_studio.document.saving import FORMATS, Identity, SaveError, Saving, identities, save_picture
from jmvae_studio.inference.compositing import compose
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.results import PREVIEW_SIZE, Asked, Layer
from jmvae_studio.language import tr, trn
from trainer.data.decoder import Decoder
from trainer.data.face_crop import FaceCrop, Pixels, aligned_crop, extract, whole_crop
from trainer.data.face_detection import Face, find_faces
from trainer.data.images import OpenedImage, list_images
from trainer.errors import ImageError

BATCH = 64
"""Faces that pass through the encoder at once."""

Fail = Callable[[Path, str], None]
Note = Callable[[Path, str], None]


@dataclass(frozen=True)
class Found:
    """A picture with the faces in it."""

    path: Path
    image: OpenedImage
    faces: list[Face]


@dataclass(frozen=True)
class FolderTask:
    """Pictures to edit alike.

    Attributes:
        files: The pictures; they are never written.
        out: The folder of the results, which is there.
        asked: What is asked of each face.
        every_face: Of every face in a picture, or of the largest and most central one.
        replace: Whether results of the same name are replaced, or left as they are.
        whole: The model sees whole pictures (`Engine.takes_whole`).
        saving: How results are written.
    """

    files: tuple[Path, ...]
    out: Path
    asked: Edit
    every_face: bool = False
    replace: bool = False
    whole: bool = False
    saving: Saving | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a picture: saved, left because its result was there, or failed; and in words."""

    path: Path
    kind: Literal["saved", "left", "failed"]
    message: str


MakeLayers = Callable[[Found, Sequence[int]], Sequence[tuple[Layer, FaceCrop]]]
"""The edits of a picture's faces, which are counted from 1, in their order."""


def expand(paths: Iterable[Path], fail: Fail) -> list[Path]:
    """Files as given; a folder stands for the pictures in it."""
    files = []
    for path in paths:
        try:
            if not path.is_dir():
                files.append(path)
                continue
            inside = list_images(path)
        except ImageError as error:
            fail(path, str(error))
        except OSError as error:
            fail(path, tr("{path} cannot be read: {reason}.", path=str(path)[:200], reason=error.strerror))
        else:
            if not inside:
                fail(path, tr("There are no pictures in {path}.", path=path))
            files += inside
    return files


def find(
    paths: Iterable[Path], aligned: bool, fail: Fail, note: Note, whole: bool = False
) -> Iterator[Found]:
    """Open every picture and find its faces; one that cannot be opened is told to ``fail`` and left out.

    Args:
        paths: Of the pictures.
        aligned: They are aligned CelebA pictures: the face is where it always is.
        fail: Told of pictures that cannot be opened.
        note: Told of what was done in opening.
        whole: The model sees whole pictures (`Engine.takes_whole`).
    """
    with Decoder() as decoder:
        for path in paths:
            try:
                image = decoder.open(path)
            except ImageError as error:
                fail(path, str(error))
                continue
            for remark in image.notes:
                note(path, remark)
            if aligned or whole:
                height, width = image.pixels.shape[:2]
                crop = whole_crop(width, height) if whole else aligned_crop(width, height)
                yield Found(path, image, [Face(_box(crop), crop, None, 1.0)])
            else:
                yield Found(path, image, find_faces(image.pixels))


def infer(
    engine: Engine, pictures: Iterable[Found]
) -> Iterator[tuple[Path, list[tuple[Face, dict[str, float]]]]]:
    """The attributes of every face, the encoder fed in batches; in the order of the pictures.

    Of a picture that waits for its batch only the crops are kept.
    """
    waiting: list[tuple[Path, list[Face]]] = []
    crops: list[Pixels] = []
    for picture in pictures:
        waiting.append((picture.path, picture.faces))
        crops += [extract(picture.image.pixels, face.crop, engine.image_size) for face in picture.faces]
        if len(crops) >= BATCH or len(waiting) >= BATCH:
            yield from _infer_batch(engine, waiting, crops)
            waiting, crops = [], []
    yield from _infer_batch(engine, waiting, crops)


def edit(
    engine: Engine,
    picture: Found,
    face_number: int,
    asked: Edit,
    out: Path,
    originals: frozenset[Identity],
) -> None:
    """Edit one face of a picture and save the whole picture.

    Args:
        engine: The loaded model.
        picture: With its faces.
        face_number: Counted from 1.
        asked: What is asked of the face.
        out: The target.
        originals: Files that are never overwritten.

    Raises:
        ImageError: There is no such face.
        SaveError: The result could not be written.
    """
    layer, crop = make_layer(engine, picture, face_number, asked)
    result = compose(picture.image.pixels, crop, layer.pixels, layer.replaces)
    save_picture(out, result, picture.image, originals)


def make_layer(engine: Engine, picture: Found, face_number: int, asked: Edit) -> tuple[Layer, FaceCrop]:
    """The edit of one face, counted from 1, and where it goes.

    Raises:
        ImageError: There is no such face.
    """
    face, preview, crop = cut(engine, picture, face_number)
    code = engine.encode(face, preview)
    names = engine.attribute_names
    attributes = asked.resolve(names, dict(zip(names, code.attributes, strict=True)))
    wanted = Asked(attributes, asked.mode, asked.followers(names), asked.identity)
    return engine.layer(code, engine.follow(code, wanted)), crop


def edit_folder(task: FolderTask, layers: MakeLayers, stopped: Callable[[], bool]) -> Iterator[Outcome]:
    """Edit picture after picture; one that fails is told and stops no other.

    Args:
        task: What to do.
        layers: Makes the edits of a picture's faces; raises `ImageError`.
        stopped: Asked before each picture.
    """
    originals = identities(task.files)
    taken: set[Path] = set()
    for path in task.files:
        if stopped():
            return
        try:
            yield _edit_one(task, path, layers, originals, taken)
        except (ImageError, SaveError) as error:
            text = str(error)
            yield Outcome(path, "failed", text if path.name in text else f"{path.name}: {text}")
        except Exception as error:  # an unforeseen one must not stop the others either
            yield Outcome(path, "failed", f"{path.name}: {type(error).__name__}: {error}")


def _edit_one(
    task: FolderTask, path: Path, layers: MakeLayers, originals: frozenset[Identity], taken: set[Path]
) -> Outcome:
    out = output_path(task.out, path, taken)
    if out.exists() and not task.replace:
        return Outcome(path, "left", tr("{name} is there already.", name=out.name))
    remarks: list[str] = []
    found = next(find([path], False, _raise, lambda path, text: remarks.append(text), task.whole))
    numbers = range(1, len(found.faces) + 1) if task.every_face and found.faces else (1,)
    result = found.image.pixels
    for layer, crop in layers(found, numbers):
        result = compose(result, crop, layer.pixels, layer.replaces)
    save_picture(out, result, found.image, originals, task.saving)
    return Outcome(path, "saved", " ".join([out.name, *remarks]))


def cut(engine: Engine, picture: Found, face_number: int) -> tuple[Pixels, Pixels, FaceCrop]:
    """A face at the model's resolution, for the eye, and where it is; faces count from 1.

    Raises:
        ImageError: There is no such face.
    """
    if not picture.faces:
        raise ImageError(tr("no face was found. Mark it by hand in the window."))
    if not 1 <= face_number <= len(picture.faces):
        count = len(picture.faces)
        raise ImageError(
            trn(
                "there is no face {face}; {count} was found.",
                "there is no face {face}; {count} were found.",
                count,
                face=face_number,
            )
        )
    crop = picture.faces[face_number - 1].crop
    pixels = picture.image.pixels
    return extract(pixels, crop, engine.image_size), extract(pixels, crop, PREVIEW_SIZE), crop


def output_path(out: Path, picture: Path, taken: set[Path]) -> Path:
    """Where the result of ``picture`` goes in the folder ``out``: its own name, PNG where we cannot write its format.

    Raises:
        SaveError: Another picture of this run has taken the name.
    """
    name = picture.name if picture.suffix.lower() in FORMATS else f"{picture.stem}.png"
    target = out / name
    ignores_case = sys.platform in ("darwin", "win32")  # as disks do there
    key = Path(str(target).casefold()) if ignores_case else target
    if key in taken:
        raise SaveError(
            tr(
                "{picture}: {name} was already written for another picture of this name.",
                picture=picture,
                name=name,
            )
        )
    taken.add(key)
    return target


def _infer_batch(
    engine: Engine, waiting: list[tuple[Path, list[Face]]], crops: list[Pixels]
) -> Iterator[tuple[Path, list[tuple[Face, dict[str, float]]]]]:
    rows = iter(engine.infer(np.stack(crops)).tolist() if crops else [])
    for path, faces in waiting:
        read = []
        for face in faces:
            values = (round(value, 4) for value in next(rows))
            read.append((face, dict(zip(engine.attribute_names, values, strict=True))))
        yield path, read


def _box(crop: FaceCrop) -> tuple[int, int, int, int]:
    side = round(crop.side)
    return round(crop.center_x - crop.side / 2), round(crop.center_y - crop.side / 2), side, side


def _raise(path: Path, message: str) -> None:
    raise ImageError(message)
