"""The measure of edits for several models and baselines, as records, tables and a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from trainer.checkpoint import load_model
from trainer.checkpoint_header import Header
from trainer.data.celeba import STANDARD_ATTRIBUTES, load_celeba
from trainer.data.dataset import PARTITIONS, Dataset
from trainer.errors import ConfigError
from trainer.evaluation.attributes import accuracy_table, infer_attributes
from trainer.evaluation.edits import (
    EditMeasure,
    Method,
    Mode,
    by_model,
    edit_faces,
    nearest_neighbour,
    nothing,
)
from trainer.evaluation.figures import grid
from trainer.evaluation.judge import Judge
from trainer.evaluation.reconstruction import reconstruction_error
from trainer.events import Progress
from trainer.files import distinct_names, to_png, write_beside
from trainer.models.interface import JointModel

WANTED = (
    "Smiling",
    "Eyeglasses",
    "Young",
    "Male",
    "Mustache",
    "No_Beard",
    "Bald",
    "Bangs",
    "Blond_Hair",
    "Mouth_Slightly_Open",
)
"""The ten edits that people ask for most."""

SIZE = 64
"""Side of the judge's pictures, in pixels."""
FIGURES = ("success", "adding", "removing", "collateral", "drift", "distance", "sharpness")


def measure_edits(
    checkpoints: Sequence[Path],
    folder: Path,
    judge: Judge,
    partition: str,
    modes: Sequence[str],
    count: int,
    standard: bool,
    baselines: bool,
    sheet: Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Every model in every mode, and the baselines, on the same faces.

    Args:
        checkpoints: Face models.
        folder: CelebA.
        judge: Who reads the faces.
        partition: Whose faces are edited.
        modes: ``residual``, ``latent`` or both.
        count: Faces per attribute and direction.
        standard: Only the 13 standard attributes.
        baselines: Whether to measure doing nothing and the nearest neighbour too.
        sheet: Where to draw the first model's edits.
        progress: Told what is being measured.

    Returns:
        ``partition``, ``count``, ``judge`` (its accuracy here) and ``results`` by name.

    Raises:
        ConfigError: A mode or partition that does not exist, or a model of other attributes.
    """
    if partition not in PARTITIONS:
        raise ConfigError(f"There is no partition “{partition}”; there are: {', '.join(PARTITIONS)}.")
    data = load_celeba(folder, SIZE)
    if judge.names != data.names:
        raise ConfigError("The judge reads other attributes than these data have: train one on them.")
    measure = EditMeasure(data, judge, partition, count)
    columns = [data.names.index(name) for name in STANDARD_ATTRIBUTES] if standard else None
    results: dict[str, Any] = {}

    def run(name: str, method: Method) -> dict[str, Any]:
        measured = measure.measure(method, columns, progress=lambda n, m: progress(name, n, m, ""))
        results[name] = measured
        return measured

    models = {title: _load(path, data) for title, path in distinct_names(checkpoints).items()}
    for number, (title, model) in enumerate(models.items()):
        for mode in _checked(modes):
            run(f"{title} ({mode})", by_model(model, mode)).update(reading(model, data, partition))
        if number == 0 and sheet is not None:
            write_beside(sheet, to_png(contact_sheet(model, data, partition, _checked(modes)[0])))
    if baselines:
        run("nothing", nothing())
        run("nearest neighbour", nearest_neighbour(data, judge))
    table = accuracy_table(measure.logits, data.attributes[measure.rows])
    return {
        "partition": partition,
        "count": count,
        "judge": {"accuracy": float(table[:, 0].mean()), "balanced_accuracy": float(table[:, 1].mean())},
        "results": results,
    }


def reading(model: JointModel, data: Dataset, partition: str) -> dict[str, float]:
    """Image → attributes accuracy from q(z|x) alone, and the error of reconstructions."""
    rows = data.indices(partition)
    table = accuracy_table(infer_attributes(model, data.images[rows]), data.attributes[rows])
    return {
        "accuracy": float(table[:, 0].mean()),
        "balanced_accuracy": float(table[:, 1].mean()),
        "reconstruction_rmse": reconstruction_error(model, data.images[rows]),
    }


@torch.no_grad()
def contact_sheet(
    model: JointModel,
    data: Dataset,
    partition: str,
    mode: Mode,
    strength: float = 2.0,
    faces: int = 10,
    seed: int = 1,
) -> Image.Image:
    """One row per face: the face, its reconstruction, then each of `WANTED` turned to the other side.

    Args:
        model: In evaluation mode.
        data: Faces with attributes.
        partition: Where the faces come from.
        mode: How they are edited.
        strength: Absolute slider value.
        faces: Rows.
        seed: Of their choice.
    """
    rows = np.random.default_rng(seed).permutation(data.indices(partition))[:faces]
    pixels = np.ascontiguousarray(data.images[rows])
    columns = [torch.from_numpy(pixels), _reconstructed(model, pixels)]
    for name in (name for name in WANTED if name in data.names):
        column = data.names.index(name)
        edited = pixels.copy()
        for present in (True, False):
            here = (data.attributes[rows, column] > 0) == present
            if here.any():
                value = -strength if present else strength
                edited[here] = edit_faces(model, pixels[here], {column: value}, mode)
        columns.append(torch.from_numpy(edited))
    stacked = torch.stack(columns, 1).permute(0, 1, 4, 2, 3)  # faces × columns × channels × height × width
    return grid(list(stacked))


def _reconstructed(model: JointModel, pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> torch.Tensor:
    image = model.standardise(torch.from_numpy(pixels).permute(0, 3, 1, 2))
    return model.to_pixels(model.complete({"image": image}, "image").mean).permute(0, 2, 3, 1)


def print_tables(results: dict[str, Any], console: Console) -> None:
    """One table per strength: a row per method, the 13 standard attributes, then all.

    Args:
        results: From `measure_edits`.
        console: Without markup, since files may have any name.
    """
    for strength in ("1", "2", "3"):
        table = Table("method", *FIGURES, "Fréchet, all", title=f"strength {strength}: 13 standard | all")
        for name, result in results["results"].items():
            means = result["means"][strength]
            cells = [f"{means['standard'][f]:.3f} | {means['all'][f]:.3f}" for f in FIGURES]
            table.add_row(name, *cells, f"{means['frechet']:.2f}")
        console.print(table)
    for name, result in results["results"].items():
        if "accuracy" in result:
            console.print(
                f"{name}: reads attributes at {result['accuracy']:.4f}, balanced {result['balanced_accuracy']:.4f}; "
                f"reconstruction error {result['reconstruction_rmse']:.1f} of 255"
            )
    read, balanced = results["judge"]["accuracy"], results["judge"]["balanced_accuracy"]
    console.print(f"The judge reads {results['partition']} faces at {read:.4f}, balanced {balanced:.4f}.")


def markdown(results: dict[str, Any], command: str) -> str:
    """The same as a page: means per strength, reading, and every attribute at strength 2 of the last model.

    Args:
        results: From `measure_edits`.
        command: That made them, without paths of this machine.
    """
    found = results["results"]
    lines = [
        f"Made by `{command}`: {results['count']} faces at most of CelebA's {results['partition']} partition per",
        "attribute and direction, labelled and read as being on the other side. *Success*: share that the judge reads",
        "as flipped. *Collateral*: share of the other attributes that flip. *Drift*: mean change of pixels outside the",
        "attribute's region, of 255. *Distance*: in the judge's features, 1 is two different people. *Sharpness*:",
        "edited over original. *Fréchet*: between all edited and all real faces in the judge's features (no FID).",
        "",
    ]
    for group, title in (("standard", "The 13 standard attributes"), ("all", "All measured attributes")):
        further = [" Fréchet |"] if group == "all" else []  # that of all edited faces
        header = (
            "| method | strength | success | adding | removing | collateral | drift | distance | sharpness |"
        )
        lines += [f"## {title}", "", "".join([header, *further]), "|---" * (9 + len(further)) + "|"]
        for name, result in found.items():
            for strength, means in result["means"].items():
                cells = [_cell(figure, means[group][figure]) for figure in FIGURES]
                cells += [f"{means['frechet']:.2f}" for _ in further]
                lines.append(f"| {name} | {strength} | {' | '.join(cells)} |")
        lines.append("")
    lines += ["## Reading", "", "| model | accuracy | balanced | reconstruction error |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {r['accuracy']:.4f} | {r['balanced_accuracy']:.4f} | {r['reconstruction_rmse']:.1f} of 255 |"
        for name, r in found.items()
        if "accuracy" in r
    ]
    judge = results["judge"]
    lines += [f"| the judge | {judge['accuracy']:.4f} | {judge['balanced_accuracy']:.4f} | |", ""]
    last = [name for name in found if "accuracy" in found[name]][-1]
    lines += [
        f"## Every attribute, {last}, strength 2",
        "",
        "| attribute | adding | removing | collateral | drift |",
        "|---|---|---|---|---|",
    ]
    records: dict[str, dict[bool, dict[str, Any]]] = {}
    for record in found[last]["outcomes"]:
        if record["strength"] == 2:
            records.setdefault(record["attribute"], {})[record["adding"]] = record
    for attribute, both in records.items():
        added, removed = both[True], both[False]
        collateral, drift = (np.nanmean([r[key] for r in both.values()]) for key in ("collateral", "drift"))
        lines.append(
            f"| {attribute} | {added['success']:.2f} | {removed['success']:.2f} | {collateral:.3f} | {drift:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _cell(figure: str, value: float) -> str:
    return (
        f"{value:.1f}" if figure == "drift" else f"{value:.2f}" if figure == "sharpness" else f"{value:.3f}"
    )


def _load(path: Path, data: Dataset) -> JointModel:
    model, header = load_model(path)
    check_edits(path, model, header, data.names)
    return model


def check_edits(path: Path, model: JointModel, header: Header, names: Sequence[str]) -> None:
    """See before anything is measured that a model's edits can be.

    Raises:
        ConfigError: It edits nothing, has other attributes than ``names``, or pictures that the judge cannot read.
    """
    if "edit" not in model.capabilities:
        raise ConfigError(f"{path.name} is a “{header.system}”, which edits no pictures.")
    if header.attribute_names != tuple(names):
        raise ConfigError(f"{path.name} has other attributes than the data: edits need the same ones.")
    check_size(path, header)


def check_size(path: Path, header: Header) -> None:
    """See that the judge can read a model's pictures.

    Raises:
        ConfigError: They are of another size than its own.
    """
    if header.image_size != SIZE:
        raise ConfigError(f"{path.name} has pictures of {header.image_size} pixels; the judge reads {SIZE}.")


def _checked(modes: Sequence[str]) -> list[Mode]:
    known: tuple[Mode, ...] = ("residual", "latent")
    wrong = [mode for mode in modes if mode not in known]
    if wrong:
        raise ConfigError(f"There is no mode “{wrong[0]}”; there are: {', '.join(known)}.")
    return [mode for mode in known if mode in modes]
