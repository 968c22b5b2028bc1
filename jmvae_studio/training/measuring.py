"""Asking the trainer how long a run would take: a process that does a few of its steps, and can be cancelled."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

import trainer
from jmvae_studio.training.survey import Survey
from trainer.config import TrainConfig

_PATIENCE = 3000
"""Milliseconds that a killed process is waited for when the program ends."""


@dataclass(frozen=True)
class Measured:
    """What the trainer said; see `trainer.estimate.Estimate`."""

    seconds: float
    images_per_second: float
    memory: int
    device: str


class Measuring(QObject):
    """One measurement at a time; a new one takes the place of the old one."""

    measured = Signal(object)
    """A `Measured`."""
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether something is being measured."""
        return self._process is not None

    def start(self, config: TrainConfig, survey: Survey) -> None:
        """Measure a run of ``config`` on data like those that were found."""
        self.cancel()
        process = QProcess(self)
        self._process = process
        process.setProgram(sys.executable)
        counts = {
            "training": survey.training,
            "validation": survey.validation,
            "attributes": survey.attributes,
        }
        options = [part for name, count in counts.items() for part in (f"--{name}", str(max(1, count)))]
        process.setArguments(["-m", "trainer", "estimate", "-", "--json", *options])
        process.setWorkingDirectory(str(Path(trainer.__file__).parents[1]))
        process.finished.connect(lambda code, _: self._finish(process, code))
        process.errorOccurred.connect(lambda error: self._fail_to_start(process, error))
        process.started.connect(lambda: self._give(process, config))
        process.start()

    def cancel(self) -> None:
        """End the process; nothing is told."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process, and see to it that it has ended."""
        self.cancel()
        for process in self.findChildren(QProcess):
            process.waitForFinished(_PATIENCE)

    def _give(self, process: QProcess, config: TrainConfig) -> None:
        process.write(config.model_dump_json().encode())
        process.closeWriteChannel()

    def _fail_to_start(self, process: QProcess, error: QProcess.ProcessError) -> None:
        if process is self._process and error is QProcess.ProcessError.FailedToStart:
            self._process = None
            process.deleteLater()
            self.failed.emit(f"The trainer could not be started ({process.errorString()}).")

    def _finish(self, process: QProcess, code: int) -> None:
        process.deleteLater()
        if process is not self._process:
            return  # cancelled
        self._process = None
        said = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace")
        errors = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        found = _parse(said)
        if code == 0 and found is not None:
            self.measured.emit(found)
        elif errors:
            last = errors.splitlines()[-1]
            self.failed.emit(last.removeprefix("Error: "))
        else:
            self.failed.emit(
                "The measurement was ended from outside, perhaps for want of memory: try a smaller batch size."
            )


def _parse(text: str) -> Measured | None:
    try:
        values: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        return Measured(
            float(values["seconds"]),
            float(values["images_per_second"]),
            int(values["memory"]),
            str(values["device"]),
        )
    except (ValueError, IndexError, KeyError, TypeError):
        return None
