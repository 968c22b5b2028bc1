"""The page of all results: what each experiment shows, our figure beside the paper's, where there is a result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.errors import TrainerError
from trainer.reproduce.catalogue import EXPERIMENTS
from trainer.reproduce.experiment import Experiment
from trainer.reproduce.report import table

BEGIN, END = "<!-- begin of results -->", "<!-- end of results -->"
"""What stands between these lines of README.md is written by `renew_page`; the rest by hand."""
NOTHING = "No experiment has been run to its standard budget yet."


def renew_page(folder: Path) -> int:
    """Write the results of ``folder`` into its ``README.md``, in the order of the catalogue.

    Trials of the machinery (budget *quick*) are left out.

    Returns:
        How many experiments there are on the page.

    Raises:
        TrainerError: There is no ``README.md``, it has no place for them, or a result is damaged.
    """
    from trainer.files import write_beside

    path = folder / "README.md"
    try:
        before, _, rest = path.read_text(encoding="utf-8").partition(f"{BEGIN}\n")
    except OSError as error:
        raise TrainerError(f"Cannot read {path}: {error.strerror}.") from error
    _, found, after = rest.partition(END)
    if not found:
        raise TrainerError(f"{path} has no place for results: add the lines {BEGIN} and {END}.")
    sections = []
    for experiment in EXPERIMENTS.values():
        file = folder / f"{experiment.name}.json"
        if not file.is_file():
            continue
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
            if result["budget"] != "quick":
                sections.append("\n".join(section(experiment, result)))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise TrainerError(
                f"{file} is damaged or incomplete: bring it back, or make it anew with "
                f"python -m trainer reproduce {experiment.name} --replace."
            ) from error
    middle = "\n\n".join(sections) or NOTHING
    write_beside(path, f"{before}{BEGIN}\n\n{middle}\n\n{END}{after}".encode())
    return len(sections)


def section(experiment: Experiment, result: Mapping[str, Any]) -> list[str]:
    """The lines of one experiment: what it shows, its table, its first picture and how it was made."""
    lines = [f"## {result['title']}", "", f"{experiment.shows} ({result['source']}.)", ""]
    if result["columns"]:
        lines += [*table(result), ""]
    if result["pictures"]:
        first = result["pictures"][0]
        lines += [f"![{first['caption']}]({first['file']})", "", first["caption"], ""]
    runs = result["runs"]
    passes = sorted({f"{run['epochs']} of {run['epochs_planned']}" for run in runs})
    pictures = sorted({f"{run['pictures']:,}" for run in runs})
    minutes = sum(run["seconds"] for run in runs) / 60
    made = (
        f"Budget *{result['budget']}*: {len(runs)} run{'s' if len(runs) > 1 else ''}, {' or '.join(passes)} epochs of "
        f"{' or '.join(pictures)} pictures, {minutes:.0f} minutes of training, seed {result['seed']}."
    )
    if result["missing"]:
        made += f" Not trained yet: {', '.join(result['missing'])}."
    return [*lines, f"{made} [The whole result]({result['experiment']}.md)"]
