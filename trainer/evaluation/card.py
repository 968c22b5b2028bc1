"""The model card of a face model: what it is, how it was made, how well it reads, and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from trainer.checkpoint_header import Header
from trainer.config import PRESETS, TrainConfig
from trainer.data.dataset import Dataset
from trainer.evaluation.attributes import accuracy_table, calibration_errors, infer_attributes
from trainer.evaluation.edits import EditMeasure, by_model
from trainer.evaluation.judge import Judge
from trainer.evaluation.reconstruction import reconstruction_error
from trainer.models.interface import JointModel
from trainer.systems import System, find_system

_TEXT = """# Model card: {name}

{title}, trained by this repository on CelebA's training partition.

| | |
|---|---|
| system | `{system}` |
| weights | {weights:.1f} million, float16, {megabytes:.1f} MB{averaged} |
| latent code | {latent} dimensions |
| pictures | {size}×{size} RGB, standardised per pixel and channel; crop 148 of an aligned picture's 178 pixels |
| attributes | {attributes}, in -1…1 |
| SHA-256 of the tensors | `{digest}` |

## How it was made

{pictures} pictures of CelebA's official training partition (a subset of the full data set, at 89×109 and 64×78),
mirrored at random.

{stages}

```
{commands}
```

Of a run that was resumed with other settings the last ones are given. Weights that were blended in are named by the
beginning of the SHA-256 of their tensors.

## How well it reads

On CelebA's test partition ({test} pictures), attributes decoded from the picture alone, q(z|x) then p(w|z):
**mean accuracy {accuracy:.4f}, balanced {balanced:.4f}**. Saying for every attribute what most training pictures show
gives {chance:.4f} and 0.5. Taken as the probability (1 + w) / 2, what is read is off by {calibration:.3f} in the mean
over the attributes (expected calibration error, 10 bins). Reconstructions differ from their pictures by {error:.1f} of
255 (root mean square).

Made by `python -m trainer card`, as is all of this page.

{edits}| attribute | share with it | accuracy | balanced accuracy |
|---|---|---|---|
{rows}

## Limits and biases

- **Licence.** CelebA is available for non-commercial research purposes only; use this model for nothing else.
- The data are photographs of celebrities, mostly young, made up, light-skinned and from the front; faces unlike them
  are read and edited worse. The attributes are other people's judgements ("Attractive", "Big_Nose", "Male"), not facts
  about a person.
- Attributes that go together in the data move together: lipstick, make-up and earrings with Male; grey hair with Young.
- A balanced accuracy near 0.5 in the table means that the attribute is hardly read at all, and hardly edited.
- The bank of latents beside it (`…-bank.npz`, `python -m trainer bank`) holds codes sampled from q(z|w) of training
  attributes and those attributes, nothing encoded from a photograph and no picture.
- It sees 64×64 pixels: edits are soft beside the photograph's own detail, and strong ones may leave a ghost.
- Not for identifying people or for decisions about them.
"""


def make_card(
    path: Path,
    model: JointModel,
    header: Header,
    data: Dataset,
    judge: Judge | None = None,
    count: int = 100,
) -> str:
    """The card's text, with every figure measured on the test partition of ``data``.

    Args:
        path: Of the checkpoint, for its name and size.
        model: Its model, in evaluation mode.
        header: Its header.
        data: CelebA with the model's attributes.
        judge: Who judges its edits; none for a card without them.
        count: Edited faces per attribute and direction.
    """
    rows = data.indices("test")
    truth = data.attributes[rows]
    predicted = infer_attributes(model, data.images[rows])
    table = accuracy_table(predicted, truth)
    usual = data.attributes[data.indices("train")].mean(0) > 0
    history = _history(header.training)
    system = find_system(header.system)
    lines = [
        f"| {name} | {(truth[:, n] > 0).mean():.3f} | {table[n, 0]:.3f} | {table[n, 1]:.3f} |"
        for n, name in enumerate(data.names)
    ]
    return _TEXT.format(
        name=path.name,
        title=_JMVAE_KL if system.weighs_encoders else system.title,
        system=header.system,
        weights=sum(parameter.numel() for parameter in model.parameters()) / 1e6,
        megabytes=path.stat().st_size / 1e6,
        averaged="; exponential average of the training weights" if header.training["ema_decay"] else "",
        latent=model.latent,
        size=header.image_size,
        attributes=len(data.names),
        digest=header.digest,
        pictures=header.training["pictures"],
        stages="\n".join(f"{number}. {_stages(run, system)}" for number, run in enumerate(history, 1)),
        commands="\n".join(_command(run, number) for number, run in enumerate(history, 1)),
        test=len(rows),
        accuracy=table[:, 0].mean(),
        balanced=table[:, 1].mean(),
        chance=float(np.mean((truth > 0) == usual)),
        calibration=calibration_errors(predicted, truth).mean(),
        error=reconstruction_error(model, data.images[rows]),
        edits="" if judge is None else _edits(model, data, judge, count),
        rows="\n".join(lines),
    )


_JMVAE_KL = "A joint model of faces and their attributes (JMVAE-kl; Suzuki, Nakayama and Matsuo 2018)"
_OPTIMIZERS = {"adam": "Adam", "adagrad": "AdaGrad"}
_LEARNT = {
    "all": "",
    "attributes": " that change the attributes' parts alone",
    "reading": " that change q(z|x) and p(w|z) alone",
    "decoding": " that change p(x|z) alone, taught the average faces too",
}


def _history(training: dict[str, Any]) -> list[dict[str, Any]]:
    """The runs that led to a model, the first one first."""
    before = _history(training["parent"]) if training.get("parent") else []
    return [*before, training]


def _stages(run: dict[str, Any], system: System) -> str:
    """What one run did, in words."""
    parts = []
    bound = min(run["epoch"], run["epochs"])
    if bound:
        trained = f"the JMVAE-kl bound (alpha {run['alpha']}, " if system.weighs_encoders else "its bound ("
        parts.append(
            f"{bound} epochs of {trained}batch {run['batch_size']}, {_OPTIMIZERS[run.get('optimizer', 'adam')]} from "
            f"{run['learning_rate']} to {run['learning_rate_end']} along a cosine, {run['precision']})"
            f"{_LEARNT[run.get('learn', 'all')]}"
        )
    gan = min(run["epoch"] - bound, run["gan_epochs"])
    if gan > 0:
        parts.append(
            f"{gan} in which the image decoder also plays a GAN (Adam at {run['gan_learning_rate']}, reconstruction "
            f"weighted {run['gan_reconstruction']})"
        )
    edit = run["epoch"] - bound - gan
    if edit > 0:
        critics = "two critics, one of them of patches" if run.get("edit_patches") else "a critic"
        parts.append(
            f"{edit} epochs in which the editor learns from {critics} (Adam at {run['edit_learning_rate']}, batch "
            f"{run['batch_size']})"
        )
    end = ""
    if blended := run.get("blended"):
        end = f" Then blended: {blended['share']:.0%} of these weights, the rest of `{blended['with'][:12]}`."
    return ", then ".join(parts) + f"; {run['step']} updates in all.{end}"


def _command(run: dict[str, Any], number: int) -> str:
    """The command that makes one run; later ones start from the one before. Below it what blends its result."""
    defaults = {name: field.default for name, field in TrainConfig.model_fields.items()}
    defaults |= PRESETS[run["preset"]] | {"epochs": None}
    changed = [
        f"--set {name}={value}"
        for name, value in run.items()
        if name in defaults
        and name not in ("preset", "parent")
        and defaults[name] != value
        and name != "epochs"
    ]
    if number > 1:
        parent = f"RUN{number - 1}/model" if run["parent"].get("blended") is None else f"BLENDED{number - 1}"
        changed.append(f"--set parent={parent}.safetensors")
    options = "".join(f" {option}" for option in changed)
    preset, epochs = run["preset"], run["epochs"]
    train = f"python -m trainer train --preset {preset} --epochs {epochs}{options} --data CELEBA --out RUN{number}"
    if (blended := run.get("blended")) is None:
        return train
    files = f"{blended['with'][:12]}.safetensors RUN{number}/model.safetensors"
    return f"{train}\npython -m trainer blend {files} --share {blended['share']} --out BLENDED{number}.safetensors"


def _edits(model: JointModel, data: Dataset, judge: Judge, count: int) -> str:
    """The section on edits, measured in mode latent."""
    measured = EditMeasure(data, judge, "test", count).measure(by_model(model, "latent"))
    lines = [
        "## How well it edits",
        "",
        "By an independent classifier that took no part in training (`resources/models/judge.safetensors`), on at most",
        f"{count} test faces per attribute and direction: *success* is the share of edits that it reads as made,",
        "*collateral* the share of other attributes that change with them, *drift* the mean change elsewhere, of 255.",
        "The plain recipe and baselines stand beside it in `docs/results/face-model.md`.",
        "",
        "| strength | success, 13 standard | adding | removing | collateral | drift | success, all 40 | collateral |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for strength, means in measured["means"].items():
        one, every = means["standard"], means["all"]
        lines.append(
            f"| {strength} | {one['success']:.3f} | {one['adding']:.3f} | {one['removing']:.3f} | "
            f"{one['collateral']:.3f} | {one['drift']:.1f} | {every['success']:.3f} | {every['collateral']:.3f} |"
        )
    return "\n".join([*lines, "", "## Attribute by attribute", "", ""])
