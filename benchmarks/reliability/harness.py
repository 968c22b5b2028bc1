"""Checks made of numbered trials: a trial depends on its number alone, so a run can be resumed and repeated."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

from jmvae_studio.document.presets import write_text

_KEPT_FAULTS = 20


@dataclass
class Outcome:
    """What trials have shown.

    Attributes:
        faults: A sentence for each promise broken.
        figures: Name → worst value measured.
    """

    faults: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def measure(self, name: str, value: float) -> None:
        """Keep the worst (largest) value of a figure."""
        self.figures[name] = max(value, self.figures.get(name, value))

    def expect(self, held: bool, fault: str) -> None:
        """Note a fault unless the promise held."""
        if not held:
            self.faults.append(fault)


@dataclass(frozen=True)
class Check:
    """A promise, measured.

    Attributes:
        promise: Its number, or numbers.
        name: On the command line.
        title: In the table.
        size: Trials of the full size.
        unit: What a trial is.
        trial: Does the trial with a number, in a folder of its own.
        limits: Figure → the largest value that keeps the promise.
    """

    promise: str
    name: str
    title: str
    size: int
    unit: str
    trial: Callable[[int, Path], Outcome]
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Progress:
    """How far a check has come.

    Attributes:
        done: Trials that were run, the first ones.
        failed: Trials with faults.
        faults: Some of what went wrong, each with its trial's number.
        figures: Name → worst value.
        seconds: Spent.
    """

    done: int = 0
    failed: int = 0
    faults: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    def take(self, number: int, outcome: Outcome, limits: Mapping[str, float], seconds: float) -> None:
        """Add a trial."""
        faults = list(outcome.faults)
        for name, value in outcome.figures.items():
            self.figures[name] = max(value, self.figures.get(name, value))
            if value > limits.get(name, float("inf")):
                faults.append(f"{name} is {value:.4g}, at most {limits[name]:g} was promised")
        self.done, self.seconds = number + 1, self.seconds + seconds
        self.failed += bool(faults)
        self.faults = [*self.faults, *(f"trial {number}: {fault}" for fault in faults)][:_KEPT_FAULTS]


def run(check: Check, trials: int, progress: Progress | None = None) -> Iterator[Progress]:
    """Run a check's trials up to ``trials`` from where ``progress`` stands, telling after each one."""
    progress = progress or Progress()
    while progress.done < trials:
        with trial_folder() as folder:
            started = perf_counter()
            outcome = check.trial(progress.done, folder)
            seconds = perf_counter() - started
        progress.take(progress.done, outcome, check.limits, seconds)
        yield progress


def run_share(check: Check, share: float) -> Progress:
    """Run a part of a check in one go, rounded up to whole trials."""
    progress = Progress()
    for _ in run(check, math.ceil(check.size * share - 1e-9), progress):
        pass
    return progress


@contextmanager
def trial_folder() -> Iterator[Path]:
    """A folder for one trial."""
    with tempfile.TemporaryDirectory(prefix="reliability-", ignore_cleanup_errors=True) as name:
        yield Path(name)


class State:
    """The progress of every check in a file, so that a run that was stopped goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, Progress] = {}
        if path.is_file():
            raw = json.loads(path.read_text(encoding="utf-8"))
            self._kept = {name: Progress(**values) for name, values in raw.items()}

    def of(self, check: Check) -> Progress:
        """A check's progress."""
        return self._kept.setdefault(check.name, Progress())

    def save(self) -> None:
        """Write it beside and rename."""
        kept = {name: asdict(progress) for name, progress in self._kept.items()}
        write_text(self._path, json.dumps(kept, indent=1))
