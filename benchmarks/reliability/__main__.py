"""Measure the promises about reliability.

    python -m benchmarks.reliability [NAME …] [--share 0.05] [--state FILE] [--list]

Every check is a number of trials, each of which depends on its number alone. The progress is written to the state
file after each trial: a run that was stopped goes on where it was, with the same results. Prints a table in
Markdown; the exit code is 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.reliability import (
    checkpoints,
    killing,
    monkey,
    pictures,
    places,
    stopping,
    troubles,
    watching,
)
from benchmarks.reliability.harness import Check, Progress, State, run

CHECKS: tuple[Check, ...] = (
    monkey.CHECK,
    killing.EXPORTS,
    killing.SESSIONS,
    *pictures.CHECKS,
    watching.LOOP,
    watching.MEMORY,
    watching.QUIT,
    places.READ_ONLY,
    places.DAMAGE,
    places.SAME,
    checkpoints.CHECK,
    *stopping.CHECKS,
    *troubles.CHECKS,
)


def main() -> int:
    """Run what was asked for; 1 if a promise was broken."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("names", nargs="*", metavar="NAME", help="checks; all without one")
    arguments.add_argument("--share", type=float, default=1.0, help="part of the full size")
    arguments.add_argument("--state", type=Path, default=Path("reliability.json"))
    arguments.add_argument("--list", action="store_true", help="only the table of what was done so far")
    options = arguments.parse_args()
    known = {check.name: check for check in CHECKS}
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        arguments.error(f"no check {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [known[name] for name in options.names] or list(CHECKS)
    state = State(options.state)
    for check in chosen if not options.list else ():
        trials = max(1, round(check.size * options.share))
        for progress in run(check, trials, state.of(check)):
            state.save()
            _follow(check, progress, trials)
    print(table(chosen, state))
    return int(any(state.of(check).failed for check in chosen))


def table(checks: list[Check], state: State) -> str:
    """What was done and measured, as Markdown."""
    lines = ["| promise | check | trials | failed | worst figures | time |", "|---|---|---|---|---|---|"]
    for check in checks:
        progress = state.of(check)
        figures = "; ".join(
            f"{name}: {value:.3g}" + (f" (≤ {check.limits[name]:g})" if name in check.limits else "")
            for name, value in progress.figures.items()
        )
        done = f"{progress.done} of {check.size} ({check.unit})"
        lines.append(
            f"| {check.promise} | {check.title} | {done} | {progress.failed} | {figures} | {progress.seconds:.0f} s |"
        )
        lines += [f"| | ✗ {fault} | | | | |" for fault in progress.faults]
    return "\n".join(lines)


def _follow(check: Check, progress: Progress, trials: int) -> None:
    if sys.stderr.isatty() or progress.done % max(1, trials // 10) == 0:
        print(f"{check.name}: {progress.done} of {trials}, {progress.failed} failed", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
