"""A run's model as files to pass on: the weights, and a card that says what they are."""

from __future__ import annotations

import os
from itertools import chain, count
from pathlib import Path

from jmvae_studio.training.commands import shell_line, train_arguments
from jmvae_studio.training.run import Run
from jmvae_studio.training.survey import TITLES
from trainer.checkpoint_header import read_checkpoint
from trainer.files import write_beside
from trainer.systems import SYSTEMS

_HEAD = "# Model card:"

_LIMITS = {
    "celeba": "CelebA is available for non-commercial research purposes only: use this model for nothing else.",
    "lfw": "LFW is meant for research, not for conclusions about people or groups: use this model for nothing else.",
    "folder": "What may be done with this model depends on the rights to the pictures, which its maker knows.",
    "mnist": "MNIST may be used freely.",
}


def export_model(run: Run, checkpoint: Path, target: Path) -> Path:
    """Copy ``checkpoint``, one of the run's models, to ``target`` with a card; both written beside and renamed.

    Returns:
        The card, of the model's name; where a file of that name is no card of ours, of a free one.

    Raises:
        CheckpointError: The model is not sound: nothing is written.
        OSError: The place cannot be written.
    """
    card = _card_place(target)
    text = model_card(run, checkpoint, target.name)
    weights = checkpoint.read_bytes()
    for path, content in ((target, weights), (card, text)):
        write_beside(path, content)
    return card


def _card_place(target: Path) -> Path:
    numbered = (f"{target.stem}-card-{number}.md" for number in count(2))
    names = chain([f"{target.stem}.md", f"{target.stem}-card.md"], numbered)
    return next(place for name in names if _may_be_card(place := target.with_name(name)))


def _may_be_card(place: Path) -> bool:
    """Whether nothing lies there, or a card of ours: nobody was asked about any other file."""
    if not place.is_file():
        return not os.path.lexists(place)
    try:
        with place.open("rb") as file:
            return file.read(len(_HEAD)) == _HEAD.encode()
    except OSError:  # another user's
        return False


def model_card(run: Run, checkpoint: Path, name: str) -> str:
    """What a model is, how it was made, how well it read the validation pictures, and its limits.

    Raises:
        CheckpointError: It is not sound.
    """
    header, tensors = read_checkpoint(checkpoint)
    config, progress = run.config, run.progress
    weights = sum(array.size for array in tensors.values()) / 1e6
    epoch = header.training.get("epoch", 0)
    metrics = [
        f"| {quantity} | {value:.4g} |"
        for quantity, curve in progress.metrics.items()
        if (value := _at(curve.steps, curve.values, header.training.get("step"))) is not None
    ]
    parent = f" from the checkpoint `{header.parent}`" if header.parent else ""
    kept = ", whose picture parts it keeps" if config.learn == "attributes" and header.parent else ""
    return f"""{_HEAD} {name}

| | |
|---|---|
| system | `{header.system}`: {SYSTEMS[header.system].title} |
| weights | {weights:.1f} million, float16 |
| pictures | {header.image_size}×{header.image_size} |
| attributes | {", ".join(header.attribute_names) or "none"} |
| SHA-256 of the tensors | `{header.digest}` |

## How it was made

Trained on {header.training.get("pictures", progress.pictures):,} pictures ({TITLES[config.dataset]}) to epoch
{epoch} of {config.total_epochs}{parent}{kept}.

```
{shell_line(train_arguments(Path("RUN"), config.model_copy(update={"data": Path("DATA")})))}
```

## On the validation pictures, at that epoch

| | |
|---|---|
{chr(10).join(metrics) or "| not measured | |"}

## Limits

- {_LIMITS[config.dataset]}
- It knows pictures and attributes as they are in its data: others are read and edited worse, and attributes that go
  together there move together.
- Not for identifying people or for decisions about them.
"""


def _at(steps: list[int], values: list[float], step: object) -> float | None:
    """The value at a step, else the last one."""
    if step in steps:
        return values[steps.index(int(str(step)))]
    return values[-1] if values else None
