"""Runs of the papers' experiments, made without training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainer.events import EventLog
from trainer.reproduce.catalogue import find_experiment
from trainer.reproduce.experiment import Experiment, Training
from trainer.reproduce.runner import Request, reproduce
from trainer.training import Run

SMALL = {
    "nets": "dense",
    "image_size": 16,
    "hidden": 8,
    "batch_size": 8,
    "limit": 32,
    "device": "cpu",
    "precision": "32-true",
}
"""Of the models of faces; the convolutional nets would take 64×64 pixels."""


def quiet(what: str, done: int, total: int, remark: str) -> None:
    pass


def leave_run(
    experiment: Experiment, training: Training, data: Path, out: Path, changes: Mapping[str, Any]
) -> None:
    """A finished run of the quick budget where `reproduce` looks for it, with its first, random weights."""
    config = experiment.config(training, "quick", data, 0, changes)
    folder = out / experiment.run_name(training, config)
    if folder.exists():
        return
    folder.mkdir(parents=True)
    config.save(folder / "config.json")
    events = EventLog(folder / "events.jsonl")
    run = Run(folder, config, events, quiet)
    run.step = config.total_epochs * run.batches.steps_per_epoch
    run.finish_epoch(config.total_epochs)
    events.close()


def bring(name: str, data: Path, work: Path, photos: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The result of an experiment with random models."""
    experiment = find_experiment(name)
    changes = SMALL | {"cache": work / "cache"}
    for training in experiment.trainings:
        leave_run(experiment, training, data, work / "runs", changes)
    asked = Request("quick", data, work / "runs", work / name, train=False, changes=changes, photos=photos)
    result = reproduce(experiment, asked, quiet)
    assert json.loads((work / name / f"{name}.json").read_text()) == result
    page = (work / name / f"{name}.md").read_text()
    for picture in result["pictures"]:
        assert f"]({picture['file']})" in page
        assert (work / name / picture["file"]).stat().st_size > 500
    for row in result["table"]:
        assert row["measured"].keys() <= experiment.columns.keys()
        assert all(np.isfinite(cell["value"]) for cell in row["measured"].values())
    assert {run["row"] for run in result["runs"]} == {training.row for training in experiment.trainings}
    return result


def measured(result: dict[str, Any], column: str) -> dict[str, float]:
    """Row → value, where there is one."""
    cells = {row["name"]: row["measured"].get(column) for row in result["table"]}
    return {name: cell["value"] for name, cell in cells.items() if cell is not None}
