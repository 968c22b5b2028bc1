"""A progress bar on stderr for the commands of the trainer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


def make_bar() -> Progress:
    """A progress bar on stderr, if that is a terminal and this is the first process."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[remark]}"),
    )
    return Progress(*columns, console=Console(stderr=True), disable=not is_first() or not sys.stderr.isatty())


def shower(bar: Progress) -> Callable[[str, int, int, str], None]:
    """A function that moves ``bar``: (what, done, all, remark)."""
    task = bar.add_task("preparing", total=None, remark="")

    def show(what: str, done: int, total: int, remark: str) -> None:
        bar.update(task, description=what, completed=done, total=total, remark=remark)

    return show


def is_first() -> bool:
    """Whether this is the only process, or the first one that torchrun started."""
    return os.environ.get("RANK", "0") == "0"
