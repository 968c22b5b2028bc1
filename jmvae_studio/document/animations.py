"""Write animations: beside the target and renamed, like every picture."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from jmvae_studio.document.saving import Identity, SaveError, check_place, identities
from jmvae_studio.language import tr

ANIMATED = {".gif": "GIF", ".webp": "WebP", ".png": "APNG"}
"""Suffix → name of the format."""

_SAMPLE = 64
"""Side of the copies of which a GIF's palette is taken."""
_FORMATS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG"}


def check_animation(path: Path, originals: frozenset[Identity]) -> None:
    """Refuse a target that cannot become an animation, before any work is done.

    Raises:
        SaveError: The suffix is none of `ANIMATED`, or see `check_place`.
    """
    if path.suffix.lower() not in ANIMATED:
        raise SaveError(
            tr(
                "“{name}”: animations are saved as {endings}. Choose one of these endings.",
                name=path.name,
                endings=", ".join(ANIMATED),
            )
        )
    check_place(path, originals)


def save_animation(
    path: Path,
    frames: Sequence[npt.NDArray[np.uint8]],
    milliseconds: Sequence[int],
    quality: int = 95,
    longest: int = 0,
    source: Path | None = None,
    keep: Callable[[], bool] = lambda: True,
) -> bool:
    """Write an animation that repeats for ever.

    Args:
        path: Its suffix says the format.
        frames: Pictures of one size, height × width × 3.
        milliseconds: How long each is shown.
        quality: 1…100, for WebP; at 100 nothing is lost.
        longest: Pixels of the longer side at most; 0 keeps the size.
        source: The photograph it was made from, which is never overwritten.
        keep: Asked when the file is ready: False lets it go.

    Returns:
        Whether the file was kept.

    Raises:
        SaveError: It could not be written, or it would overwrite the original; nothing was changed.
    """
    check_animation(path, identities([source] if source else []))
    suffix = path.suffix.lower()
    pictures = [Image.fromarray(frame) for frame in frames]
    if longest > 0:
        for picture in pictures:
            picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    options: dict[str, object] = {"duration": list(milliseconds), "loop": 0}
    if suffix == ".gif":
        pictures = _with_one_palette(pictures)
        options |= {"optimize": False, "disposal": 1}
    elif suffix == ".webp":
        options |= {"lossless": quality == 100, "quality": quality, "method": 2}
    temporary = path.with_name(f".{path.stem[:40]}.{os.getpid()}.part")
    try:
        with temporary.open("xb") as file:
            pictures[0].save(file, _FORMATS[suffix], save_all=True, append_images=pictures[1:], **options)
            file.flush()
            os.fsync(file.fileno())
        if not keep():
            return False
        temporary.replace(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SaveError(
            tr(
                "{name} could not be saved in {folder}: {reason}. Try another folder.",
                name=path.name,
                folder=path.parent,
                reason=reason,
            )
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _with_one_palette(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Pictures of 256 colours that they share: with a palette each, still parts would flicker."""
    small = [picture.resize((_SAMPLE, _SAMPLE), Image.Resampling.NEAREST) for picture in pictures]
    together = Image.new("RGB", (_SAMPLE, _SAMPLE * len(small)))
    for place, picture in enumerate(small):
        together.paste(picture, (0, place * _SAMPLE))
    palette = together.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
