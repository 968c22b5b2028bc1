"""What the commands of the trainer share: options, and a progress bar on stderr."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from trainer.config import LARGEST_SEED
from trainer.errors import TrainerError
from trainer.events import Progress

_PLACES = [Path(__file__).parents[1] / place for place in ("resources", "jmvae_studio/resources")]
"""In a checkout and in an installation."""
JUDGE = next((folder for folder in _PLACES if folder.is_dir()), _PLACES[0]) / "models" / "judge.safetensors"
"""The judge of edits that comes with the project."""

DataFolder = Annotated[Path, typer.Option(envvar="JMVAE_DATA", help="Folder of the data set.")]


def seed_option(what: str) -> Any:
    """The option ``--seed`` of a command; ``what`` it is the seed of, for the help."""
    return typer.Option(min=0, max=LARGEST_SEED, help=f"Seed of {what}.")


def make_console() -> Console:
    """Standard output for tables; names of attributes and files are printed as they are, never taken for markup."""
    return Console(markup=False, emoji=False)


def make_bar() -> Bar:
    """A progress bar on stderr, if that is a terminal and this is the first process."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}", markup=False),
    )
    return Bar(*columns, console=Console(stderr=True), disable=not is_first() or not sys.stderr.isatty())


def shower(bar: Bar) -> Progress:
    """A function that moves ``bar``: (what, done, all, remark)."""
    task = bar.add_task("preparing", total=None, remark="")

    def show(what: str, done: int, total: int, remark: str) -> None:
        bar.update(task, description=what, completed=done, total=total, remark=remark)

    return show


def check_out(path: Path | None, *suffixes: str) -> None:
    """See before long work that its result can be written; makes the folder.

    Raises:
        TrainerError: It has another ending, or there can be no such folder.
    """
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        raise TrainerError(f"{path} must end in {' or '.join(suffixes)}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainerError(f"The folder {path.parent} cannot be made: {error.strerror}.") from error


def to_json(value: object) -> str:
    """JSON that every reader takes: a figure that is none, of faces that were not there, is null."""

    def plain(part: object) -> object:
        if isinstance(part, dict):
            return {key: plain(value) for key, value in part.items()}
        if isinstance(part, list | tuple):
            return [plain(value) for value in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    return json.dumps(plain(value), indent=2, allow_nan=False)


def is_first() -> bool:
    """Whether this is the only process, or the first one that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def parse_settings(texts: list[str]) -> dict[str, Any]:
    """Settings by name from NAME=VALUE; nothing and “none” stand for None.

    Raises:
        TrainerError: A text is not of that form.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise TrainerError(f"“{text}” is not of the form NAME=VALUE.")
        values[name] = None if value in ("", "none") else value
    return values
