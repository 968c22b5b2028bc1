"""What a run tells the world: one JSON line per event, in ``events.jsonl`` and on standard output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

Progress = Callable[[str, int, int, str], None]
"""Called with (what, done, all, remark) while long work goes on."""


class EventLog:
    """Appends events to a run's ``events.jsonl`` and, if given, to a stream.

    Kinds: ``run-started``, ``step``, ``epoch``, ``saved``, ``published``, ``stopped``, ``finished``; and what went
    wrong: ``skipped`` (a batch without a finite update), ``rolled-back``, ``in-pieces`` (batches that need less
    memory), ``not-compiled``, ``not-saved``, ``saved-at-last``, ``not-published``.
    What a full disk does not take is kept and written with a later event. Every line carries ``event`` and ``time``
    (seconds since 1970) beside the kind's own fields.
    """

    def __init__(self, path: Path, stream: TextIO | None = None) -> None:
        self._file = path.open("ab", buffering=0)
        self._waiting = b""
        self._stream = stream

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event at once, so that a reader sees it."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields}) + "\n"
        self._waiting += line.encode()
        self._write()
        if self._stream is not None:
            with suppress(OSError):  # it may go to the same disk
                self._stream.write(line)
                self._stream.flush()

    def close(self) -> None:
        """Close the file; the stream belongs to the caller."""
        self._write()
        self._file.close()

    def _write(self) -> None:
        with suppress(OSError):
            while self._waiting:
                self._waiting = self._waiting[self._file.write(self._waiting) :]


def read_events(path: Path) -> list[dict[str, Any]]:
    """All complete events of a run; a last line cut short by a crash is passed over."""
    events = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return events
