"""Sheets of faces with captions, and faces on a plane, as PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from trainer.files import to_png
from trainer.reproduce.charts import COLOURS

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.models.interface import JointModel

Pixels = npt.NDArray[np.uint8]
"""Height × width × 3, or such pictures one after another."""
Cell = Pixels | Sequence[str] | None
"""A picture, lines of text, or nothing."""

INK, PAPER, AXES = "#222222", "#ffffff", "#999999"
GAP, LINE = 3, 14


def to_pictures(model: JointModel, image: Tensor) -> Pixels:
    """Standardised images as N × height × width × 3."""
    pixels = model.to_pixels(image).cpu()
    return np.ascontiguousarray(pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy())


def sheet(
    rows: Sequence[Sequence[Cell]], columns: Sequence[str], sides: Sequence[str] = (), cell: int = 64
) -> bytes:
    """Faces in rows and columns.

    Args:
        rows: The cells; rows may be shorter than the captions.
        columns: A caption above each column; one may take several lines.
        sides: A caption to the left of each row; none if empty.
        cell: Side of a picture on the sheet in pixels.
    """
    font = ImageFont.load_default(11)
    captions = [_wrap(text, font, cell) for text in columns]
    left = GAP + (round(max(font.getlength(_spaced(text)) for text in sides)) + 2 * GAP if sides else 0)
    top = GAP + LINE * max((len(lines) for lines in captions), default=0) + GAP
    size = (left + len(columns) * (cell + GAP), top + len(rows) * (cell + GAP))
    paper = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(paper)
    for number, lines in enumerate(captions):
        centre = left + number * (cell + GAP) + cell / 2
        for line, text in enumerate(lines):
            draw.text((centre, GAP + line * LINE), _spaced(text), fill=INK, font=font, anchor="ma")
    for row, cells in enumerate(rows):
        y = top + row * (cell + GAP)
        if sides:
            draw.text((left - 2 * GAP, y + cell / 2), _spaced(sides[row]), fill=INK, font=font, anchor="rm")
        for column, content in enumerate(cells):
            x = left + column * (cell + GAP)
            if isinstance(content, np.ndarray):
                paper.paste(_resized(content, cell), (x, y))
            elif content is not None:
                for line, text in enumerate(content):
                    draw.text((x, y + line * LINE), _spaced(text), fill=INK, font=font)
    return to_png(paper)


@dataclass(frozen=True)
class Placed:
    """A face on a plane.

    Attributes:
        place: Of its middle, two numbers on the plane.
        pixels: The picture.
        group: Whose colour frames it.
        side: On the paper, in pixels.
    """

    place: npt.NDArray[np.floating]
    pixels: Pixels
    group: str
    side: int


def plane(
    points: Mapping[str, npt.NDArray[np.floating]],
    centres: Sequence[Placed],
    faces: Sequence[Placed],
    axes: tuple[str, str],
    side: int = 620,
) -> bytes:
    """Points of several groups on one plane, with faces where they lie.

    Args:
        points: Group → N × 2.
        centres: One face for each group, in the same order: a large dot on the plane, the picture in the legend.
        faces: Others, drawn where they lie; later ones on top.
        axes: What lies across and what up.
        side: Of the plane in pixels.
    """
    font = ImageFont.load_default(12)
    everything = np.concatenate(list(points.values()))
    low, high = everything.min(0), everything.max(0)
    room = 34
    scale = (side - 2 * room) / float(max((high - low).max(), 1e-9))
    middle = (low + high) / 2
    colours = {group: COLOURS[number % len(COLOURS)] for number, group in enumerate(points)}
    widest = max(centre.side for centre in centres)
    legend = round(max(font.getlength(_spaced(group)) for group in points)) + widest + 40
    paper = Image.new("RGB", (side + legend, side + 24), PAPER)
    draw = ImageDraw.Draw(paper)
    draw.rectangle((0, 0, side - 1, side - 1), outline=AXES)

    def place(point: npt.NDArray[np.floating]) -> tuple[float, float]:
        x, y = (point - middle) * scale
        return side / 2 + float(x), side / 2 - float(y)

    def frame(face: Placed, left: int, top: int) -> None:
        around = (left - 2, top - 2, left + face.side + 1, top + face.side + 1)
        draw.rectangle(around, fill=colours[face.group])
        paper.paste(_resized(face.pixels, face.side), (left, top))

    for group, cloud in points.items():
        for point in cloud:
            x, y = place(point)
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colours[group])
    for face in faces:
        left, top = (round(value) - face.side // 2 for value in place(face.place))
        frame(face, left, top)
    for number, centre in enumerate(centres):
        x, y = place(centre.place)
        draw.ellipse((x - 8, y - 8, x + 8, y + 8), fill=colours[centre.group], outline=INK, width=2)
        top = 4 + number * (widest + 8)
        frame(centre, side + 12, top)
        beside = (side + 20 + widest, top + widest / 2)
        draw.text(beside, _spaced(centre.group), fill=INK, font=font, anchor="lm")
    draw.text(
        (side / 2, side + 6), _spaced(f"{axes[0]} across, {axes[1]} up"), fill=INK, font=font, anchor="ma"
    )
    return to_png(paper)


def caption(name: str, value: float = 1.0) -> str:
    """An attribute as a caption says it: ``Blond_Hair`` becomes “Blond Hair”, below zero “Not Blond Hair”."""
    plain = name.replace("_", " ")
    return plain if value > 0 else f"Not {plain}"


def _resized(pixels: Pixels, side: int) -> Image.Image:
    picture = Image.fromarray(pixels)
    return picture if picture.size == (side, side) else picture.resize((side, side), Image.Resampling.BICUBIC)


def _spaced(text: str) -> str:
    """With room between the words: Pillow's font has narrow spaces."""
    return text.replace(" ", "  ")


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(_spaced(longer)) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
