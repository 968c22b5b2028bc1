"""All runs of the user: the queue, the process under way, and what is asked of them."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QFile, QLockFile, QObject, QTimer, Signal

import trainer
from jmvae_studio.language import tr
from jmvae_studio.training.commands import resume_arguments, train_arguments
from jmvae_studio.training.processes import spawn
from jmvae_studio.training.run import LOG, Run
from jmvae_studio.training.tail import CHUNK
from trainer.config import TrainConfig
from trainer.control import is_trained
from trainer.errors import ConfigError

PERIOD, HURRY = 500, 30
"""Milliseconds between two looks at the runs, and while there is more to read than one look takes."""

LONGEST_NAME = 80
_FORBIDDEN = set('<>:"/\\|?*')


class RunError(Exception):
    """What cannot be done with a run; one sentence for the user."""


class Trainings(QObject):
    """The runs in one folder. One trains at a time, the others wait; the processes outlive the window.

    Args:
        folder: Where the runs are kept; made when the first one is.
    """

    listed = Signal()
    """Runs came or went."""
    changed = Signal(object)
    """A `Run` has news."""
    ended = Signal(object)
    """The process of a `Run` has ended; its state says how."""
    failed = Signal(str)
    """A sentence for the user."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder = folder
        self.runs: list[Run] = []
        """The newest one first."""
        self._is_watched = False
        self._unreadable: set[str] = set()
        self._timer = QTimer(self, interval=PERIOD)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        """Find the runs of earlier starts again; those that wait have their turn."""
        self._look()

    def close(self) -> None:
        """Look no more; processes go on."""
        self._timer.stop()

    def watch(self, watched: bool) -> None:
        """Whether somebody sees the runs: then they are read even where none is under way."""
        self._is_watched = watched
        if watched:
            self._look()

    def under_way(self) -> list[Run]:
        """Runs with a process."""
        return [run for run in self.runs if run.is_under_way]

    def waiting(self) -> list[Run]:
        """The queue, in its order."""
        runs = [run for run in self.runs if run.waiting_since is not None]
        return sorted(runs, key=lambda run: run.waiting_since or 0)

    def free_name(self, wish: str) -> str:
        """``wish``, with a number behind it if there is such a run already."""
        name, number = wish, 2
        while (self.folder / name).exists():
            name, number = f"{wish} {number}", number + 1
        return name

    def check_name(self, name: str) -> None:
        """Whether a new run can be called so.

        Raises:
            RunError: Saying why not.
        """
        if not name.strip():
            raise RunError(tr("The run needs a name."))
        bad = sorted({c for c in name if c in _FORBIDDEN or not c.isprintable()})
        if bad or name != name.strip() or name.startswith(".") or name.endswith("."):
            raise RunError(
                tr(
                    "The name “{name}” cannot be a folder's: leave out {signs}.",
                    name=name,
                    signs=" ".join(map(repr, bad)),
                )
                if bad
                else tr("The name “{name}” cannot be a folder's: no dot or space at its ends.", name=name)
            )
        if len(name.encode()) > LONGEST_NAME:
            raise RunError(tr("The name is too long: {most} letters are the most.", most=LONGEST_NAME))
        if (self.folder / name).exists():
            raise RunError(tr("There is a run called “{name}” already: choose another name.", name=name))

    def add(self, name: str, config: TrainConfig) -> Run:
        """A new run; it begins at once, or when those before it have ended.

        Raises:
            RunError: The name or the disk does not allow it.
        """
        self.check_name(name)
        folder = self.folder / name
        try:
            folder.mkdir(parents=True)
            config.save(folder / "config.json")
            run = Run(folder)
        except (OSError, ConfigError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise RunError(
                tr("The run's folder {folder} cannot be made: {reason}.", folder=folder, reason=reason)
            ) from error
        run.wait(True)
        self.runs.insert(0, run)
        self.listed.emit()
        self._look()
        return run

    def resume(self, run: Run) -> None:
        """Go on: a paused process at once, a run that has ended when its turn comes."""
        if run.is_under_way:
            run.go_on()
        elif run.waiting_since is None:
            run.wait(True)
        self._look()
        self.changed.emit(run)

    def pause(self, run: Run) -> None:
        """Halt the run's process where it is."""
        run.pause()
        self.changed.emit(run)

    def stop(self, run: Run) -> None:
        """Let the run save its state and end."""
        run.ask_to_stop()
        self._timer.start()
        self.changed.emit(run)

    def stop_all(self) -> None:
        """Empty the queue and let every run save its state and end."""
        for run in self.waiting():
            run.wait(False)
        for run in self.under_way():
            run.ask_to_stop()

    def hold_back(self, seconds: float) -> None:
        """Let every run under way compute on one thread for so long."""
        for run in self.under_way():
            run.hold_back(seconds)

    def delete(self, run: Run) -> None:
        """Move the run's folder to the trash.

        Raises:
            RunError: It is under way, or the system has no trash there.
        """
        if run.is_under_way or is_trained(run.folder):
            raise RunError(tr("{name} is under way: stop it first.", name=run.name))
        if not QFile.moveToTrash(str(run.folder)):
            raise RunError(
                tr("{folder} cannot be moved to the trash: delete the folder by hand.", folder=run.folder)
            )
        self.runs.remove(run)
        self.listed.emit()

    def _look(self) -> None:
        """Find runs, read a little of what is new, and let the next one begin."""
        self._scan()
        left = CHUNK
        for run in list(self.runs):
            was_under_way = run.is_under_way
            if not (was_under_way or self._is_watched):
                continue
            if left <= 0:
                break
            before, unsaved = run.read_bytes, set(run.progress.unsaved)
            changed = run.refresh(left)
            for what in run.progress.unsaved.keys() - unsaved:
                self.failed.emit(f"{run.name}: {run.progress.unsaved[what]}")
            left -= run.read_bytes - before
            if changed or was_under_way != run.is_under_way:
                self.changed.emit(run)
            if was_under_way and not run.is_under_way:
                run.refresh()
                self.ended.emit(run)
        self._serve()
        busy = bool(self.under_way() or self.waiting())
        if busy or self._is_watched:
            self._timer.start(HURRY if left <= 0 else PERIOD)
        else:
            self._timer.stop()

    def _scan(self) -> None:
        """Take in folders that are new, and let go of those that are no more."""
        try:
            found = {path.name: path for path in self.folder.iterdir() if not path.name.startswith(".")}
        except OSError:
            found = {}
        kept = [run for run in self.runs if run.name in found]
        known = {run.name for run in kept} | self._unreadable
        fresh = []
        for name in found.keys() - known:
            try:
                fresh.append(Run(found[name]))
            except ConfigError:
                self._unreadable.add(name)  # no run, or one of another version: left alone
        if fresh or len(kept) != len(self.runs):
            fresh.sort(key=_made, reverse=True)
            self.runs = [*fresh, *kept]
            self.listed.emit()

    def _serve(self) -> None:
        """Start the first of the queue, if nothing is under way."""
        queue = self.waiting()
        if not queue or self.under_way():
            return
        lock = QLockFile(str(self.folder / ".starting.lock"))
        if not lock.tryLock(0):
            return  # another window is at it
        try:
            queue[0].refresh(0)
            if queue[0].waiting_since is not None and not queue[0].is_under_way:
                self._launch(queue[0])
        finally:
            lock.unlock()

    def _launch(self, run: Run) -> None:
        arguments = (
            resume_arguments(run.folder) if run.can_resume else train_arguments(run.folder, run.config)
        )
        command = [sys.executable, "-m", "trainer", *arguments]
        try:
            process = spawn(command, Path(trainer.__file__).parents[1], run.folder / LOG)
        except OSError as error:
            run.wait(False)
            self.failed.emit(
                tr(
                    "Training of {name} could not be started ({reason}): "
                    "is {folder} writable, and {executable} still there?",
                    name=run.name,
                    reason=error.strerror,
                    folder=run.folder,
                    executable=sys.executable,
                )
            )
        else:
            run.take_process(process)
        self.changed.emit(run)


def _made(run: Run) -> float:
    with suppress(OSError):
        return (run.folder / "config.json").stat().st_mtime
    return 0.0
