"""What a loader left out of a data set, and why: line by line, so that nothing is dropped silently."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a data set.

    Attributes:
        kind: What is wrong, the same words for all problems of a kind, for instance ``row without a picture``.
        line: Line of the table, counted from 1; None for what stands in no line.
        text: What it is about, for instance the name of the picture.
    """

    kind: str
    line: int | None
    text: str

    def __str__(self) -> str:
        return self.text if self.line is None else f"line {self.line}: {self.text}"


@dataclass(frozen=True)
class Report:
    """The outcome of reading a table of pictures.

    Attributes:
        table: The file that lists pictures and attributes.
        rows: Lines with data in it.
        used: Pictures in the data set.
        problems: In the order of the lines; those of no line last.
        notes: Sentences about what was done to the values.
    """

    table: Path
    rows: int
    used: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Kind → number of problems, in the order in which the kinds appear."""
        return dict(Counter(problem.kind for problem in self.problems))

    def text(self, most: int = 10) -> str:
        """For people: every kind with its count and its first ``most`` problems."""
        lines = [f"{self.table}: {self.used} pictures used, {self.rows} rows read."]
        for kind, count in self.counts().items():
            shown = [str(problem) for problem in self.problems if problem.kind == kind][:most]
            more = f"; and {count - most} more" if count > most else ""
            lines.append(f"  {count} × {kind}: {'; '.join(shown)}{more}")
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """By line; those of no line last."""
    return tuple(sorted(problems, key=lambda problem: (problem.line is None, problem.line or 0)))
