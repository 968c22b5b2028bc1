"""Reading ``events.jsonl`` while it grows: each time only what was appended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CHUNK = 1 << 18
"""Bytes read at a time, at most: a few milliseconds of work."""


class EventTail:
    """Reads the events of a run bit by bit. A last line that is not whole yet waits for its rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._file: tuple[int, int] | None = None
        self.is_behind = False
        """Whether more was there than the last `read` took."""

    @property
    def offset(self) -> int:
        """Bytes read of the file as it is."""
        return self._offset

    def read(self, limit: int = CHUNK) -> tuple[list[dict[str, Any]], bool]:
        """What was appended since the last time, ``limit`` bytes at most.

        Returns:
            The events, and whether the file is another one or was cut since: then they begin anew. A file that
            is missing or cannot be read has none.
        """
        try:
            stat = self._path.stat()
            renewed = self._offset > 0 and (
                stat.st_size < self._offset or self._file != (stat.st_dev, stat.st_ino)
            )
            if renewed:
                self._offset, self._rest = 0, b""
            if stat.st_size == self._offset:
                self.is_behind = False
                return [], renewed
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(limit)
        except OSError:
            self.is_behind = False
            return [], False
        self._file = (stat.st_dev, stat.st_ino)
        self._offset += len(data)
        self.is_behind = self._offset < stat.st_size
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [event for line in lines if (event := _parse(line)) is not None], renewed


def _parse(line: bytes) -> dict[str, Any] | None:
    """One event; of a line that a crash cut short, what was written behind the cut, else None."""
    for start in (0, line.rfind(b'{"event"')):
        try:
            event = json.loads(line[start:]) if start >= 0 else None
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            return event
    return None
