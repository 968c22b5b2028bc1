"""Several edits of one face in one file: a grid, the papers' strip, an animation. What is asked, not how it is made."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

MOST_STEPS = 15
"""Cells of a grid in each direction."""
MOST_FRAMES = 120
QUICKEST = 20
"""Milliseconds a frame is shown at least; browsers slow down what is quicker."""

Values = tuple[tuple[str, float], ...]
"""Attributes and the values they are set to."""


@dataclass(frozen=True)
class Sweep:
    """One attribute from one value to another.

    Attributes:
        name: Of the attribute.
        low: First value.
        high: Last value.
        steps: How many, both ends among them; with 1 only ``low``.
    """

    name: str
    low: float
    high: float
    steps: int

    def values(self) -> tuple[float, ...]:
        """The values, evenly spaced."""
        if self.steps == 1:
            return (self.low,)
        width = (self.high - self.low) / (self.steps - 1)
        return tuple(round(self.low + step * width, 4) for step in range(self.steps))


@dataclass(frozen=True)
class Grid:
    """Every combination of one or two attributes' values: ``across`` from left to right, ``down`` downwards."""

    across: Sweep
    down: Sweep | None = None

    def rows(self) -> tuple[tuple[Values, ...], ...]:
        """For each row and in it for each column, what is set."""
        rows: tuple[Values, ...] = ((),)
        if self.down is not None:
            rows = tuple(((self.down.name, value),) for value in self.down.values())
        return tuple(
            tuple(((self.across.name, value), *row) for value in self.across.values()) for row in rows
        )

    def settings(self) -> tuple[Values, ...]:
        """The same in reading order."""
        return tuple(values for row in self.rows() for values in row)

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that change."""
        return (self.across.name,) if self.down is None else (self.across.name, self.down.name)


@dataclass(frozen=True)
class Strip:
    """The papers' strip, with one column for each of ``columns``."""

    columns: tuple[Values, ...] = ()

    def settings(self) -> tuple[Values, ...]:
        """What is set in each column."""
        return self.columns

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes that change."""
        return tuple(dict.fromkeys(name for column in self.columns for name, _ in column))


@dataclass(frozen=True)
class Animation:
    """One attribute moving, slow at the ends.

    Attributes:
        name: Of the attribute.
        low: Where it begins.
        high: Where it goes.
        frames: Pictures in all.
        seconds: Of one round.
        back: Whether it returns to ``low``, so that it repeats without a jump.
    """

    name: str
    low: float
    high: float
    frames: int = 24
    seconds: float = 2.0
    back: bool = True

    def values(self) -> tuple[float, ...]:
        """The attribute in every frame."""
        turn = 2 * math.pi / self.frames if self.back else math.pi / max(1, self.frames - 1)
        span = (self.high - self.low) / 2
        return tuple(round(self.low + span * (1 - math.cos(turn * frame)), 4) for frame in range(self.frames))

    def settings(self) -> tuple[Values, ...]:
        """What is set, each value once: on the way back the same pictures return."""
        return tuple(((self.name, value),) for value in dict.fromkeys(self.values()))

    def order(self) -> tuple[int, ...]:
        """For every frame its place in `settings`."""
        places = {value: place for place, value in enumerate(dict.fromkeys(self.values()))}
        return tuple(places[value] for value in self.values())

    def milliseconds(self) -> tuple[int, ...]:
        """How long each frame is shown: hundredths of a second, as GIF counts, that add up to ``seconds``."""
        ends = [round(100 * self.seconds * frame / self.frames) * 10 for frame in range(self.frames + 1)]
        return tuple(max(QUICKEST, end - start) for start, end in itertools.pairwise(ends))

    @property
    def names(self) -> tuple[str, ...]:
        """The attribute that changes."""
        return (self.name,)


Series = Grid | Strip | Animation
