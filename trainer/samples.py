"""Generated faces to ship with a model: random codes of chosen attributes, no photograph of anyone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from trainer.errors import ConfigError
from trainer.files import to_png, write_beside
from trainer.models.interface import JointModel

FACES: dict[str, tuple[str, ...]] = {
    "01_anna": ("Smiling", "Young", "Blond_Hair", "Wavy_Hair", "No_Beard", "Attractive", "High_Cheekbones"),
    "02_ben": ("Male", "Young", "Brown_Hair", "5_o_Clock_Shadow", "Bushy_Eyebrows", "Big_Nose"),
    "03_carla": ("Young", "Black_Hair", "No_Beard", "Wearing_Lipstick", "Arched_Eyebrows", "Straight_Hair"),
    "04_david": ("Male", "Smiling", "Gray_Hair", "No_Beard", "Receding_Hairline", "Mouth_Slightly_Open"),
    "05_elena": (
        "Smiling",
        "Young",
        "Brown_Hair",
        "Bangs",
        "No_Beard",
        "Mouth_Slightly_Open",
        "High_Cheekbones",
    ),
    "06_felix": ("Male", "Young", "Smiling", "Black_Hair", "No_Beard", "Mouth_Slightly_Open"),
    "07_greta": ("Young", "Blond_Hair", "Straight_Hair", "No_Beard", "Pale_Skin", "Oval_Face"),
    "08_hugo": ("Male", "Black_Hair", "Goatee", "Mustache", "Bushy_Eyebrows", "Sideburns"),
}
"""File name → attributes that are present; all others are absent."""

SIDE = 320
CANVAS = 400


@torch.no_grad()
def make_samples(
    model: JointModel,
    folder: Path,
    spread: float = 0.35,
    seed: int = 7,
    faces: Mapping[str, Sequence[str]] = FACES,
) -> list[Path]:
    """Write one picture per entry of ``faces``: file name → attributes that are present.

    Args:
        model: In evaluation mode, with CelebA's attributes.
        folder: Where the pictures go.
        spread: zeta, the variance of the noise around the mean of q(z|w).
        seed: Of the noise.
        faces: What is to be made.

    Raises:
        ConfigError: The model has other attributes.
    """
    names = model.modality("attributes").names
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed)
    paths = []
    for name, present in faces.items():
        missing = set(present) - set(names)
        if missing:
            raise ConfigError(
                f"This model does not know {', '.join(sorted(missing))}; faces need CelebA's attributes."
            )
        attributes = torch.tensor([[1.0 if n in present else -1.0 for n in names]])
        noise = torch.randn((1, model.latent), generator=generator) * spread**0.5
        image = model.decode_one("image", model.sample_code({"attributes": attributes}, noise)).mean
        pixels = model.to_pixels(image)[0].permute(1, 2, 0).contiguous().numpy()
        path = folder / f"{name}.png"
        write_beside(path, to_png(_on_canvas(pixels)))
        paths.append(path)
    return paths


def _on_canvas(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Image.Image:
    """The face enlarged, with its own border carried on and blurred: a portrait with room around it."""
    face = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    border = (CANVAS - SIDE) // 2
    padded = np.pad(np.asarray(face), ((border, border), (border, border), (0, 0)), mode="edge")
    canvas = Image.fromarray(padded)
    blurred = canvas.filter(ImageFilter.GaussianBlur(14))
    fade = np.zeros((CANVAS, CANVAS), np.uint8)
    fade[border:-border, border:-border] = 255
    mask = Image.fromarray(fade).filter(ImageFilter.BoxBlur(8))
    return Image.composite(canvas, blurred, mask)
