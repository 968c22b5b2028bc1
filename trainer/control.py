"""What a run that is under way is asked for: by ``control.json`` in its folder, and by signals. Torch-free."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from trainer.errors import TrainerError
from trainer.files import write_beside

NAME = "control.json"
STOP = "stop.json"
"""Asks the process that trains the run to save and end, where there are no signals for it."""
LOCK = "training.lock"
"""Held by the process that trains the run in its folder; the system lets go of it when that process ends."""


def ask_for_threads(folder: Path, threads: int, seconds: float) -> None:
    """Let the run in ``folder`` compute on so many threads for ``seconds`` from now; 0 seconds end an earlier wish.

    The wish ends by itself, so that a run is not held back by a program that is gone. Written beside and renamed.

    Raises:
        OSError: The file cannot be written.
    """
    wish = {"threads": threads, "until": time.time() + seconds}
    write_beside(folder / NAME, json.dumps(wish), durable=False)


def ask_to_stop(folder: Path) -> None:
    """Let the process that trains the run in ``folder`` now save its state and end, as SIGTERM does.

    Raises:
        OSError: The file cannot be written.
    """
    write_beside(folder / STOP, json.dumps({"time": time.time()}), durable=False)


_BEGAN = time.time()
"""When this process did: what was asked before was not asked of it."""


class Control:
    """Reads the wishes for one run; looking costs microseconds while nothing changes."""

    def __init__(self, folder: Path) -> None:
        self._path, self._stop = folder / NAME, folder / STOP
        self._seen: tuple[int, int] | None = None
        self._threads, self._until = 0, 0.0

    def threads(self) -> int | None:
        """How many are wished for now; None if there is no wish, or one that makes no sense."""
        try:
            stat = self._path.stat()
        except OSError:
            return None
        mark = (stat.st_mtime_ns, stat.st_ino)
        if mark != self._seen:
            self._seen, self._threads, self._until = mark, 0, 0.0
            with suppress(OSError, ValueError, TypeError, KeyError):
                values = json.loads(self._path.read_text(encoding="utf-8"))
                self._threads, self._until = int(values["threads"]), float(values["until"])
        return self._threads if self._threads > 0 and time.time() < self._until else None

    def stops(self) -> bool:
        """Whether this process was asked to stop by `ask_to_stop`."""
        try:
            if not self._stop.exists():
                return False
            values = json.loads(self._stop.read_text(encoding="utf-8"))
            return float(values["time"]) >= _BEGAN
        except (OSError, ValueError, TypeError, KeyError):
            return False


@contextmanager
def stop_signals(ask: Callable[[], None]) -> Iterator[None]:
    """While it lasts, Ctrl-C and SIGTERM ask for something."""
    asked = {number: signal.signal(number, lambda *_: ask()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in asked.items():
            signal.signal(number, handler)


def has_state(folder: Path) -> bool:
    """Whether the run in ``folder`` saved a state to go on from; one that was killed early has none."""
    return any((folder / "state").glob("step-*.pt"))


def is_trained(folder: Path) -> bool:
    """Whether a process, of whatever program, trains the run in ``folder`` now."""
    try:
        with alone(folder, patience=0):
            return False
    except TrainerError:
        return True


@contextmanager
def alone(folder: Path, patience: float = 1.0) -> Iterator[None]:
    """While it lasts, no other process trains the run in ``folder``; where files cannot be locked, nobody sees to it.

    Args:
        folder: Of the run.
        patience: Seconds to wait for another one: `is_trained` holds it for a moment.

    Raises:
        TrainerError: Another one does.
    """
    lock = FileLock(folder / LOCK)
    with suppress(OSError, NotImplementedError):
        try:
            lock.acquire(timeout=patience)
        except Timeout:
            raise TrainerError(
                f"The run in {folder} is being trained by another process: wait for its end, or stop it."
            ) from None
    try:
        yield
    finally:
        lock.release()
