"""What it is worth that other attributes follow: ``python -m benchmarks.following --data CELEBA``.

The table of docs/expectations.md: how many edits the judge sees, as `python -m trainer edits` measures them, with the
other attributes held and with these following.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from jmvae_studio.resources import default_model
from trainer.checkpoint import load_model
from trainer.data.celeba import STANDARD_ATTRIBUTES, default_cache, load_celeba
from trainer.evaluation.edits import EditMeasure, Method, Pixels, by_model, edit_faces
from trainer.evaluation.judge import load_judge
from trainer.models.following import Following
from trainer.models.interface import JointModel

STRENGTH = 2.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CelebA's folder")
    parser.add_argument("--model", type=Path, default=default_model())
    judge = default_model().with_name("judge.safetensors")
    parser.add_argument("--judge", type=Path, default=judge)
    parser.add_argument("--count", type=int, default=40, help="faces per attribute and direction")
    options = parser.parse_args()
    model, _ = load_model(options.model)
    data = load_celeba(options.data, model.modality("image").shape[1], default_cache())
    measure = EditMeasure(data, load_judge(options.judge), count=options.count)
    with torch.inference_mode():
        following = Following(model, torch.device("cpu"))
        print_edits(model, following, measure)


def print_edits(model: JointModel, following: Following, measure: EditMeasure) -> None:
    """What the judge sees of edits that hold the other attributes, and of edits that they follow."""
    methods = {"held": by_model(model, "latent"), "following": following_edit(model, following)}
    print(
        "\n| attribute | adding, held | following | removing, held | following | distance, held | following |"
    )
    print("|---|---|---|---|---|---|---|")
    every: list[list[float]] = []
    for name in dict.fromkeys((*STANDARD_ATTRIBUTES, "Smiling", "Gray_Hair")):
        column = measure.data.names.index(name)
        outcomes = [
            [measure.outcome(method, column, adding, STRENGTH)[0] for method in methods.values()]
            for adding in (True, False)
        ]
        cells = [outcome.success for pair in outcomes for outcome in pair]
        cells += [
            float(np.nanmean([pair[number].distance for pair in outcomes])) for number in range(len(methods))
        ]
        every.append(cells)
        print(f"| {name} | " + " | ".join(f"{cell:.2f}" for cell in cells) + " |", flush=True)
    print("| mean | " + " | ".join(f"{cell:.2f}" for cell in np.nanmean(every, 0)) + " |")


def following_edit(model: JointModel, following: Following) -> Method:
    """The studio's edit while “The others follow” is on."""

    def edit(pixels: Pixels, rows: npt.NDArray[np.int64], column: int, value: float) -> Pixels:
        results = []
        for picture in pixels:
            image = model.standardise(torch.tensor(picture).permute(2, 0, 1)[None])
            read = model.read(image)[0].tolist()
            asked = [*read[:column], value, *read[column + 1 :]]
            free = [index for index in range(len(read)) if index != column]
            wanted = dict(enumerate(following(read, asked, free)))
            results.append(edit_faces(model, picture[None], wanted, "latent", free=free))
        return np.concatenate(results)

    return edit


if __name__ == "__main__":
    main()
