"""One run of the trainer: its folder, its process, how far it is and what became of it."""

from __future__ import annotations

import json
import re
import sys
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from jmvae_studio.language import tr
from jmvae_studio.training.processes import Process
from jmvae_studio.training.progress import RunProgress
from jmvae_studio.training.tail import CHUNK, EventTail
from trainer.config import TrainConfig, load_config
from trainer.control import ask_for_threads, ask_to_stop, has_state
from trainer.files import write_beside

LOCK, WAITING, LOG, NOTES = "run.lock", "waiting.json", "trainer.log", "notes.txt"
"""Files of ours beside the trainer's: whose process it is, since when it waits, what it said, the user's notes."""

_SHEET = re.compile(r"epoch-(\d+)\.png")
_LOG_END = 1 << 14
"""Bytes of the log's end in which the reason of a failure is looked for."""


class State(StrEnum):
    """What a run is doing."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"


class Run:
    """A run as its folder tells it. Nothing here waits: every call reads a little and returns.

    Attributes:
        folder: As the trainer makes it: ``config.json``, ``events.jsonl``, ``samples/``, ``state/``,
            ``model.safetensors``; ``best.safetensors``; and our files `LOCK`, `WAITING`, `LOG`, `NOTES`.
        config: Its settings.
        progress: What its events amount to, as far as they were read.

    Raises:
        ConfigError: The folder has no readable settings.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: TrainConfig = load_config(folder / "config.json")
        self.progress = RunProgress()
        self._tail = EventTail(folder / "events.jsonl")
        self._process, self._asked_to_stop, self._started = self._read_lock()
        self.waiting_since = self._read_waiting()
        self.state = State.STOPPED
        self._is_read = False
        self._reason: str | None = None
        self._find_state()

    @property
    def name(self) -> str:
        """The name the user gave it."""
        return self.folder.name

    @property
    def process(self) -> Process | None:
        """The one that trains it, as long as it is known to live."""
        return self._process

    @property
    def is_under_way(self) -> bool:
        """Whether a process belongs to it, be it paused."""
        return self._process is not None

    @property
    def is_behind(self) -> bool:
        """Whether there are more events than were read."""
        return self._tail.is_behind

    @property
    def read_bytes(self) -> int:
        """How much of its events was read."""
        return self._tail.offset

    @property
    def can_resume(self) -> bool:
        """Whether there is a saved state to go on from."""
        return has_state(self.folder)

    @property
    def model(self) -> Path | None:
        """The newest weights for use, if an epoch has been published."""
        path = self.folder / "model.safetensors"
        return path if path.is_file() else None

    @property
    def best(self) -> Path | None:
        """The weights of the epoch that read attributes best; None before the first, and in runs of old."""
        path = self.folder / "best.safetensors"
        return path if path.is_file() else None

    @property
    def notes(self) -> str:
        """What the user wrote about it."""
        try:
            return (self.folder / NOTES).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def write_notes(self, text: str) -> None:
        """Keep what the user wrote about it.

        Raises:
            OSError: The folder cannot be written.
        """
        write_beside(self.folder / NOTES, text, durable=False)

    def hold_back(self, seconds: float) -> None:
        """Let it compute on one thread for so long."""
        if self._process is not None:
            with suppress(OSError):
                ask_for_threads(self.folder, 1, seconds)

    @property
    def failure(self) -> str:
        """Why it failed, in one sentence; empty if it did not."""
        if self.state is not State.FAILED:
            return ""
        if self._reason is None:
            self._reason = self._find_reason()
        return self._reason

    def sheets(self) -> dict[int, Path]:
        """Epoch → its sheet of samples, in their order."""
        found = {}
        with suppress(OSError):
            for path in (self.folder / "samples").iterdir():
                if match := _SHEET.fullmatch(path.name):
                    found[int(match[1])] = path
        return dict(sorted(found.items()))

    def refresh(self, limit: int = CHUNK) -> bool:
        """Read ``limit`` bytes of new events at most and see whether the process lives; whether all this changed."""
        if self._process is None:  # another window may have started it
            self._process, self._asked_to_stop, self._started = self._read_lock()
            self.waiting_since = self._read_waiting()
        events, renewed = self._tail.read(limit)
        if renewed:
            self.progress = RunProgress()
        self.progress.take(events)
        before = self.state
        if self._process is not None and not events and not self._process.is_alive:
            self._process = None  # only now: its last words have been read
            self._is_read = False  # but those that came between
        elif not self._tail.is_behind:
            self._is_read = True
        self._find_state()
        return bool(events) or renewed or self.state is not before

    def take_process(self, process: Process | None) -> None:
        """The process that was started for this run; None if it ended as soon as it began."""
        self._process, self._asked_to_stop, self._started = process, False, time.time()
        self._reason = None
        self.wait(False)
        self._write_lock()
        self._find_state()

    def ask_to_stop(self) -> None:
        """Let the trainer save its state and end; a run that waits no longer does."""
        self.wait(False)
        if self._process is not None:
            self._asked_to_stop = True
            self._write_lock()
            if sys.platform == "win32":  # which has no signal for it
                try:
                    ask_to_stop(self.folder)
                except OSError:
                    self._process.ask_to_stop()
            else:
                self._process.ask_to_stop()
        self._find_state()

    def pause(self) -> None:
        """Halt the process where it is."""
        if self._process is not None:
            self._process.pause()
        self._find_state()

    def go_on(self) -> None:
        """Let a paused process go on."""
        if self._process is not None:
            self._process.go_on()
        self._find_state()

    def wait(self, waits: bool) -> None:
        """Put the run at the end of the queue, or take it out of it."""
        path = self.folder / WAITING
        if waits:
            self.waiting_since = time.time()
            _write(path, {"since": self.waiting_since})
        else:
            self.waiting_since = None
            with suppress(OSError):
                path.unlink(missing_ok=True)
        self._find_state()

    def _find_state(self) -> None:
        silent = self._started is not None and self.progress.time < self._started  # since its last start
        last = "" if silent else self.progress.last
        if self._process is not None:
            if self._process.is_paused:
                self.state = State.PAUSED
            elif self._asked_to_stop:
                self.state = State.STOPPING
            else:
                self.state = State.RUNNING if last else State.STARTING
        elif self.waiting_since is not None:
            self.state = State.WAITING
        elif not self._is_read:
            return  # its last word may be to come
        elif last == "finished":
            self.state = State.FINISHED
        elif last == "stopped" or self._asked_to_stop or self._started is None:
            self.state = State.STOPPED
        else:
            self.state = State.FAILED

    def _find_reason(self) -> str:
        path = self.folder / LOG
        try:
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - _LOG_END))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        said = [line.strip() for line in lines if line.strip()]
        errors = [line.removeprefix("Error: ") for line in said if line.startswith("Error: ")]
        if errors:
            return tr("Training of {name} failed: {error}", name=self.name, error=errors[-1])
        if said and not said[-1].startswith(("Finished", "Stopped")):
            return tr(
                "Training of {name} failed ({said}); all it said is in {path}.",
                name=self.name,
                said=said[-1][:200],
                path=path,
            )
        return tr(
            "Training of {name} was ended from outside, by the system or for want of memory; "
            "Resume goes on from the last saved state.",
            name=self.name,
        )

    def _read_lock(self) -> tuple[Process | None, bool, float | None]:
        """The process of an earlier start, whether it was asked to stop, and when it was started."""
        values = _read(self.folder / LOCK)
        pid, born = values.get("pid"), values.get("born")
        if not isinstance(pid, int) or not isinstance(born, str):
            return None, False, None
        process, started = Process(pid, born), values.get("started")
        return (
            process if process.is_alive else None,
            values.get("stopping") is True,
            float(started) if isinstance(started, int | float) else 0.0,
        )

    def _write_lock(self) -> None:
        _write(
            self.folder / LOCK,
            {
                "pid": self._process.pid if self._process else 0,
                "born": self._process.born if self._process else "",
                "started": self._started,
                "stopping": self._asked_to_stop,
            },
        )

    def _read_waiting(self) -> float | None:
        since = _read(self.folder / WAITING).get("since")
        return float(since) if isinstance(since, int | float) else None


def _read(path: Path) -> dict[str, Any]:
    """A small JSON object; empty if it is missing or damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _write(path: Path, values: dict[str, Any]) -> None:
    """Beside and renamed; a disk that is full is told by the trainer itself."""
    with suppress(OSError):
        write_beside(path, json.dumps(values), durable=False)
