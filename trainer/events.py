"""What a run tells the world: one JSON line per event, in ``events.jsonl`` and on standard output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

Progress = Callable[[str, int, int, str], None]
"""Called with (what, done, all, remark) while long work goes on."""


class EventLog:
    """Appends events to a run's ``events.jsonl`` and, if given, to a stream.

    Kinds: ``run-started``, ``step``, ``epoch``, ``saved``, ``published``, ``stopped``, ``finished``.
    Every line carries ``event`` and ``time`` (seconds since 1970) beside the kind's own fields.
    """

    def __init__(self, path: Path, stream: TextIO | None = None) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._stream = stream

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event and flush, so that a reader sees it at once."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **fields})
        for target in (self._file, self._stream):
            if target is not None:
                target.write(line + "\n")
                target.flush()

    def close(self) -> None:
        """Close the file; the stream belongs to the caller."""
        self._file.close()


def read_events(path: Path) -> list[dict[str, Any]]:
    """All complete events of a run; a last line cut short by a crash is passed over."""
    events = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return events
