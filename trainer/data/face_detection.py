"""Where the faces of a photograph are: OpenCV's Haar cascades, and the square around each face.

The square is calibrated on CelebA's aligned pictures, so that it agrees with
:func:`trainer.data.face_crop.aligned_crop`, by which the training data is cropped. Coordinates are those of
:mod:`trainer.data.face_crop`. Every thread has classifiers of its own, since one must not be shared.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from trainer.data.face_crop import FaceCrop, Pixels, extract

_FACES = "haarcascade_frontalface_alt2.xml"
_EYES = ("haarcascade_eye_tree_eyeglasses.xml", "haarcascade_eye.xml")
"""The first misses more eyes, the second finds more that are none."""

_COARSE_AREA = 400 * 300
"""Pixels of the copy searched for large faces; side of the smallest face: 0.07 of the picture's."""
_FINE_AREA = 800 * 600
"""Pixels of the copy searched for small faces, when no large one was found."""
_SMALLEST = 24
"""Side of the smallest box on the coarse copy; on the fine one it is the classifier's own 20."""
_MOST_ENLARGED = 4.0
_LARGE_FACE = 0.3
"""Share of the picture's shorter side above which a face is the subject, and no small ones are sought."""
_TURNS = ((0.0, -20.0, 20.0, -40.0, 40.0), (-90.0, 90.0))
"""Turns of a copy, in degrees, tried when no upright face was found: here a face must show both eyes, and so
the upright copy is searched again with less certainty."""
_SLIGHT_TURNS = (-20.0, 20.0)
"""Turns tried when upright faces were found, but none of them shows its eyes or is sure."""
_SURE = 56.6
"""Score exceeded by nearly no face that is turned by 20 degrees, and by most upright ones."""
_LEVEL_ABOVE = 6.0
"""Upright faces roll by about 3 degrees, and so do the eyes' errors: only above this a crop is turned."""
_EYE_TURNS = (-18.0, 18.0)
"""Turns of a found face, in degrees, in which its eyes are sought when they are not level."""
_MUCH_SMALLER = 0.5
_EYELESS = 0.5
"""What is taken for a face but shows no pair of eyes may be none: it counts half as wide."""
_MOST_EYED = 24
"""Faces whose eyes are looked for; the others of a crowd count as having none."""
_PATCH = 128
"""Side of the face patch on which eyes are looked for."""

# The square around a box of width w whose eyes lie a distance d apart. Obtained by
# ``python -m benchmarks.faces --calibrate`` from 750 pictures of CelebA's training partition, where the
# proportional crop is known: medians of the offsets, and, with eyes, the mixture of box and eyes (a weighted
# mean for the centre, a weighted geometric one for the side) that spreads least.
_SIDE_PER_WIDTH = 1.430
_DOWN_PER_WIDTH = -0.161
_SIDE_PER_EYES = 3.63
_DOWN_PER_EYES = -0.112
_TRUST_IN_EYES = (0.40, 0.86, 0.17)
"""Shares of the eyes in the horizontal centre, the vertical centre and the side."""

_PAPER_SIDE = 1.3
_PAPER_SMALLEST = 0.4

Point = tuple[float, float]


@dataclass(frozen=True)
class Face:
    """A face found on a photograph.

    Attributes:
        box: Left, top, width and height of the detector's square on the upright photograph, in pixels.
        crop: The square the model is shown.
        eyes: Centres of the eye on the left and the eye on the right of the picture, in pixels, or None.
        score: The classifier's confidence: higher is surer; comparable between faces only.
    """

    box: tuple[int, int, int, int]
    crop: FaceCrop
    eyes: tuple[Point, Point] | None
    score: float


@dataclass(frozen=True)
class _Hit:
    """A square the classifier took for a face: centre, width and clockwise turn on the photograph."""

    x: float
    y: float
    width: float
    turn: float
    score: float
    eyes: tuple[Point, Point] | None = None
    eyes_seen: int = 0

    @property
    def roll(self) -> float:
        """Clockwise roll of the face by its eyes, or by the turned copy it was found on."""
        return self.turn if self.eyes is None else _roll(self.eyes)


def find_faces(photo: Pixels, method: Literal["studio", "paper"] = "studio") -> list[Face]:
    """Find the faces of an upright photograph, the largest and most central first.

    Args:
        photo: Height × width × 3, RGB. Large photographs are searched on a reduced copy.
        method: ``studio`` places the square as in CelebA's aligned pictures, levels tilted faces and also
            finds turned ones. ``paper`` enlarges the detector's box by 1.3 and rejects a square that leaves
            the picture or is lower than 0.4 of its height.

    Returns:
        The faces; none if there is no face.

    Raises:
        ValueError: ``photo`` is not H × W × 3 of eight bits, or ``method`` is unknown.
    """
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"a photograph is height × width × 3 of uint8, not {photo.shape} of {photo.dtype}")
    if method not in ("studio", "paper"):
        raise ValueError(f"unknown way to crop: {method!r}")
    height, width = photo.shape[:2]
    if min(height, width) < 8:
        return []
    hits = _order(_search(photo, turned=method == "studio"), width, height)
    if method == "studio":
        return [_face(hit, _studio_crop(hit)) for hit in hits]
    crops = [(hit, FaceCrop(hit.x, hit.y, hit.width * _PAPER_SIDE)) for hit in hits]
    return [_face(hit, crop) for hit, crop in crops if _paper_accepts(crop, width, height)]


def _face(hit: _Hit, crop: FaceCrop) -> Face:
    side = round(hit.width)
    box = (round(hit.x - hit.width / 2), round(hit.y - hit.width / 2), side, side)
    return Face(box, crop, hit.eyes, hit.score)


def _paper_accepts(crop: FaceCrop, width: int, height: int) -> bool:
    low, high = crop.corners().min(axis=0), crop.corners().max(axis=0)
    inside = bool((low >= 0).all()) and high[0] <= width and high[1] <= height
    return inside and crop.side >= _PAPER_SMALLEST * height


def _studio_crop(hit: _Hit) -> FaceCrop:
    """The square as in CelebA's aligned pictures, from the box and, if found, the eyes."""
    roll = hit.roll if abs(hit.roll) > _LEVEL_ABOVE else 0.0
    down = (-math.sin(math.radians(roll)), math.cos(math.radians(roll)))  # from forehead to chin
    x = hit.x + _DOWN_PER_WIDTH * hit.width * down[0]
    y = hit.y + _DOWN_PER_WIDTH * hit.width * down[1]
    side = _SIDE_PER_WIDTH * hit.width
    if hit.eyes is None:
        return FaceCrop(x, y, side, roll)
    apart = math.dist(*hit.eyes)
    eyes_x = (hit.eyes[0][0] + hit.eyes[1][0]) / 2 + _DOWN_PER_EYES * apart * down[0]
    eyes_y = (hit.eyes[0][1] + hit.eyes[1][1]) / 2 + _DOWN_PER_EYES * apart * down[1]
    trust_x, trust_y, trust_side = _TRUST_IN_EYES
    # The shares belong to the face's own axes.
    across = (eyes_x - x) * down[1] - (eyes_y - y) * down[0]
    along = (eyes_x - x) * down[0] + (eyes_y - y) * down[1]
    across, along = trust_x * across, trust_y * along
    side *= (_SIDE_PER_EYES * apart / side) ** trust_side
    return FaceCrop(
        x + across * down[1] + along * down[0], y - across * down[0] + along * down[1], side, roll
    )


def _roll(eyes: tuple[Point, Point]) -> float:
    (left_x, left_y), (right_x, right_y) = eyes
    return math.degrees(math.atan2(right_y - left_y, right_x - left_x))


def _order(hits: Iterable[_Hit], width: int, height: int) -> list[_Hit]:
    """Largest and most central first: at the corner a face counts a third as wide, without its eyes half."""

    def rank(hit: _Hit) -> float:
        away = math.hypot((hit.x - width / 2) / width, (hit.y - height / 2) / height) / math.sqrt(0.5)
        evidence = _EYELESS if hit.eyes is None else 1.0
        return -hit.width * (1 - min(1.0, away) * 2 / 3) * evidence

    return sorted(hits, key=rank)


def _search(photo: Pixels, turned: bool) -> list[_Hit]:
    """Upright faces; if none of them shows its eyes and ``turned``, turned ones too."""
    coarse = _copy(photo, _COARSE_AREA)
    hits = _detect(photo, coarse, 0.0, step=1.05)
    if max((hit.width for hit in hits), default=0.0) < _LARGE_FACE * min(photo.shape[:2]):
        fine = _copy(photo, _FINE_AREA)
        if fine.size > coarse.size:
            largest = math.ceil(1.3 * _SMALLEST * math.sqrt(_FINE_AREA / _COARSE_AREA))
            hits += _detect(photo, fine, 0.0, 1.1, smallest=20, largest=largest, neighbours=3)
    hits = _weed([_with_eyes(photo, coarse, hit) for hit in _distinct(hits)[:_MOST_EYED]])
    if not turned or any(hit.eyes or hit.score > _SURE for hit in hits):
        return hits
    for turns in [_SLIGHT_TURNS] if hits else _TURNS:
        more: list[_Hit] = []
        for turn in turns:
            neighbours = 5 if turn else 2
            more += _detect(photo, coarse, turn, step=1.1 if turn else 1.05, neighbours=neighbours)
        more = [_with_eyes(photo, coarse, hit) for hit in _distinct(more)[:_MOST_EYED]]
        more = [hit for hit in more if hit.eyes]
        if more:
            return _weed(_distinct(hits + more))
    return hits


def _copy(photo: Pixels, area: int) -> Pixels:
    """A copy of about ``area`` pixels: reduced, or enlarged to at most four times the size."""
    height, width = photo.shape[:2]
    scale = min(_MOST_ENLARGED, math.sqrt(area / (width * height)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, size, interpolation=how), dtype=np.uint8)


def _detect(
    photo: Pixels,
    copy: Pixels,
    turn: float,
    step: float,
    smallest: int = _SMALLEST,
    largest: int = 0,
    neighbours: int = 5,
) -> list[_Hit]:
    """What the classifier takes for a face on ``copy`` turned by ``turn``, in the photograph's pixels."""
    grey = cv2.cvtColor(copy, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    scale = photo.shape[1] / width
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    new_width = math.ceil(abs(cos) * width + abs(sin) * height - 1e-6)
    new_height = math.ceil(abs(sin) * width + abs(cos) * height - 1e-6)
    rotation = np.array([[cos, -sin], [sin, cos]])
    shift = np.array([width / 2, height / 2]) - rotation @ (new_width / 2, new_height / 2)
    if turn:
        index_shift = shift + rotation @ (0.5, 0.5) - 0.5
        grey = cv2.warpAffine(
            grey,
            np.column_stack([rotation, index_shift]),
            (new_width, new_height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    boxes, _, scores = _classifier(_FACES).detectMultiScale3(
        grey,
        scaleFactor=step,
        minNeighbors=neighbours,
        minSize=(smallest, smallest),
        maxSize=(largest, largest),
        outputRejectLevels=True,
    )
    hits = []
    for (left, top, side, _), score in zip(boxes, np.ravel(scores), strict=True):
        x, y = (rotation @ (left + side / 2, top + side / 2) + shift) * scale
        hits.append(_Hit(float(x), float(y), float(side * scale), turn, float(score)))
    return hits


def _distinct(hits: Sequence[_Hit]) -> list[_Hit]:
    """One hit for each face, one with eyes or else the surest; the widest faces first."""
    kept: list[_Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.eyes is None, -hit.score)):
        if all(
            math.hypot(hit.x - other.x, hit.y - other.y) > 0.5 * max(hit.width, other.width) for other in kept
        ):
            kept.append(hit)
    return sorted(kept, key=lambda hit: -hit.width)


def _weed(hits: Sequence[_Hit]) -> list[_Hit]:
    """Drop what is much smaller than the largest face and shows no eye."""
    sure = max((hit.width for hit in hits), default=0.0)
    return [hit for hit in hits if hit.eyes_seen or hit.width >= _MUCH_SMALLER * sure]


def _with_eyes(photo: Pixels, copy: Pixels, hit: _Hit) -> _Hit:
    """The hit with its eyes; a face that seems tilted must show its eyes again when levelled."""
    scale = photo.shape[1] / copy.shape[1]
    if hit.width / scale >= _PATCH or scale < 1:  # large enough on the copy, which is quicker
        source, shrunk = copy, scale
    else:
        source, shrunk = photo, 1.0
    eyes, seen = None, 0
    for turn in (0.0, *_EYE_TURNS):
        square = FaceCrop(hit.x, hit.y, hit.width, hit.turn + turn)
        eyes, count = _eyes(source, square, shrunk)
        seen = max(seen, count)
        if eyes is not None and (turn or abs(_roll(eyes) - square.roll) > _LEVEL_ABOVE):
            level = FaceCrop(hit.x, hit.y, hit.width, _roll(eyes))
            again, _ = _eyes(source, level, shrunk)
            eyes = again if again is not None and abs(_roll(again) - level.roll) <= _LEVEL_ABOVE else None
        if eyes is not None:
            break
    return replace(hit, eyes=eyes, eyes_seen=seen)


def _eyes(source: Pixels, square: FaceCrop, scale: float) -> tuple[tuple[Point, Point] | None, int]:
    """The pair of eyes in ``square`` (photograph's pixels), and how many plausible eyes were seen."""
    small = FaceCrop(square.center_x / scale, square.center_y / scale, square.side / scale, square.roll)
    patch = cv2.cvtColor(extract(source, small, _PATCH), cv2.COLOR_RGB2GRAY)
    upper = np.ascontiguousarray(patch[: round(0.65 * _PATCH)])
    most = 0
    for name in _EYES:
        boxes, _, scores = _classifier(name).detectMultiScale3(
            upper, scaleFactor=1.05, minNeighbors=3, minSize=(16, 16), outputRejectLevels=True
        )
        found = [
            ((left + side / 2) / _PATCH - 0.5, (top + side / 2) / _PATCH - 0.5, side / _PATCH, float(score))
            for (left, top, side, _), score in zip(np.asarray(boxes).tolist(), np.ravel(scores), strict=True)
        ]
        found = [eye for eye in found if 0.08 < abs(eye[0]) < 0.38 and -0.32 < eye[1] < 0.06]
        most = max(most, min(2, len(found)))
        pair = _pair(found)
        if pair is not None:
            cos, sin = math.cos(math.radians(square.roll)), math.sin(math.radians(square.roll))
            left, right = (
                (
                    square.center_x + square.side * (cos * x - sin * y),
                    square.center_y + square.side * (sin * x + cos * y),
                )
                for x, y, _, _ in pair
            )
            return (left, right), 2
    return None, most


_Eye = tuple[float, float, float, float]
"""Centre right of and below the middle, width (all in shares of the face's box) and score."""


def _pair(eyes: Sequence[_Eye]) -> tuple[_Eye, _Eye] | None:
    """The likeliest pair: as far apart, as level and as symmetric as eyes are."""
    best, best_cost = None, 1.0
    for left in eyes:
        for right in eyes:
            apart = math.hypot(right[0] - left[0], right[1] - left[1])
            if not (left[0] < 0 < right[0] and 0.25 < apart < 0.58):
                continue
            middle = (left[0] + right[0]) / 2, (left[1] + right[1]) / 2
            roll = math.degrees(math.atan2(right[1] - left[1], right[0] - left[0]))
            cost = (
                (abs(apart - 0.4) / 0.2) ** 2
                + (middle[0] / 0.15) ** 2
                + ((middle[1] + 0.11) / 0.15) ** 2
                + (roll / 45) ** 2
                + (math.log(right[2] / left[2]) / 0.8) ** 2
                - 0.02 * (left[3] + right[3])
            )
            if cost < best_cost:
                best, best_cost = (left, right), cost
    return best


_LOCAL = threading.local()


def _classifier(name: str) -> cv2.CascadeClassifier:
    """This thread's own classifier: OpenCV's keep state while they search."""
    cascades: dict[str, cv2.CascadeClassifier] = _LOCAL.__dict__.setdefault("cascades", {})
    if name not in cascades:
        path = Path(cv2.__file__).parent / "data" / name
        cascade = cv2.CascadeClassifier(str(path))
        if cascade.empty():  # OpenCV opens no path with foreign letters on Windows
            memory = cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY
            cascade.read(cv2.FileStorage(path.read_text("utf-8"), memory).getFirstTopLevelNode())
        cascades[name] = cascade
    return cascades[name]
