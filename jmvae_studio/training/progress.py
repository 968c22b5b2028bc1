"""What the events of a run amount to: how far it is, how fast, and its curves."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

WINDOW = 20
"""Lines of loss terms over which speed and remaining time are averaged."""

_NOT_CURVES = {"event", "time", "step", "epoch"}


@dataclass
class Curve:
    """One quantity over a run's updates: ``steps`` rise, ``values`` are finite."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        """Append a point."""
        self.steps.append(step)
        self.values.append(value)

    def rewind(self, step: int) -> None:
        """Forget what lies behind ``step``: the run went on from there again."""
        while self.steps and self.steps[-1] > step:
            self.steps.pop()
            self.values.pop()


class RunProgress:
    """Takes events in their order and keeps what is shown of them.

    Attributes:
        step: Updates made; of ``steps`` in all.
        epoch: The one under way or the last one, from 1.
        published: Epoch of the model that can be loaded; 0 if there is none.
        best: Epoch of the best model so far; 0 if that is not known.
        last: Kind of the last event; empty before the first.
        skipped: Batches that were passed over, because no update by them was finite.
        rate: What the learning rates were multiplied by since.
        unsaved: What could not be written and waits for room on the disk → why.
        time: When it was written, in seconds since 1970.
        terms: Loss terms and speed of the training batches, by name.
        metrics: Of the validation partition after each epoch, by name.
    """

    def __init__(self) -> None:
        self.step = self.steps = self.epoch = self.published = self.best = self.pictures = 0
        self.device = self.last = ""
        self.skipped, self.rate = 0, 1.0
        self.unsaved: dict[str, str] = {}
        self.time = 0.0
        self.terms: dict[str, Curve] = {}
        self.metrics: dict[str, Curve] = {}
        self._recent: deque[tuple[float, int, float]] = deque(maxlen=WINDOW)

    @property
    def images_per_second(self) -> float | None:
        """Mean of the last lines; None before the first."""
        speeds = [speed for _, _, speed in self._recent]
        return sum(speeds) / len(speeds) if speeds else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated from the time the last updates took, validation and saving included; None if unknown."""
        if len(self._recent) < 2:
            return None
        (start, first, _), (end, last, _) = self._recent[0], self._recent[-1]
        if last <= first or end <= start:
            return None
        return max(0, self.steps - self.step) * (end - start) / (last - first)

    def take(self, events: Iterable[dict[str, Any]]) -> None:
        """Add events in the order in which they were written; what makes no sense in one is passed over."""
        for event in events:
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        self.last, time = event["event"], event.get("time")
        if isinstance(time, int | float):
            self.time = float(time)
        step = _whole(event.get("step"))
        if step is not None:
            self.step = step
        if self.last == "run-started":
            self.steps = _whole(event.get("steps")) or 0
            self.pictures = _whole(event.get("pictures")) or 0
            self.device = str(event.get("device", ""))
            self.unsaved.clear()
            self._rewind()
        elif self.last in ("step", "epoch") and step is not None:
            self.epoch = _whole(event.get("epoch")) or self.epoch
            curves = self.terms if self.last == "step" else self.metrics
            for name, value in event.items():
                if name not in _NOT_CURVES and isinstance(value, int | float) and math.isfinite(value):
                    curves.setdefault(name, Curve()).add(step, float(value))
            speed = event.get("images_per_second")
            if self.last == "step" and isinstance(speed, int | float):
                self._recent.append((self.time, step, float(speed)))
        elif self.last == "skipped":
            self.skipped = _whole(event.get("skipped")) or self.skipped
        elif self.last == "rolled-back":
            rate = event.get("rate")
            self.rate = float(rate) if isinstance(rate, int | float) else self.rate
            self._rewind()
        elif self.last == "not-saved":
            self.unsaved[str(event.get("what"))] = str(event.get("message"))
        elif self.last == "saved-at-last":
            self.unsaved.pop(str(event.get("what")), None)
        elif self.last == "published":
            self.published = _whole(event.get("epoch")) or 0
            if event.get("best") is True:
                self.best = self.published

    def _rewind(self) -> None:
        """The run goes on from `step`."""
        self._recent.clear()
        for curve in (*self.terms.values(), *self.metrics.values()):
            curve.rewind(self.step)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
