"""C's figures of faces made and changed by attributes, with numbers by the judge of edits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.reproduce.celeba import CMMA_ATTRIBUTES
from trainer.reproduce.cmma import AT_ONCE, CGAN, CMMA, CVAE, DATA_NOTE, NETS_NOTE, efforts
from trainer.reproduce.experiment import Experiment, Measured, Picture, Trained
from trainer.reproduce.sheets import Cell, Pixels, caption, sheet, to_pictures

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.models.conditional import ConditionalModel
    from trainer.models.interface import JointModel

Floats = npt.NDArray[np.float32]
Change = tuple[tuple[str, float], ...]
"""Attributes and what they are set to."""

VARIED = (
    "Mouth_Slightly_Open", "Eyeglasses", "Bushy_Eyebrows", "Big_Nose", "Pointy_Nose", "Big_Lips",
)  # fmt: skip
"""C, figure 6, the columns."""
PEOPLE = ((-1.0, 1.0), (-1.0, -1.0), (1.0, 1.0), (1.0, -1.0))
"""Male and Young in its rows."""
MODIFIED: tuple[tuple[str, float], ...] = (
    ("Big_Nose", 1.0), ("Eyeglasses", 1.0), ("Mustache", 1.0), ("Big_Lips", 1.0), ("Young", -1.0),
)  # fmt: skip
"""C, figures 8 and 9."""
BOTH: Change = (("Eyeglasses", 1.0), ("Mustache", 1.0))
"""C, figure 10 (d)."""
ALL = "mean"


def measure_attributes(run: Trained) -> Measured:
    """How much a generated face shows an attribute more once it is set, by the judge of edits."""
    return _rises(run, [(name, 1.0) for name in VARIED], lambda wanted, chosen: generate(run.model, wanted))


def draw_attributes(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """C, figure 6."""
    pictures = []
    for run in runs:
        names = run.dataset.names
        rows: list[list[Cell]] = []
        for male, young in PEOPLE:
            base = typical(run, {"Male": male, "Young": young} | dict.fromkeys(VARIED, -1.0))
            wanted = [base, *(_set(base, names, ((name, 1.0),)) for name in VARIED)]
            rows.append(list(generate(run.model, np.stack(wanted))))
        sides = [
            f"{'Male' if male > 0 else 'Female'}, {caption('Young', young).lower()}" for male, young in PEOPLE
        ]
        columns = ["no change", *map(caption, VARIED)]
        text = f"{run.training.row}: faces generated from attributes, without noise (C, figure 6)."
        pictures.append(Picture(f"{run.training.name}.png", text, sheet(rows, columns, sides, cell=80)))
    return pictures


def typical(run: Trained, values: Mapping[str, float]) -> Floats:
    """Attributes as the most of the training pictures of this sex and age have them, then with ``values``."""
    dataset = run.dataset
    rows = dataset.attributes[dataset.indices("train")]
    alike = np.ones(len(rows), bool)
    for name in ("Male", "Young"):
        alike &= rows[:, dataset.names.index(name)] == values[name]
    chosen = rows[alike] if alike.any() else rows
    usual = np.where(chosen.mean(0) > 0, 1, -1).astype(np.float32)
    return _set(usual, dataset.names, tuple(values.items()))


def generate(model: JointModel, attributes: Floats) -> Pixels:
    """Faces of attributes N × A, from the mean of the code and of p(x|z): N × size × size × 3."""
    import torch

    from trainer.numbers import in_chunks

    faces: list[Pixels] = []

    def make(piece: slice) -> None:
        given = {"attributes": torch.from_numpy(attributes[piece])}
        faces.append(to_pictures(model, model.complete(given, "image").mean))

    with torch.no_grad():
        in_chunks(len(attributes), AT_ONCE, make)
    return np.concatenate(faces)


def measure_edits(run: Trained) -> Measured:
    """How much a face shows an attribute more once it is edited, by the judge of edits; its attributes are known."""
    from trainer.models.conditional import ConditionalModel

    model = run.model
    if not isinstance(model, ConditionalModel) or model.target.kind != "image":
        return {}  # it reads the attributes of photographs
    conditional: ConditionalModel = model
    rows = run.rows()
    known = run.dataset.attributes[rows].astype(np.float32)
    image = standardised(model, run.dataset.images[rows])

    def edit(wanted: Floats, chosen: npt.NDArray[np.bool_]) -> Pixels:
        return modify(conditional, image[chosen], known[chosen], wanted)

    return _rises(run, MODIFIED, edit)


def modify(model: ConditionalModel, image: Tensor, own: Floats, wanted: Floats) -> Pixels:
    """Faces with other attributes.

    CMMA (C, section 4.5): D(z) with z = mean of q(z|x,w') + mean of p(z|w') − mean of p(z|w). CVAE: p(x|z,w') with z
    the mean of q(z|x,w).

    Args:
        model: A CMMA or a CVAE of pictures.
        image: Standardised, N × 3 × size × size.
        own: N × A, their attributes.
        wanted: N × A.
    """
    import torch

    from trainer.models import cmma
    from trainer.numbers import in_chunks

    faces: list[Pixels] = []

    def change(piece: slice) -> None:
        before, after = ({"attributes": torch.from_numpy(values[piece])} for values in (own, wanted))
        if isinstance(model, cmma.CMMA):
            move = model.prior_given(after).mean - model.prior_given(before).mean
            code = model.encode({"image": image[piece]} | after).mean + move
        else:
            code = model.encode({"image": image[piece]} | before).mean
        faces.append(to_pictures(model, model.decode_given("image", code, after).mean))

    with torch.no_grad():
        in_chunks(len(own), AT_ONCE, change)
    return np.concatenate(faces)


def draw_edits(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """C, figures 8 to 10, with attributes that are read from the faces."""
    import torch

    by_name = {run.training.name: run for run in runs}
    reader = by_name.pop(CMMA_ATTRIBUTES.name, None)
    if reader is None:
        return []
    changes: list[Change] = [(), *((change,) for change in MODIFIED), BOTH]
    rows: list[list[Cell]] = []
    sides = []
    for name, pixels in reader.shown(4).items():
        with torch.no_grad():
            given = {"image": standardised(reader.model, pixels[None])}
            read = reader.model.complete(given, "attributes").mean.numpy()
        for run in by_name.values():
            model: ConditionalModel = run.model  # type: ignore[assignment]
            wanted = np.stack([_set(read[0], run.dataset.names, change) for change in changes])
            images = standardised(model, pixels[None]).expand(len(changes), -1, -1, -1)
            own = np.repeat(read, len(changes), 0)
            rows.append([pixels, *modify(model, images, own, wanted)])
            sides.append(f"{name}, {run.training.row}")
    columns = ["input", "no change"]
    columns += [" and ".join(caption(name, value) for name, value in change) for change in changes[1:]]
    text = (
        "Faces whose attributes a CMMA of the other direction read, reconstructed, and with attributes set "
        "(C, figures 8 to 10)."
    )
    return [Picture("faces.png", text, sheet(rows, columns, sides, cell=80))]


def _rises(
    run: Trained,
    changes: Sequence[tuple[str, float]],
    make: Callable[[Floats, npt.NDArray[np.bool_]], Pixels],
) -> Measured:
    """Mean rise of the judge's probability that the change is seen, over the test pictures that lack it.

    Args:
        run: Of the test pictures.
        changes: Attributes and what they are set to; a column each.
        make: Faces of attributes, N × A, for the test pictures chosen by a mask with N ones.
    """
    from trainer.cli_common import JUDGE
    from trainer.evaluation.judge import load_judge
    from trainer.evaluation.likelihood_table import mean_and_error

    judge, names = load_judge(JUDGE), run.dataset.names
    known = run.dataset.attributes[run.rows()].astype(np.float32)
    found: Measured = {}
    for name, value in changes:
        chosen = known[:, names.index(name)] * value < 0
        if not chosen.any():
            continue
        own = known[chosen]
        logits = [judge.read(make(w, chosen))[0] for w in (own, _set(own, names, ((name, value),)))]
        before, after = (1 / (1 + np.exp(-each[:, judge.names.index(name)].astype(float))) for each in logits)
        found[caption(name, value)] = mean_and_error((after - before) * np.sign(value))
    values = [cell["value"] for cell in found.values() if cell["value"] is not None]
    return {ALL: {"value": float(np.mean(values)), "standard_error": None}, **found} if found else {}


def _set(attributes: Floats, names: Sequence[str], change: Change) -> Floats:
    """A copy, … × A, with some attributes set."""
    changed = attributes.copy()
    for name, value in change:
        changed[..., names.index(name)] = value
    return changed


def standardised(model: JointModel, pixels: Pixels) -> Tensor:
    """Pictures N × size × size × 3 as the model wants them."""
    import torch

    return model.standardise(torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2))


JUDGE_NOTE = (
    "The judge is the classifier that also judges the studio's edits; it was trained on photographs alone. A rise of 0 "
    "says that setting the attribute changes nothing it sees, 1 that all lacked it before and show it after."
)

EXPERIMENTS = (
    Experiment(
        name="cmma-attributes",
        title="CMMA, CVAE and CGAN: faces from attributes, varied one at a time",
        source="Pandey and Dukkipati 2016, figure 6",
        shows="Whether setting an attribute shows in the generated face: in CMMA it should, in CVAE and CGAN "
        "little.",
        preset="faces",
        efforts=efforts(400),
        trainings=(CMMA, CVAE, CGAN),
        columns={
            ALL: "over the six attributes: how much the judge's probability of an attribute rises once it is set, in "
            "faces generated from the attributes of test pictures that lack it",
            **{caption(name): "the same, of this attribute" for name in VARIED},
        },
        measure=measure_attributes,
        draw=draw_attributes,
        notes=(
            DATA_NOTE,
            "The paper's four rows are Female and Male, Asian and Not-Asian; CelebA knows no Asian, so Young takes its "
            "place. The other attributes are as most training pictures of that sex and age have them.",
            "The paper says that any change is clearly reflected in CMMA's faces and not very evident in the others'.",
            JUDGE_NOTE,
            NETS_NOTE,
        ),
    ),
    Experiment(
        name="cmma-edits",
        title="CMMA and CVAE: faces with other attributes",
        source="Pandey and Dukkipati 2016, figures 8 to 10",
        shows="Whether setting an attribute shows in an edited face: in CMMA it should, in CVAE hardly but "
        "for spectacles.",
        preset="faces",
        efforts=efforts(400),
        trainings=(CMMA, CVAE, CMMA_ATTRIBUTES),
        columns={
            ALL: "over the five attributes: how much the judge's probability of the change rises from the "
            "reconstruction to the edited test picture, whose attributes are known",
            **{caption(name, value): "the same, of this attribute" for name, value in MODIFIED},
        },
        measure=measure_edits,
        draw=draw_edits,
        notes=(
            DATA_NOTE,
            "CMMA: D(mean of q(z|x,w′) + mean of p(z|w′) − mean of p(z|w)). CVAE: p(x|z,w′) with the mean of q(z|x,w). "
            "The figure's attributes are read by a CMMA of the other direction, as figure 10 needs; figures 8 and 9 "
            "know them. That one is *celeba-conditional*'s, of latent 128, fixed variance and a warm-up.",
            "“Old” of figure 9 is Not Young. The paper says that of the CVAE's changes only spectacles are reflected.",
            JUDGE_NOTE,
            NETS_NOTE,
        ),
        photographs=True,
    ),
)
