"""Files of a run that outlive a full disk: what cannot be written is tried again while training goes on."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from trainer.errors import TrainerError
from trainer.events import EventLog

RETRY = 30.0
"""Seconds until what could not be written is tried again."""


class Saver:
    """Writes what a run gives it, and keeps in mind what could not be written.

    Args:
        folder: Of the run.
        events: Told of failures (``not-saved``) and of what was written at last (``saved-at-last``).
    """

    def __init__(self, folder: Path, events: EventLog) -> None:
        self._folder, self._events = folder, events
        self._due: dict[str, tuple[int, Callable[[], None]]] = {}
        self._next = 0.0

    def write(self, what: str, size: int, action: Callable[[], None]) -> bool:
        """Write something, or try again later; a newer ``what`` takes the place of one that waits.

        Args:
            what: For messages, for instance ``the state of the run``.
            size: Bytes that it takes, about.
            action: Writes it as it is then.

        Returns:
            Whether it is written.
        """
        waited = self._due.pop(what, None) is not None
        try:
            action()
        except OSError as error:
            self._due[what] = (size, action)
            self._next = time.monotonic() + RETRY
            self._events.emit("not-saved", what=what, message=self._message(what, size, error))
            return False
        if waited:
            self._events.emit("saved-at-last", what=what)
        return True

    def retry(self) -> None:
        """Try what waits, if it is time; call it often."""
        if self._due and time.monotonic() >= self._next:
            self._try_all()

    def finish(self) -> None:
        """Try what waits for the last time.

        Raises:
            TrainerError: It cannot be written.
        """
        failed = self._try_all()
        if failed:
            raise TrainerError(failed)

    def _try_all(self) -> str:
        """The message of the first that fails; the others wait with it."""
        for what, (size, action) in list(self._due.items()):
            try:
                action()
            except OSError as error:
                self._next = time.monotonic() + RETRY
                return self._message(what, size, error)
            del self._due[what]
            self._events.emit("saved-at-last", what=what)
        return ""

    def _message(self, what: str, size: int, error: OSError) -> str:
        free = ""
        with suppress(OSError):
            free = f", {_megabytes(shutil.disk_usage(self._folder).free)} are free"
        return (
            f"{what.capitalize()} could not be written to {os.fsdecode(self._folder)} ({error.strerror}): "
            f"{_megabytes(size)} are needed{free}. Make room there."
        )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
