"""What telling the model that it is wrong does beside it: ``python -m benchmarks.correction --data CELEBA``.

The table of docs/expectations.md: on test pictures every wrong reading is put right, one at a time.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from jmvae_studio.resources import default_model
from trainer.checkpoint import load_model
from trainer.data.celeba import default_cache, load_celeba
from trainer.models.correction import correct, with_known
from trainer.models.interface import JointModel


@dataclass
class Tally:
    """What corrections did to the readings of the other attributes, summed."""

    mended: int = 0
    lost: int = 0
    error: float = 0.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="CelebA's folder")
    parser.add_argument("--model", type=Path, default=default_model())
    parser.add_argument("--count", type=int, help="test pictures; all of them unless given")
    options = parser.parse_args()
    model, _ = load_model(options.model)
    data = load_celeba(options.data, model.modality("image").shape[1], default_cache())
    rows = data.indices("test")[: options.count]
    moved, alone = Tally(), Tally()
    corrections = wrong_before = others = 0
    before = 0.0
    with torch.inference_mode():
        for row in rows:
            image = model.standardise(torch.tensor(data.images[row]).permute(2, 0, 1)[None])
            truth = torch.from_numpy(data.attributes[row]).float()
            read = model.read(image)[0]
            wrong = (read > 0) != (truth > 0)
            for index in wrong.nonzero().flatten().tolist():
                rest = torch.arange(len(truth)) != index
                told = {index: float(truth[index])}
                count(moved, correct(model, image, told)[1][0], read, truth, rest)
                count(alone, read_jointly(model, image, read, told), read, truth, rest)
                corrections += 1
                others += int(rest.sum())
                wrong_before += int((wrong & rest).sum())
                before += float((read - truth).abs()[rest].sum())
    print(
        f"{len(rows)} test pictures, {corrections} corrections, {wrong_before} readings of others wrong before"
    )
    print("| code | wrong readings of others put right | right ones lost | their mean error |")
    print("|---|---|---|---|")
    for name, tally in (("μ(x) + μ(x,w′) − μ(x,w), as the editor does", moved), ("μ(x,w′) alone", alone)):
        errors = f"{before / others:.4f} → {tally.error / others:.4f}"
        print(f"| {name} | {tally.mended} | {tally.lost} | {errors} |")


def read_jointly(model: JointModel, image: Tensor, read: Tensor, told: dict[int, float]) -> Tensor:
    """What is read at mu(x,w'), from a picture and its mirror image."""
    sides = model.sides(image)
    vector = with_known(model, read[None], told)
    given = {"image": sides, model.vector.name: vector.expand(len(sides), -1)}
    return model.decode_one(model.vector.name, model.encode(given).mean).mean.mean(0)


def count(tally: Tally, again: Tensor, read: Tensor, truth: Tensor, rest: Tensor) -> None:
    """Add what became of the ``rest`` of the readings by one correction."""
    before, after = (read > 0) != (truth > 0), (again > 0) != (truth > 0)
    tally.mended += int((before & ~after & rest).sum())
    tally.lost += int((~before & after & rest).sum())
    tally.error += float((again - truth).abs()[rest].sum())


if __name__ == "__main__":
    main()
