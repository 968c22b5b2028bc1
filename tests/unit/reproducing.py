"""Runs of the papers' experiments, made without training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.events import EventLog
from trainer.reproduce.experiment import Experiment, Training
from trainer.training import Run


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
