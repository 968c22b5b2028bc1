"""The trainer's commands for a run, as the studio starts them and as people copy them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from trainer.config import PRESETS, TrainConfig

Arguments = list[str]


def train_arguments(folder: Path, config: TrainConfig) -> Arguments:
    """``train …``: what makes the trainer come to exactly ``config`` in the new folder ``folder``."""
    arguments = ["train", "--out", str(folder), "--data", str(config.data), "--preset", config.preset]
    # The trainer recognises some layouts by itself; so that it need not, the data set is always said.
    known = PRESETS.get(config.preset, {})
    for name, field in TrainConfig.model_fields.items():
        value = getattr(config, name)
        if name in ("data", "preset") or (name != "dataset" and value == known.get(name, field.default)):
            continue
        arguments += ["--set", f"{name}={_text(value)}"]
    return arguments


def resume_arguments(folder: Path) -> Arguments:
    """``resume …``: go on with the run in ``folder``."""
    return ["resume", str(folder)]


def shell_line(arguments: Arguments, processes: int = 1) -> str:
    """A line for the command line, in the program's environment; with several processes under torchrun."""
    start = ["python"] if processes == 1 else ["torchrun", "--nproc-per-node", str(processes)]
    return shlex.join([*start, "-m", "trainer", *arguments])


def _text(value: Any) -> str:
    """As ``--set`` reads it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
