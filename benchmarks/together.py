"""What becomes of several attributes asked for at once: ``python -m benchmarks.together --data CELEBA``.

The table of docs/results/face-model.md: several attributes of held-out faces are turned to the other side at once,
drawn in one move and drawn apart (`trainer.models.parts`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from jmvae_studio.resources import default_model
from trainer.checkpoint import load_model
from trainer.data.celeba import STANDARD_ATTRIBUTES, default_cache, load_celeba
from trainer.evaluation.edits import EditMeasure, frechet
from trainer.evaluation.judge import load_judge
from trainer.models.interface import JointModel
from trainer.models.parts import parts_of

STRENGTH = 2.0
HAIR = ("Bald", "Black_Hair", "Blond_Hair", "Brown_Hair")
"""One of these at most: nobody is all of them."""
Draw = Callable[[JointModel, Tensor, Tensor], Tensor]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CelebA's folder")
    parser.add_argument("--model", type=Path, default=default_model())
    parser.add_argument("--judge", type=Path, default=default_model().with_name("judge.safetensors"))
    parser.add_argument("--partition", default="test", choices=["validation", "test"])
    parser.add_argument("--count", type=int, default=120, help="faces")
    parser.add_argument(
        "--attributes",
        type=int,
        nargs="+",
        default=[2, 3, 5],
        metavar="N",
        help="how many are asked for at once",
    )
    options = parser.parse_args()
    model, _ = load_model(options.model)
    data = load_celeba(options.data, model.modality("image").shape[1], default_cache())
    measure = EditMeasure(data, load_judge(options.judge), options.partition)
    places = np.linspace(0, len(measure.rows) - 1, options.count).astype(int)
    print("| attributes | drawn | success | collateral | distance | Fréchet |")
    print("|---|---|---|---|---|---|")
    with torch.inference_mode():
        for number in options.attributes:
            picked = pick(measure, places, number)
            for name, draw in (("in one move", in_one), ("apart", apart)):
                figures = judged(measure, model, places, picked, draw)
                print(f"| {number} | {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")


def pick(measure: EditMeasure, places: np.ndarray, number: int) -> list[list[int]]:
    """For each face attributes whose label and judge agree, at random, always the same."""
    names = measure.data.names
    pool = [names.index(name) for name in (*STANDARD_ATTRIBUTES, "Smiling")]
    rng = np.random.default_rng(0)
    picked = []
    for place in places:
        truth = measure.data.attributes[measure.rows[place]] > 0
        agreed = [column for column in pool if (measure.logits[place, column] > 0) == truth[column]]
        chosen: list[int] = []
        for column in rng.permutation(agreed):
            hair = names[column] in HAIR and any(names[other] in HAIR for other in chosen)
            if len(chosen) < number and not hair:
                chosen.append(int(column))
        picked.append(chosen)
    return picked


def in_one(model: JointModel, image: Tensor, vectors: Tensor) -> Tensor:
    """The change of one picture; ``vectors``: what is read, what is asked, and what is asked of every attribute."""
    codes = model.encode({"attributes": vectors[:2]}).mean
    return model.latent_change(model.prepare_edit(image), codes[1:] - codes[:1])


def apart(model: JointModel, image: Tensor, vectors: Tensor) -> Tensor:
    """The same as the studio draws it."""
    moves = model.encode({"attributes": vectors[1:]}).mean - model.encode({"attributes": vectors[:1]}).mean
    return model.latent_change(model.prepare_edit(image), moves[:1], moves[None, 1:])


def judged(
    measure: EditMeasure, model: JointModel, places: np.ndarray, picked: list[list[int]], draw: Draw
) -> list[float]:
    """Success, collateral, distance in the judge's features and the Fréchet distance to all faces."""
    edited = []
    for place, columns in zip(places, picked, strict=True):
        image = model.standardise(torch.tensor(measure.pixels[place]).permute(2, 0, 1)[None])
        read = model.read(image)
        rows = [read]
        for part in (tuple(columns), *parts_of(dict.fromkeys(columns, STRENGTH))):
            row = read.clone()
            for column in part:
                row[0, column] = -STRENGTH if measure.logits[place, column] > 0 else STRENGTH
            rows.append(row)
        changed = model.to_pixels(image + draw(model, image, torch.cat(rows)))
        edited.append(changed[0].permute(1, 2, 0).numpy())
    logits, features = measure.judge.read(np.stack(edited))
    flipped = (logits > 0) != (measure.logits[places] > 0)
    asked = np.zeros(flipped.shape, bool)
    for row, columns in enumerate(picked):
        asked[row, columns] = True
    apart_by = np.linalg.norm(features - measure.features[places], axis=1).mean() / measure.between
    return [
        float(flipped[asked].mean()),
        float(flipped[~asked].mean()),
        float(apart_by),
        frechet(features, measure.features),
    ]


if __name__ == "__main__":
    main()
