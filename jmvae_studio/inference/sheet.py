"""The papers' strip (Suzuki et al. 2018, figure 8): what the model sees in a face and makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from jmvae_studio.inference.engine import Engine, Mode

CELL = 192
_MARGIN, _CAPTION, _TEXT = 10, 34, 150
_INK, _PAPER, _DIM = "#22201e", "#ffffff", "#6f6a65"


def draw_strip(
    engine: Engine,
    face: npt.NDArray[np.uint8],
    preview: npt.NDArray[np.uint8],
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
    own = engine.preview(code, code.attributes, mode)
    pictures = [
        ("input", preview),
        ("average face", own.average),
        ("reconstruction", engine.reconstruct(code)),
    ]
    for column in columns:
        values = dict(zip(names, code.attributes, strict=True)) | dict(column)
        edited = engine.preview(code, tuple(values[name] for name in names), mode).edited
        pictures.append((", ".join(f"{name} {value:+g}" for name, value in column), edited))
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
            _write_attributes(draw, x, names, code.attributes, font)
            x += _TEXT + _MARGIN
    return strip


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
    names: Sequence[str],
    values: Sequence[float],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """The most certain attributes, those present first, as the figure prints them."""
    certain = sorted(zip(values, names, strict=True), reverse=True)[:12]
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
