"""How the plausibility of a square tells right from wrong: ``python -m benchmarks.plausibility [--data DIR]``.

The table of docs/expectations.md: LFW photographs with the square that is found, and with others.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.results import PREVIEW_SIZE
from jmvae_studio.resources import default_model
from jmvae_studio.ui.main_window import DOUBTFUL
from trainer.data.face_crop import FaceCrop, Pixels, extract
from trainer.data.face_detection import find_faces
from trainer.data.images import list_images, open_image


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("JMVAE_DATA", "../shared/data"))
    parser.add_argument("--model", type=Path, default=default_model())
    parser.add_argument("--count", type=int, default=150, help="photographs")
    options = parser.parse_args()
    engine = Engine.load(options.model, "cpu")
    found: dict[str, list[float]] = {}
    for path in list_images(options.data / "photos" / "lfw")[: options.count]:
        photo = open_image(path).pixels
        faces = find_faces(photo)
        if not faces:
            continue
        for name, square in squares(photo, faces[0].crop).items():
            face = extract(photo, square, engine.image_size)
            code = engine.encode(face, np.zeros((PREVIEW_SIZE, PREVIEW_SIZE, 3), np.uint8))
            found.setdefault(name, []).append(code.plausibility)
    if not found:
        raise SystemExit(f"No face was found in {options.data / 'photos' / 'lfw'}.")
    right, *_ = found.values()
    print(f"{len(right)} photographs")
    print(f"| square | median | below {DOUBTFUL:.0%} | lower than the one found |\n|---|---|---|---|")
    for name, values in found.items():
        lower = np.mean(np.less(values, right))
        print(
            f"| {name} | {np.median(values):.0%} | {np.mean(np.less(values, DOUBTFUL)):.0%} | {lower:.0%} |"
        )


def squares(photo: Pixels, found: FaceCrop) -> dict[str, FaceCrop]:
    """The square that was found in a photograph, first, and others."""
    side, height = found.side, photo.shape[0]
    part = 0.7 * side
    return {
        "as found": found,
        "shifted by 15 % of its side": replace(found, center_x=found.center_x + 0.15 * side),
        "shifted by 40 %": replace(found, center_x=found.center_x + 0.4 * side),
        "1.6 times as wide": replace(found, side=1.6 * side),
        "0.55 times as wide": replace(found, side=0.55 * side),
        "turned by 30°": replace(found, roll=found.roll + 30),
        "turned by 90°": replace(found, roll=found.roll + 90),
        "upside down": replace(found, roll=found.roll + 180),
        "the lower left of the photograph": replace(
            found, center_x=part / 2, center_y=height - part / 2, side=part
        ),
    }


if __name__ == "__main__":
    main()
