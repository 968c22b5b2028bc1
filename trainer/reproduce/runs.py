"""Training of an experiment's runs, each a process of ``python -m trainer train`` or ``resume`` in its own folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from trainer.checkpoint_header import read_checkpoint
from trainer.config import TrainConfig, load_config
from trainer.control import has_state
from trainer.errors import TrainerError
from trainer.events import Progress, read_events

PAUSE = 0.5
"""Seconds between two looks at the processes."""
LOOK = 10.0
"""Seconds between two reports of how far they are."""

SHIFTING = {"data", "cache", "device", "checkpoint_steps", "log_steps"}
"""Settings that may differ between a run in its folder and the same run wanted now."""


@dataclass(frozen=True)
class Job:
    """A run to bring to the end of its schedule."""

    folder: Path
    config: TrainConfig

    @property
    def epochs(self) -> int:
        """Passes behind the published weights; 0 before the first."""
        path = self.folder / "model.safetensors"
        return int(read_checkpoint(path)[0].training["epoch"]) if path.is_file() else 0

    @property
    def finished(self) -> bool:
        """Whether the whole schedule was trained."""
        return self.epochs >= self.config.total_epochs

    def check(self) -> None:
        """See that the folder is free or holds this very run.

        Raises:
            TrainerError: It holds a run with other settings.
        """
        path = self.folder / "config.json"
        if not path.exists():
            return
        there, wanted = load_config(path).model_dump(), self.config.model_dump()
        for name in wanted.keys() - SHIFTING:
            if there[name] != wanted[name]:
                raise TrainerError(
                    f"{self.folder} holds a run with {name}={there[name]}, not {wanted[name]}; "
                    "choose another folder with --out."
                )

    def command(self) -> list[str]:
        """How to start it, or to go on with it."""
        program = [sys.executable, "-m", "trainer"]
        values = self.config.model_dump(mode="json")
        if has_state(self.folder):
            there = load_config(self.folder / "config.json").model_dump(mode="json")
            names = sorted(name for name in SHIFTING if there[name] != values[name])
            settings = [part for name in names for part in ("--set", setting(name, values[name]))]
            return [*program, "resume", str(self.folder), *settings]
        preset, data = values.pop("preset"), values.pop("data")
        settings = [part for name, value in values.items() for part in ("--set", setting(name, value))]
        return [*program, "train", "--preset", preset, "--data", data, "--out", str(self.folder), *settings]


def setting(name: str, value: object) -> str:
    """As ``--set`` takes it."""
    return f"{name}={'none' if value is None else value}"


def train_all(jobs: list[Job], workers: int, logs: Path, progress: Progress) -> None:
    """Train all ``jobs``, ``workers`` at a time; Ctrl-C makes them save and stop.

    Raises:
        TrainerError: A folder holds another run, or a training failed (the others are brought to their end).
        KeyboardInterrupt: All have saved and stopped; the same call goes on.
    """
    for job in jobs:
        job.check()
    waiting = [job for job in jobs if not job.finished]
    total = sum(job.config.total_epochs for job in jobs)
    running: list[tuple[Job, subprocess.Popen[bytes]]] = []
    failed: list[str] = []
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    environment = {"OMP_NUM_THREADS": threads} | os.environ
    logs.mkdir(parents=True, exist_ok=True)
    looked = 0.0
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.pop(0)
                with (logs / f"{job.folder.name}.log").open("ab") as log:
                    process = subprocess.Popen(
                        job.command(),
                        cwd=Path(__file__).parents[2],
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=log,
                        start_new_session=True,  # Ctrl-C reaches it through this process, once
                    )
                running.append((job, process))
            if time.monotonic() - looked > LOOK:
                looked = time.monotonic()
                names = ", ".join(_remark(job) for job, _ in running)
                progress("training", sum(job.epochs for job in jobs), total, names)
            time.sleep(PAUSE)
            for job, process in [pair for pair in running if pair[1].poll() is not None]:
                running.remove((job, process))
                if process.returncode:
                    failed.append(f"{job.folder.name} (see {logs / f'{job.folder.name}.log'})")
                elif not job.finished and _said_last(job) == "finished":
                    failed.append(f"{job.folder.name} (its last weights are no numbers)")
                elif not job.finished:
                    raise KeyboardInterrupt  # it was asked to stop by its own process id
    finally:
        for _, process in running:
            process.terminate()  # it saves and stops
        for _, process in running:
            process.wait()
        signal.signal(signal.SIGTERM, previous)
    if failed:
        raise TrainerError(f"The training failed of {', '.join(failed)}. Mend it and give the command again.")
    progress("training", total, total, "")


def _remark(job: Job) -> str:
    log = job.folder / "events.jsonl"
    steps = [e for e in read_events(log) if e["event"] == "step"] if log.exists() else []
    if not steps:
        return f"{job.folder.name}: starting"
    last = steps[-1]
    return f"{job.folder.name}: epoch {last['epoch']}, {last['images_per_second']:.0f} images/s"


def _said_last(job: Job) -> str:
    """The last event of a run that has ended."""
    events = read_events(job.folder / "events.jsonl")
    return str(events[-1]["event"]) if events else ""


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
