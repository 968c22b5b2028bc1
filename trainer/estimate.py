"""How long a run would take and how much memory: a few of its steps, done on pictures of noise and measured."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.data.loading import LAYOUTS
from trainer.events import EventLog
from trainer.training import Run

WARM_UP = 2
"""Steps before the clock starts: the first ones choose algorithms and fill caches."""
SECONDS, STEPS = 6.0, 24
"""A stage is measured for so long, or for so many steps; three at least."""
VALIDATED = 64
"""Pictures that the time of a validation is measured on."""
_BATCHES = 3
"""Whole batches in the pictures of noise."""


@dataclass(frozen=True)
class Estimate:
    """What was measured and what it amounts to.

    Attributes:
        seconds: Of the whole run, without the reading of its pictures; ``device`` is where.
        step_seconds: Stage (``bound``, ``gan``, ``edit``) → seconds of one update.
        epoch_seconds: What comes on top in every epoch: validation, samples, saving.
        images_per_second: In the first stage.
        steps: Updates in all.
        memory: Most bytes that the process had; on a GPU those of the device.
    """

    seconds: float
    step_seconds: dict[str, float]
    epoch_seconds: float
    images_per_second: float
    steps: int
    memory: int
    device: str

    def to_json(self) -> dict[str, Any]:
        """For whoever asked."""
        return asdict(self)


def estimate(config: TrainConfig, training: int, validation: int, entries: int) -> Estimate:
    """Measure a run of ``config``. Takes seconds, and the memory of the run; writes nothing that stays.

    Args:
        config: Its ``data`` are not opened.
        training: Training pictures.
        validation: Pictures of the validation partition.
        entries: Attributes or classes of each.

    Raises:
        TrainerError: No such run can be.
    """
    # Batches of noise are fewer than the head start, and nearly every step of the stage comes after it.
    config = config.model_copy(update={"edit_head_start": 0})
    data = _noise(config, entries)
    per_epoch = max(1, min(training, config.limit or training) // config.batch_size)
    with tempfile.TemporaryDirectory(prefix="jmvae-estimate-") as name:
        events = EventLog(Path(os.devnull))
        try:
            run = Run(Path(name), config, events, lambda *_: None, data, config.epochs * per_epoch)
            stages = _time_stages(run)
            epoch_seconds = _time_epoch(run, validation)
        finally:
            events.close()
    counts = {"bound": config.epochs, "gan": config.gan_epochs, "edit": config.edit_epochs}
    seconds = sum(stages[stage] * counts[stage] * per_epoch for stage in stages)
    first = next(iter(stages.values()))
    return Estimate(
        seconds + epoch_seconds * config.total_epochs,
        stages,
        epoch_seconds,
        config.batch_size / first,
        config.total_epochs * per_epoch,
        _memory(run.processes.device),
        str(run.processes.device),
    )


def _noise(config: TrainConfig, entries: int) -> Dataset:
    generator = np.random.default_rng(0)
    training = _BATCHES * config.batch_size
    count = training + VALIDATED
    layout = LAYOUTS[config.dataset]
    shape = (count, config.image_size, config.image_size, layout.channels)
    images = generator.integers(0, 256, shape, np.uint8)
    chosen = generator.integers(0, entries, count)
    if layout.kind == "label":
        vectors = np.eye(entries, dtype=np.int8)[chosen]
    else:
        vectors = generator.choice(np.array([-1, 1], np.int8), (count, entries))
    partition = np.r_[np.zeros(training, np.uint8), np.ones(VALIDATED, np.uint8)]
    names = tuple(f"entry {number}" for number in range(entries))
    return Dataset(images, vectors, names, partition, layout.kind)


def _time_stages(run: Run) -> dict[str, float]:
    """Stage → median seconds of its steps."""
    config, per_epoch = run.config, run.batches.steps_per_epoch
    ends = {
        "bound": config.epochs * per_epoch,
        "gan": (config.epochs + config.gan_epochs) * per_epoch,
        "edit": config.total_epochs * per_epoch,
    }
    found: dict[str, float] = {}
    first = 0
    for stage, end in ends.items():
        if end > first:
            found[stage] = _time_steps(run, first)
        first = end
    return found


def _time_steps(run: Run, start: int) -> float:
    """The same step over and over: what it costs does not depend on its number within a stage."""
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < WARM_UP + 3 or (
        len(times) < WARM_UP + STEPS and time.perf_counter() - began < SECONDS
    ):
        run.step = start
        before = time.perf_counter()
        run.take_step()
        _wait(run.processes.device)
        times.append(time.perf_counter() - before)
    return float(np.median(times[WARM_UP:]))


def _time_epoch(run: Run, validation: int) -> float:
    """Seconds of all that an epoch ends with, for so many pictures of the validation partition."""
    rows = run.batches.rows("validation")
    run.model.eval()
    before = time.perf_counter()
    run.validate(rows)
    _wait(run.processes.device)
    validating = time.perf_counter() - before
    before = time.perf_counter()
    run.finish_epoch(1)
    whole = time.perf_counter() - before
    count = min(validation, run.config.limit or validation)
    return max(0.0, whole - validating) + validating * count / len(rows)


def _wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if sys.platform == "linux":  # what getrusage tells begins with the memory of whoever started this process
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    elif sys.platform == "win32":  # noqa: RET505  # the type checker sees through this form alone
        return 0
    else:
        import resource

        most = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return most if sys.platform == "darwin" else most * 1024
