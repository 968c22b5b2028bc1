"""An experiment's result as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from trainer.errors import TrainerError


def to_json(result: Mapping[str, Any]) -> bytes:
    """The whole result, for machines. What is no Unicode in a file's name is escaped."""
    return (json.dumps(result, indent=2, ensure_ascii=False) + "\n").encode(errors="backslashreplace")


class Amount(NamedTuple):
    """How much a run has learned from."""

    epochs: int
    pictures: int


def trained_amounts(path: Path) -> dict[str, Amount]:
    """What is behind each run of the result at ``path``, by the run's name.

    Raises:
        TrainerError: It is damaged.
    """
    try:
        runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
        return {str(run["name"]): Amount(int(run["epochs"]), int(run["pictures"])) for run in runs}
    except (ValueError, LookupError, TypeError, OverflowError) as error:
        raise TrainerError(
            f"{path} is no result of an experiment, or a damaged one: "
            "give another folder with --results, or --replace."
        ) from error


def to_markdown(result: Mapping[str, Any]) -> bytes:
    """The whole result, for people: table beside the papers' figures, pictures, and how it was made."""
    lines = [f"# {result['title']}", "", f"{result['source']}. Made by `{result['command']}`.", ""]
    unfinished = [run["name"] for run in result["runs"] if not run["finished"]]
    if result["budget"] == "quick":
        lines += [
            "**A trial of the machinery (budget *quick*): its numbers say nothing of the systems.**",
            "",
        ]
    if unfinished:
        lines += [f"*Unfinished*: {', '.join(unfinished)}; see the runs below.", ""]
    if result["missing"]:
        lines += [f"Not trained yet: {', '.join(result['missing'])}.", ""]
    if result["columns"]:
        lines += [*table(result), ""]
        columns = result["columns"]
        for meaning, names in groupby(columns, key=columns.__getitem__):
            lines.append(f"- {', '.join(f'**{name}**' for name in names)}: {meaning}")
        lines.append("")
    lines += [f"- {note}" for note in result["notes"]]
    if result["notes"]:
        lines.append("")
    for picture in result["pictures"]:
        lines += [f"![{picture['caption']}]({picture['file']})", "", picture["caption"], ""]
    lines += _runs(result)
    return ("\n".join(lines).rstrip() + "\n").encode(errors="backslashreplace")


def table(result: Mapping[str, Any]) -> list[str]:
    """The lines of a table: ours with its standard error, the paper's beside it."""
    columns, rows = result["columns"], result["table"]
    compared = [name for name in columns if any(name in row["paper"] for row in rows)]
    head = ["", *(part for name in columns for part in ([name, "paper"] if name in compared else [name]))]
    lines = [_row(head), _row(["---"] * len(head))]
    for row in rows:
        cells = [f"{row['name']} *(unfinished)*" if row["unfinished"] else row["name"]]
        for name in columns:
            cells.append(_ours(row["measured"].get(name)))
            if name in compared:
                paper = row["paper"].get(name)
                cells.append("" if paper is None else f"{paper:g}")
        lines.append(_row(cells))
    return lines


def _ours(cell: Mapping[str, float | None] | None) -> str:
    if cell is None or cell["value"] is None:
        return ""
    digits = 2 if abs(cell["value"]) >= 10 else 4
    error = cell.get("standard_error")
    return f"{cell['value']:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def _runs(result: Mapping[str, Any]) -> list[str]:
    head = ["run", "system", "epochs", "at β = 1", "pictures", "seed", "minutes", "other settings"]
    lines = ["## The runs", "", _row(head), _row(["---"] * len(head))]
    for run in result["runs"]:
        epochs = f"{run['epochs']} of {run['epochs_planned']}"
        settings = ", ".join(f"{name}={value}" for name, value in run["settings"].items())
        cells = [run["name"], run["system"], epochs + ("" if run["finished"] else ", *unfinished*")]
        cells += [f"{run['full_beta_share']:.0%}", str(run["pictures"]), str(run["seed"])]
        lines.append(_row([*cells, f"{run['seconds'] / 60:.1f}", settings]))
    evaluation, versions = result["evaluation"], result["versions"]
    about = f"Data: {result['dataset']}, seed {result['seed']}"
    if result["columns"] and evaluation["pictures"]:
        about += f"; evaluated on {evaluation['pictures']} test pictures"
    lines += ["", about + (f", k = {evaluation['k']}." if evaluation["k"] else ".")]
    lines += ["", ", ".join(f"{name} {version}" for name, version in versions.items()) + "."]
    return lines


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
