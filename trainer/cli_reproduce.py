"""The command that reproduces the papers' experiments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from trainer.cli_common import make_bar, make_console, parse_settings, seed_option, shower
from trainer.errors import TrainerError

app = typer.Typer()


@app.command()
def reproduce(
    name: Annotated[str | None, typer.Argument(help="Which experiment; see --list.")] = None,
    budget: Annotated[
        str, typer.Option(help="quick (minutes, says nothing), standard, or paper (its whole schedule).")
    ] = "standard",
    data: Annotated[
        Path | None, typer.Option(envvar="JMVAE_DATA", help="Folder of the experiment's data set.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs; experiments share equal ones.")] = Path(
        "runs"
    ),
    results: Annotated[Path, typer.Option(help="Folder of the result.")] = Path("docs/results"),
    workers: Annotated[int, typer.Option(min=1, help="Runs trained at a time.")] = 1,
    seed: Annotated[int, seed_option("training and evaluation")] = 0,
    training: Annotated[
        bool, typer.Option("--train/--no-train", help="Or evaluate the runs as they stand.")
    ] = True,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting of all its runs."),
    ] = None,
    photo: Annotated[
        list[Path] | None,
        typer.Option(help="Photograph to show in the figures in place of test pictures; may be repeated."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over a result of more training, or a damaged one.")
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="Name every experiment.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Renew the page of all results in --results.")] = False,
) -> None:
    """Train, evaluate and draw an experiment of the papers; given again, it goes on where it stopped."""
    from trainer.reproduce.catalogue import EXPERIMENTS, find_experiment
    from trainer.reproduce.experiment import BUDGETS

    if listed:
        table = Table("experiment", "what it is", "after")
        for known in EXPERIMENTS.values():
            table.add_row(known.name, known.title, known.source)
        make_console().print(table)
        return
    if page:
        from trainer.reproduce.page import renew_page

        count = renew_page(results)
        typer.echo(f"{results / 'README.md'} shows {count} experiment{'' if count == 1 else 's'}.")
        return
    if name is None:
        raise TrainerError("Which experiment? python -m trainer reproduce --list names them.")
    experiment = find_experiment(name)
    chosen = next((known for known in BUDGETS if known == budget), None)
    if chosen is None:
        raise TrainerError(f"No budget is called “{budget}”; there are: {', '.join(BUDGETS)}.")
    if data is None:
        raise TrainerError("Where are the data? Say so with --data, or in JMVAE_DATA.")
    from trainer.reproduce.runner import Request
    from trainer.reproduce.runner import reproduce as bring

    changes = parse_settings(setting or [])
    photos = tuple(photo or ())
    request = Request(chosen, data, out, results, seed, workers, training, changes, photos, replace)
    try:
        with make_bar() as bar:
            result = bring(experiment, request, shower(bar))
    except KeyboardInterrupt:
        typer.echo("Stopped and saved; the same command goes on.", err=True)
        return
    waiting = [run["name"] for run in result["runs"] if not run["finished"]] + result["missing"]
    typer.echo(f"{results / name}.md" + (f" (unfinished: {', '.join(waiting)})" if waiting else ""))
