"""Sheets of faces: the papers' strip (Suzuki et al. 2018, figure 8) and grids of one or two attributes."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from jmvae_studio.inference.engine import Engine, FaceCode
from jmvae_studio.inference.results import Asked, Mode, Pixels

CELL = 192
_MARGIN, _CAPTION, _TEXT = 10, 34, 150
_GAP = 4
_INK, _PAPER, _DIM = "#22201e", "#ffffff", "#6f6a65"


def draw_strip(
    engine: Engine,
    face: Pixels,
    preview: Pixels,
    columns: Sequence[Sequence[tuple[str, float]]],
    mode: Mode = "latent",
) -> Image.Image:
    """Input, inferred attributes, average face, reconstruction, and one column per change.

    Args:
        engine: The loaded model.
        face: The crop at the model's resolution, size × size × 3.
        preview: The same crop for the eye, as `Engine.encode` takes it.
        columns: For each column the attributes it sets, absolute.
        mode: How changes reach the face.
    """
    code = engine.encode(face, preview)
    names = engine.attribute_names
    average, reconstruction = portrait(code, mode)
    edited = []
    for column in columns:
        values = dict(zip(names, code.attributes, strict=True)) | dict(column)
        edited.append(engine.preview(code, Asked(tuple(values[name] for name in names), mode)).edited)
    read = tuple(zip(names, code.attributes, strict=True))
    return lay_out_strip(preview, read, average, reconstruction, columns, edited)


def portrait(code: FaceCode, mode: Mode = "latent") -> tuple[Pixels, Pixels]:
    """The average face of the attributes read from a face, and its reconstruction; each size × size × 3."""
    return code.engine.preview(code, Asked(code.attributes, mode)).average, code.engine.reconstruct(code)


def lay_out_strip(
    preview: Pixels,
    read: Sequence[tuple[str, float]],
    average: Pixels,
    reconstruction: Pixels,
    columns: Sequence[Sequence[tuple[str, float]]],
    edited: Sequence[Pixels],
) -> Image.Image:
    """The strip from pictures that are there.

    Args:
        preview: The face, side × side × 3.
        read: The attributes that the model read.
        average: Their average face.
        reconstruction: Of the face.
        columns: For each column the attributes it sets, absolute.
        edited: For each column the edited face.
    """
    pictures = [("input", preview), ("average face", average), ("reconstruction", reconstruction)]
    for column, pixels in zip(columns, edited, strict=True):
        pictures.append((", ".join(f"{name} {value:+g}" for name, value in column), pixels))
    strip = Image.new(
        "RGB", (_MARGIN + _TEXT + len(pictures) * (CELL + _MARGIN) + _MARGIN, CELL + _CAPTION + 2 * _MARGIN)
    )
    draw = ImageDraw.Draw(strip)
    draw.rectangle((0, 0, *strip.size), fill=_PAPER)
    font = ImageFont.load_default(12)
    x = _MARGIN
    for index, (caption, pixels) in enumerate(pictures):
        picture = Image.fromarray(pixels).resize((CELL, CELL), Image.Resampling.BICUBIC)
        strip.paste(picture, (x, _MARGIN))
        draw.multiline_text((x, _MARGIN + CELL + 3), _wrap(caption, font), fill=_INK, font=font, spacing=2)
        x += CELL + _MARGIN
        if index == 0:
            _write_attributes(draw, x, read, font)
            x += _TEXT + _MARGIN
    return strip


def lay_out_grid(
    rows: Sequence[Sequence[Pixels]], columns: Sequence[str], sides: Sequence[str], heading: str
) -> Image.Image:
    """Faces in rows and columns.

    Args:
        rows: The faces, each side × side × 3.
        columns: A caption above each column.
        sides: A caption to the left of each row; empty for none.
        heading: A line above all.
    """
    side = len(rows[0][0])
    font = ImageFont.load_default(max(12, side // 16))
    line = round(font.getbbox("Ag")[3] * 1.5)
    left = _MARGIN + (round(max(font.getlength(text) for text in sides)) + _MARGIN if sides else 0)
    top = _MARGIN + 2 * line
    size = (left + len(columns) * (side + _GAP) + _MARGIN, top + len(rows) * (side + _GAP) + _MARGIN)
    grid = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(grid)
    draw.text((left, _MARGIN), heading, fill=_INK, font=font)
    for column, caption in enumerate(columns):
        centre = left + column * (side + _GAP) + side / 2
        draw.text((centre, _MARGIN + line), caption, fill=_DIM, font=font, anchor="ma")
    for row, faces in enumerate(rows):
        y = top + row * (side + _GAP)
        if sides:
            draw.text((left - _MARGIN, y + side / 2), sides[row], fill=_DIM, font=font, anchor="rm")
        for column, pixels in enumerate(faces):
            grid.paste(Image.fromarray(pixels), (left + column * (side + _GAP), y))
    return grid


def stack(strips: Sequence[Image.Image]) -> Image.Image:
    """Strips below one another."""
    sheet = Image.new("RGB", (max(s.width for s in strips), sum(s.height for s in strips)), _PAPER)
    y = 0
    for strip in strips:
        sheet.paste(strip, (0, y))
        y += strip.height
    return sheet


def _write_attributes(
    draw: ImageDraw.ImageDraw,
    x: int,
    read: Sequence[tuple[str, float]],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """The most certain attributes, those present first, as the figure prints them."""
    certain = sorted(((value, name) for name, value in read), reverse=True)[:12]
    for line, (value, name) in enumerate(certain):
        y = _MARGIN + line * 16
        draw.text((x, y), f"{value:+.2f}", fill=_INK if value > 0 else _DIM, font=font)
        draw.text((x + 40, y), name, fill=_INK if value > 0 else _DIM, font=font)


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) > CELL and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines[:2])
