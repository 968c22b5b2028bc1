"""The commands about face models: the judge of edits, edits, cards, samples and banks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainer.cli_common import (
    JUDGE,
    DataFolder,
    check_out,
    make_bar,
    make_console,
    seed_option,
    shower,
    to_json,
)
from trainer.errors import TrainerError

app = typer.Typer()


@app.command()
def judge(
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="The judge to write, *.safetensors.")],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training pictures.")] = 7,
    seed: Annotated[int, seed_option("weights, order and augmentation")] = 11,
) -> None:
    """Train the classifier that judges edits, on real pictures alone."""
    from trainer.data.celeba import load_celeba
    from trainer.evaluation.judge import save_judge, train_judge

    check_out(out, ".safetensors")

    with make_bar() as bar:
        found, figures = train_judge(load_celeba(data), epochs, seed, shower(bar))
    save_judge(found, out, figures | {"epochs": epochs, "seed": seed})
    typer.echo(
        f"accuracy {figures['accuracy']:.4f}, balanced {figures['balanced_accuracy']:.4f} on validation"
    )


@app.command()
def edits(
    checkpoints: Annotated[list[Path], typer.Argument(help="One or more face models, *.safetensors.")],
    data: DataFolder,
    judge_path: Annotated[Path, typer.Option("--judge", help="Who judges; see the command judge.")] = JUDGE,
    partition: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    mode: Annotated[list[str] | None, typer.Option(help="residual, latent, or both (repeat).")] = None,
    count: Annotated[int, typer.Option(min=1, help="Faces per attribute and direction.")] = 100,
    standard: Annotated[bool, typer.Option("--standard", help="Only the 13 standard attributes.")] = False,
    baselines: Annotated[bool, typer.Option(help="Also doing nothing, and the nearest neighbour.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    sheet: Annotated[
        Path | None, typer.Option(help="Also a contact sheet of the first model, *.png.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Also the tables as a page, *.md.")] = None,
) -> None:
    """Measure edits: success, collateral, drift and distance at strengths 1, 2 and 3, by an independent judge."""
    from trainer.evaluation.edit_report import markdown, measure_edits, print_tables
    from trainer.evaluation.judge import load_judge
    from trainer.files import write_beside

    check_out(sheet, ".png")
    check_out(page, ".md")
    with make_bar() as bar:
        results = measure_edits(
            checkpoints,
            data,
            load_judge(judge_path),
            partition,
            mode or ["latent"],
            count,
            standard,
            baselines,
            sheet,
            shower(bar),
        )
    if page is not None:
        names = " ".join(path.name for path in checkpoints)
        options = "".join(f" --mode {name}" for name in mode or ["latent"])
        options += f" --count {count}"
        further = {
            f" --partition {partition}": partition != "test",
            " --standard": standard,
            " --no-baselines": not baselines,
            f" --judge {judge_path.name}": judge_path.resolve() != JUDGE.resolve(),
        }
        options += "".join(option for option, given in further.items() if given)
        command = f"python -m trainer edits {names}{options} --data CELEBA --page {page.name}"
        write_beside(page, f"# How good the edits are\n\n{markdown(results, command)}".encode())
    if as_json:
        typer.echo(to_json(results))
    else:
        print_tables(results, make_console())


@app.command()
def card(
    checkpoint: Annotated[Path, typer.Argument(help="A face model, *.safetensors.")],
    data: DataFolder,
    out: Annotated[Path, typer.Option(help="The card to write, *.md.")],
    judge_path: Annotated[Path, typer.Option("--judge", help="Who judges its edits.")] = JUDGE,
    count: Annotated[int, typer.Option(min=1, help="Edited faces per attribute and direction.")] = 100,
) -> None:
    """Measure a face model on the test partition and write its card."""
    from trainer.checkpoint import load_model
    from trainer.data.celeba import load_celeba
    from trainer.evaluation.card import make_card
    from trainer.evaluation.edit_report import check_size
    from trainer.evaluation.judge import load_judge
    from trainer.files import write_beside

    check_out(out, ".md")
    model, header = load_model(checkpoint)
    check_size(checkpoint, header)  # before all pictures are decoded
    celeba = load_celeba(data, header.image_size)
    if celeba.names != header.attribute_names:
        raise TrainerError(f"{checkpoint.name} has other attributes than {data}: a card needs the same ones.")
    write_beside(out, make_card(checkpoint, model, header, celeba, load_judge(judge_path), count).encode())


@app.command()
def samples(
    checkpoint: Annotated[Path, typer.Argument(help="A model, *.safetensors.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    seed: Annotated[int, seed_option("the noise")] = 7,
) -> None:
    """Generate the faces that are shipped with a model."""
    from trainer.checkpoint import load_model
    from trainer.samples import make_samples

    model, _ = load_model(checkpoint)
    for path in make_samples(model, out, seed=seed):
        typer.echo(path)


@app.command()
def blend(
    before: Annotated[Path, typer.Argument(help="The checkpoint that a run started from.")],
    after: Annotated[Path, typer.Argument(help="The checkpoint that it made.")],
    out: Annotated[Path, typer.Option(help="The checkpoint to write, *.safetensors.")],
    share: Annotated[float, typer.Option(min=0, max=1, help="Of the second one's weights.")] = 0.85,
) -> None:
    """Write weights between those of a model and of what was trained on from it."""
    from trainer.blending import blend as blend_checkpoints

    check_out(out, ".safetensors")
    typer.echo(f"{out}: {blend_checkpoints(before, after, share, out).digest}")


@app.command()
def rescale(
    checkpoint: Annotated[Path, typer.Argument(help="A model with an editor, *.safetensors.")],
    edit_scale: Annotated[
        float,
        typer.Option(min=0.05, max=2, help="How far a slider's step moves the code; 1 as in the training."),
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint to write, *.safetensors.")],
) -> None:
    """Write the same weights with edits of another length for the same step of a slider."""
    from trainer.rescaling import rescale as rescale_checkpoint

    check_out(out, ".safetensors")
    typer.echo(f"{out}: {rescale_checkpoint(checkpoint, edit_scale, out).digest}")


@app.command()
def bank(
    checkpoint: Annotated[Path, typer.Argument(help="A model, *.safetensors.")],
    data: DataFolder,
    out: Annotated[
        Path, typer.Option(help="The bank to write, *.npz; NAME-bank.npz beside NAME.safetensors.")
    ],
    rows: Annotated[
        int | None, typer.Option(min=2, help="How many codes; as many as 1 MB holds by default.")
    ] = None,
    seed: Annotated[int, seed_option("the choice of rows and the noise")] = 7,
) -> None:
    """Sample the latent map's codes from q(z|w) of CelebA's training attributes; no picture is used."""
    from trainer.bank import LARGEST_BANK
    from trainer.bank_maker import make_bank
    from trainer.checkpoint import load_model
    from trainer.data.celeba import ATTRIBUTES_FILE, PARTITION_FILE, read_attributes, read_partition
    from trainer.files import write_beside

    check_out(out, ".npz")
    model, header = load_model(checkpoint)
    names, files, attributes = read_attributes(data / ATTRIBUTES_FILE)
    if names != header.attribute_names:
        raise TrainerError(f"{checkpoint.name} has other attributes than {data}: a bank needs the same ones.")
    partition = read_partition(data / PARTITION_FILE)
    training = [row for row, file in enumerate(files) if partition.get(file) == 0]
    made = make_bank(model, header.digest, attributes[training], seed, rows)
    content = made.to_bytes()
    write_beside(out, content)
    typer.echo(f"{len(made.codes)} codes of {made.codes.shape[1]} dimensions, {len(content)} bytes")
    if len(content) > LARGEST_BANK:
        typer.echo(f"Larger than the {LARGEST_BANK} bytes of a shipped bank.", err=True)
