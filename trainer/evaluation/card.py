"""The model card of a face model: what it is, how it was made, how well it reads, and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from trainer.checkpoint_header import Header
from trainer.data.dataset import Dataset
from trainer.evaluation.attributes import accuracy_table, infer_attributes
from trainer.evaluation.reconstruction import reconstruction_error
from trainer.models.interface import JointModel

_TEXT = """# Model card: {name}

{title}, trained by this repository on CelebA's training partition.

| | |
|---|---|
| system | `{system}`{gan} |
| weights | {weights:.1f} million, float16, {megabytes:.1f} MB; exponential average of the training weights |
| latent code | {latent} dimensions |
| pictures | {size}×{size} RGB, standardised per pixel and channel; crop 148 of an aligned picture's 178 pixels |
| attributes | {attributes}, in -1…1 |
| SHA-256 of the tensors | `{digest}` |

## How it was made

{pictures} pictures of CelebA's official training partition (a subset of the full data set, at 89×109 and 64×78),
mirrored at random. {epochs} epochs of the JMVAE-kl bound (alpha {alpha}, batch {batch_size}, Adam from {rate} to
{rate_end} along a cosine, {precision}){gan_stage}; these are the weights after epoch {epoch} ({step} updates).

```
{commands}
```

## How well it reads

On CelebA's test partition ({test} pictures), attributes decoded from the picture alone, q(z|x) then p(w|z):
**mean accuracy {accuracy:.4f}, balanced {balanced:.4f}**. Saying for every attribute what most training pictures show
gives {chance:.4f} and 0.5. Reconstructions differ from their pictures by {error:.1f} of 255 (root mean square).

Made by `python -m trainer card`.

| attribute | share with it | accuracy | balanced accuracy |
|---|---|---|---|
{rows}

## Limits and biases

- **Licence.** CelebA is available for non-commercial research purposes only; use this model for nothing else.
- The data are photographs of celebrities, mostly young, made up, light-skinned and from the front; faces unlike them
  are read and edited worse. The attributes are other people's judgements ("Attractive", "Big_Nose", "Male"), not facts
  about a person.
- Attributes that go together in the data move together: lipstick, make-up and earrings with Male; grey hair with Young.
- A balanced accuracy near 0.5 in the table means that the attribute is hardly read at all, and hardly edited.
- It sees 64×64 pixels. Edits are soft; strong ones leave a ghost of what was there before.
- Not for identifying people or for decisions about them.
"""


def make_card(path: Path, model: JointModel, header: Header, data: Dataset) -> str:
    """The card's text, with every figure measured on the test partition of ``data``.

    Args:
        path: Of the checkpoint, for its name and size.
        model: Its model, in evaluation mode.
        header: Its header.
        data: CelebA with the model's attributes.
    """
    rows = data.indices("test")
    truth = data.attributes[rows]
    table = accuracy_table(infer_attributes(model, data.images[rows]), truth)
    usual = data.attributes[data.indices("train")].mean(0) > 0
    training = header.training
    lines = [
        f"| {name} | {(truth[:, n] > 0).mean():.3f} | {table[n, 0]:.3f} | {table[n, 1]:.3f} |"
        for n, name in enumerate(data.names)
    ]
    return _TEXT.format(
        name=path.name,
        title="A joint model of faces and their attributes (JMVAE-kl; Suzuki, Nakayama and Matsuo 2018)",
        system=header.system,
        gan=", with the papers' GAN stage" if training["epoch"] > training["epochs"] else "",
        weights=sum(parameter.numel() for parameter in model.parameters()) / 1e6,
        megabytes=path.stat().st_size / 1e6,
        latent=model.latent,
        size=header.image_size,
        attributes=len(data.names),
        digest=header.digest,
        gan_stage=_gan_stage(training),
        commands=_commands(training),
        rate=training["learning_rate"],
        rate_end=training["learning_rate_end"],
        test=len(rows),
        accuracy=table[:, 0].mean(),
        balanced=table[:, 1].mean(),
        chance=float(np.mean((truth > 0) == usual)),
        error=reconstruction_error(model, data.images[rows]),
        rows="\n".join(lines),
        **{
            key: training[key]
            for key in ("pictures", "epochs", "alpha", "batch_size", "precision", "epoch", "step")
        },
    )


def _gan_stage(training: dict[str, Any]) -> str:
    done = training["epoch"] - training["epochs"]
    if done <= 0:
        return ""
    return (
        f", then {done} in which the image decoder also plays a GAN (Adam at {training['gan_learning_rate']}, "
        f"reconstruction weighted {training['gan_reconstruction']} at the end)"
    )


def _commands(training: dict[str, Any]) -> str:
    train = f"python -m trainer train --preset faces --epochs {training['epochs']} --data CELEBA --out RUN"
    done = training["epoch"] - training["epochs"]
    if done <= 0:
        return train
    weight = training["gan_reconstruction"]
    return f"{train}\npython -m trainer resume RUN --gan-epochs {done} --set gan_reconstruction={weight}"
