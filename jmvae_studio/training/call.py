"""Asking the trainer one thing: a process that answers in JSON, and can be cancelled."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, Signal

import trainer
from jmvae_studio.language import tr

_PATIENCE = 3000
"""Milliseconds that a killed process is waited for when the program ends."""


class Call(QObject):
    """One process at a time; a new one takes the place of the old one."""

    answered = Signal(object)
    """What it printed, parsed."""
    failed = Signal(str)
    """Why there is no answer, in a sentence."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether an answer is awaited."""
        return self._process is not None

    def start(self, arguments: Sequence[str], given: str = "") -> None:
        """Run ``python -m trainer`` with ``arguments``, and ``given`` on its standard input."""
        self.cancel()
        process = self._process = QProcess(self)
        process.setProgram(sys.executable)
        process.setArguments(["-m", "trainer", *arguments])
        process.setWorkingDirectory(str(Path(trainer.__file__).parents[1]))
        process.started.connect(lambda: self._give(process, given))
        process.finished.connect(lambda code, _: self._finish(process, code))
        process.errorOccurred.connect(lambda error: self._fail_to_start(process, error))
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

    def _give(self, process: QProcess, given: str) -> None:
        process.write(given.encode())
        process.closeWriteChannel()

    def _fail_to_start(self, process: QProcess, error: QProcess.ProcessError) -> None:
        if process is self._process and error is QProcess.ProcessError.FailedToStart:
            self._process = None
            self.failed.emit(tr("The trainer could not be started ({reason}).", reason=process.errorString()))
            process.deleteLater()

    def _finish(self, process: QProcess, code: int) -> None:
        process.deleteLater()
        if process is not self._process:
            return  # cancelled
        self._process = None
        said = bytes(process.readAllStandardOutput().data()).decode("utf-8", "replace")
        errors = bytes(process.readAllStandardError().data()).decode("utf-8", "replace").strip()
        try:
            answer = json.loads(said) if code == 0 else None
        except ValueError:
            answer = None
        if answer is not None:
            self.answered.emit(answer)
        elif errors:
            self.failed.emit(errors.splitlines()[-1].removeprefix("Error: "))
        else:
            self.failed.emit(
                tr(
                    "The trainer was ended from outside, perhaps for want of memory: close something, try again."
                )
            )
