"""``python -m trainer``: train, resume, evaluate, list."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from trainer.cli_common import (
    JUDGE,
    DataFolder,
    is_first,
    make_bar,
    make_console,
    parse_settings,
    seed_option,
    shower,
    to_json,
)
from trainer.cli_evaluate import check_measures, check_pictures, print_result
from trainer.cli_export import app as exports
from trainer.cli_faces import app as faces
from trainer.cli_reproduce import app as experiments
from trainer.config import PRESETS, TrainConfig, load_config, make_config, parse_config
from trainer.control import has_state, is_trained
from trainer.errors import TrainerError
from trainer.events import EventLog
from trainer.systems import check_run

app = typer.Typer(help="Train, resume and evaluate joint models.", no_args_is_help=True, add_completion=False)
app.add_typer(faces)
app.add_typer(exports)
app.add_typer(experiments)

CHANGEABLE = {
    "epochs",
    "gan_epochs",
    "gan_reconstruction",
    "gan_learning_rate",
    "edit_epochs",
    "edit_learning_rate",
    "edit_realness",
    "edit_asked",
    "edit_kept",
    "edit_consistency",
    "edit_size",
    "edit_hardness",
    "edit_soft",
    "edit_tint",
    "checkpoint_steps",
    "log_steps",
    "device",
    "data",
    "cache",
}
"""Settings that a run may change when it is resumed; all others would change what its steps mean."""

PARZEN_SAMPLES = 100
"""Generated pictures per datum of the Parzen windows."""

Folder = Annotated[Path, typer.Argument(help="Folder of the run.")]


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="New folder for the run.")],
    data: DataFolder,
    preset: Annotated[
        str | None,
        typer.Option(help=f"Where the settings start: {', '.join(PRESETS)}; faces if not given."),
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Begin with this checkpoint; its attributes may be others, which are then learnt anew while its "
            "picture parts are kept (preset own-attributes, unless another is given)."
        ),
    ] = None,
    system: Annotated[str | None, typer.Option(help="Which system; see: python -m trainer list.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs before the GAN joins.")] = None,
    gan: Annotated[
        bool, typer.Option("--gan", help="Add a GAN stage (4 epochs unless --gan-epochs).")
    ] = False,
    gan_epochs: Annotated[int | None, typer.Option(help="Epochs of the GAN stage.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Pictures per update.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps.")] = None,
    seed: Annotated[int | None, seed_option("everything random")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting of config.json."),
    ] = None,
) -> None:
    """Train a model; the folder then holds its settings, events, samples and checkpoints."""
    preset = preset or ("own-attributes" if start_from else "faces")
    if preset not in PRESETS:
        raise TrainerError(f"No preset is called “{preset}”; there are: {', '.join(PRESETS)}.")
    given: dict[str, Any] = {
        "system": system,
        "epochs": epochs,
        "gan_epochs": gan_epochs if gan_epochs is not None else (4 if gan else None),
        "batch_size": batch_size,
        "device": device,
        "seed": seed,
    }
    from trainer.data.loading import recognise

    found = {"dataset": layout} if (layout := recognise(data)) else {}
    changes = parse_settings(setting or [])
    if layout == "mnist" and start_from is None and "dataset" not in PRESETS[preset] | changes:
        raise TrainerError(f"{data} holds MNIST, which the preset “{preset}” is not for: add --preset mnist.")
    values = found | PRESETS[preset] | {"preset": preset, "data": data.absolute()}
    if start_from is not None:
        from trainer.checkpoint_header import read_checkpoint, settings_of

        header, _ = read_checkpoint(start_from)
        values |= settings_of(header) | {"parent": start_from.absolute()}
    values |= changes
    config = make_config(values | {name: value for name, value in given.items() if value is not None})
    check_run(config)
    if is_first():
        if has_state(out) or (out.exists() and any(out.iterdir()) and not (out / "config.json").exists()):
            raise TrainerError(
                f"{out} is not empty. Choose a new folder, or go on with: python -m trainer resume {out}"
            )
        out.mkdir(parents=True, exist_ok=True)
        if is_trained(out):
            raise TrainerError(f"The run in {out} is being trained by another process: choose a new folder.")
        config.save(out / "config.json")
    from trainer.training import start

    _run(start, out, config)


@app.command()
def resume(
    run: Folder,
    epochs: Annotated[int | None, typer.Option(help="A new number of epochs before the GAN joins.")] = None,
    gan_epochs: Annotated[int | None, typer.Option(help="A new number of epochs of the GAN stage.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Change another setting.")
    ] = None,
) -> None:
    """Go on with a run, bit-exactly where it was saved."""
    config = load_config(run / "config.json")
    changes = {"epochs": epochs, "gan_epochs": gan_epochs}
    changes = {name: value for name, value in changes.items() if value is not None}
    changes |= parse_settings(setting or [])
    fixed = sorted(changes.keys() - CHANGEABLE)
    if fixed:
        known = ", ".join(sorted(CHANGEABLE))
        raise TrainerError(f"“{fixed[0]}” cannot change in the middle of a run; these can: {known}.")
    config = make_config(config.model_dump() | changes)
    from trainer.training import resume as go_on

    _run(go_on, run, config)


@app.command("estimate")
def estimate_run(
    config: Annotated[Path, typer.Argument(help="config.json of a run, or - for standard input.")],
    training: Annotated[int, typer.Option(min=1, help="Training pictures.")],
    validation: Annotated[int, typer.Option(min=1, help="Pictures of the validation partition.")],
    attributes: Annotated[int, typer.Option(min=1, help="Attributes or classes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a sentence.")] = False,
) -> None:
    """Say how long a run would take and how much memory, from a few measured steps; its data are not opened."""
    piped = str(config) == "-"
    settings = parse_config(sys.stdin.read(), "standard input") if piped else load_config(config)
    from trainer.estimate import estimate

    found = estimate(settings, training, validation, attributes)
    if as_json:
        typer.echo(json.dumps(found.to_json()))
        return
    typer.echo(
        f"About {found.seconds / 60:.1f} min on {found.device}: {found.steps} updates at "
        f"{found.images_per_second:.0f} pictures/s, {found.epoch_seconds:.1f} s more per epoch; "
        f"{found.memory / 1e9:.1f} GB of memory. Reading the pictures the first time comes on top."
    )


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A model, *.safetensors.")],
    data: DataFolder,
    partition: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    dataset: Annotated[
        str | None, typer.Option(help="celeba, mnist, lfw or folder; known by its files if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    likelihood: Annotated[bool, typer.Option(help="Also estimate log-likelihoods (slow).")] = False,
    parzen: Annotated[
        bool, typer.Option(help="Also fit Parzen windows to generated pictures (slow).")
    ] = False,
    edits: Annotated[
        bool,
        typer.Option(help="Also have the judge measure edits of faces (slow; more by the command edits)."),
    ] = False,
    k: Annotated[int, typer.Option(help="Importance samples per picture.")] = 10,
    channel_reduction: Annotated[
        str,
        typer.Option(help="Image log-likelihood: sum over channels, or their mean as in the papers' code."),
    ] = "sum",
    rows: Annotated[
        int | None, typer.Option(help="Likelihoods of so many pictures only, evenly spaced.")
    ] = None,
    seed: Annotated[int, seed_option("the likelihoods' noise")] = 0,
) -> None:
    """Attributes read from pictures, the error of reconstructions and log-likelihoods, on one partition."""
    from trainer.checkpoint import load_model
    from trainer.data.dataset import PARTITIONS, name_key, spaced
    from trainer.data.loading import open_dataset, recognise
    from trainer.evaluation.attributes import (
        accuracy_table,
        attribute_accuracy,
        calibration_errors,
        infer_attributes,
    )
    from trainer.evaluation.reconstruction import reconstruction_error

    if partition not in PARTITIONS:
        raise TrainerError(f"There is no partition “{partition}”; there are: {', '.join(PARTITIONS)}.")
    model, header = load_model(checkpoint)
    layout = dataset or recognise(data) or header.training.get("dataset", "celeba")
    opened = open_dataset(layout, data, header.image_size)
    vectors = [modality for modality in model.modalities if modality.kind != "image"]
    names = [name for vector in vectors for name in vector.names]
    keys = [name_key(name) for name in names]
    if vectors and list(opened.names) != names:
        if not {name_key(name) for name in opened.names} <= set(keys):
            raise TrainerError(f"{checkpoint.name} has other attributes than {data}: it needs the same ones.")
        further = len(opened.names) < len(names)
        if further and (likelihood or parzen or edits):
            raise TrainerError(
                f"{checkpoint.name} has further attributes than {data}: only how well those of the data are read "
                "can be measured there."
            )
    check_pictures(checkpoint, model, data, opened)
    chosen = opened.indices(partition)
    if not len(chosen):
        raise TrainerError(f"The {partition} partition of {data} is empty: choose another one.")
    check_measures(checkpoint, model, data, opened, parzen, channel_reduction)
    if edits:
        from trainer.evaluation.edit_report import check_edits

        check_edits(checkpoint, model, header, opened.names)
    result: dict[str, Any] = {"checkpoint": checkpoint.name, "partition": partition, "pictures": len(chosen)}
    if len(vectors) == 1 and opened.kind == "attributes" and model.can_complete({"image"}, vectors[0].name):
        inferred, truth = infer_attributes(model, opened.images[chosen]), opened.attributes[chosen]
        inferred = inferred[:, [keys.index(name_key(name)) for name in opened.names]]
        table, errors = accuracy_table(inferred, truth), calibration_errors(inferred, truth)
        result["accuracy"], result["balanced_accuracy"] = (float(mean) for mean in table.mean(0))
        result["calibration_error"] = float(errors.mean())
        result["attributes"] = {
            name: {
                "accuracy": float(row[0]),
                "balanced_accuracy": float(row[1]),
                "calibration_error": float(error),
            }
            for name, row, error in zip(opened.names, table, errors, strict=True)
        }
    elif opened.kind == "label":
        result |= attribute_accuracy(model, opened, chosen)
    if model.can_complete({"image"}, "image"):
        result["reconstruction_rmse"] = reconstruction_error(model, opened.images[chosen])
    if likelihood:
        from trainer.evaluation.likelihood_table import likelihood_table

        reduction: Literal["sum", "mean"] = "mean" if channel_reduction == "mean" else "sum"
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("log-likelihoods", total=None)
            result["likelihood"] = likelihood_table(
                model,
                opened,
                spaced(chosen, rows),
                k,
                reduction,
                seed,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
    if parzen:
        from trainer.evaluation.parzen import parzen_table

        measured, validation = (spaced(opened.indices(name), rows) for name in (partition, "validation"))
        result["parzen"] = parzen_table(
            model, opened, measured, validation, PARZEN_SAMPLES, seed, model.vector.name
        )
    if edits:
        from trainer.evaluation.edit_report import measure_edits, print_tables
        from trainer.evaluation.judge import load_judge

        judge = load_judge(JUDGE)
        with make_bar() as shown_bar:
            result["edits"] = measure_edits(
                [checkpoint], data, judge, partition, ["latent"], 100, False, True, None, shower(shown_bar)
            )
    if as_json:
        typer.echo(to_json(result))
        return
    console = make_console()
    if edits:
        print_tables(result["edits"], console)
    print_result(result, model, console)


@app.command("list")
def list_systems() -> None:
    """Name every system and what it can do."""
    from trainer.systems import SYSTEMS

    table = Table("system", "what it is", "can")
    for system in SYSTEMS.values():
        table.add_row(system.name, system.title, ", ".join(sorted(system.capabilities)))
    make_console().print(table)


def _run(action: Any, folder: Path, config: TrainConfig) -> None:
    """Train with a bar on stderr; events go to stdout when it is not a terminal.

    Of several processes under torchrun, the first one alone writes and speaks.
    """
    stream = None if sys.stdout.isatty() else sys.stdout
    events = EventLog(folder / "events.jsonl", stream) if is_first() else EventLog(Path(os.devnull))
    started = time.monotonic()
    try:
        with make_bar() as bar:
            done = action(folder, config, events, shower(bar))
    finally:
        events.close()
    minutes = (time.monotonic() - started) / 60
    if not is_first():
        return
    word = "Finished" if done else f"Stopped and saved; go on with: python -m trainer resume {folder}"
    typer.echo(f"{word} ({minutes:.1f} min).", err=True)


def main() -> None:
    """Entry of ``python -m trainer``; a user's mistake is one sentence and exit code 1."""
    try:
        app()
    except TrainerError as error:
        typer.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(f"Error: {place}{error.strerror or error}", err=True)
        raise SystemExit(1) from None
