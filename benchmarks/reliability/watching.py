"""Promises 11, 13 and 14: the window never waits, its memory does not grow, and nothing is left running."""

from __future__ import annotations

import gc
import multiprocessing
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from benchmarks.reliability.harness import Check, Outcome
from benchmarks.reliability.window import copied_samples, open_studio, wait, wait_until
from jmvae_studio.app import Studio

SECONDS = 60.0
"""Length of a trial of the event loop."""
DRAGS = 5000
"""Mouse moves of a trial of the memory, beside `CYCLES` photographs opened and closed."""
CYCLES = 10
WARM_UP = 35
"""Photographs opened and closed before: more than the codes of faces that are kept (`seen_faces.KEPT_FACES`)."""
LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


class Watchdog:
    """Notes how long the event loop was away beyond the next tick of a timer of 5 ms."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last = perf_counter()
        self._timer = QTimer(interval=5, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def stop(self) -> None:
        """End it."""
        self._timer.stop()

    def _tick(self) -> None:
        now = perf_counter()
        self.gaps.append((now - self._last) * 1e3)
        self._last = now


def swipe(groove: QWidget, share: float) -> None:
    """One move of the mouse along a slider that is held."""
    QTest.mouseMove(groove, QPoint(round(share * groove.width()), groove.height() // 2))


def _press(groove: QWidget, release: bool = False) -> None:
    act: Callable[..., None] = QTest.mouseRelease if release else QTest.mousePress
    act(groove, LEFT, PLAIN, QPoint(groove.width() // 2, groove.height() // 2))


def _drag_for(studio: Studio, chance: random.Random, seconds: float) -> None:
    groove = chance.choice(list(studio.window.panel.sliders.values())).groove
    _press(groove)
    end = perf_counter() + seconds
    while perf_counter() < end:
        swipe(groove, chance.random())
        wait(8)
    _press(groove, release=True)


def loop_trial(number: int, folder: Path) -> Outcome:
    """Drag, go from photograph to photograph and export for `SECONDS`, watching the event loop."""
    outcome = Outcome()
    chance = random.Random(number)
    photos = copied_samples(folder / "photos", 6)
    with open_studio(folder, photos) as studio:
        wait(500)
        watchdog = Watchdog()
        end, exports = perf_counter() + SECONDS, 0
        while perf_counter() < end:
            _drag_for(studio, chance, 0.8)
            studio.export(folder / f"result{exports}{chance.choice(('.png', '.jpg', '.webp'))}")
            exports += 1
            _drag_for(studio, chance, 0.4)
            step = chance.choice((-1, 1))
            following = studio.session.neighbour(step) or studio.session.photo
            studio.window.step_asked.emit(step)
            wait_until(lambda: studio.session.photo is following and studio.is_settled())  # noqa: B023
        watchdog.stop()
        wait_until(studio.is_settled)
        outcome.expect(studio.window.messages.warning == "", studio.window.messages.warning)
    gaps = np.array(watchdog.gaps)
    outcome.measure("p99 of the gaps, ms", float(np.quantile(gaps, 0.99)))
    outcome.measure("longest gap, ms", float(gaps.max()))
    return outcome


def memory_trial(number: int, folder: Path) -> Outcome:
    """`DRAGS` mouse moves and `CYCLES` photographs opened and closed, after a warm-up that fills what is kept."""
    outcome = Outcome()
    chance = random.Random(number)
    photos = copied_samples(folder / "photos", 2)
    with open_studio(folder, photos[:1]) as studio:

        def drag(moves: int) -> None:
            groove = chance.choice(list(studio.window.panel.sliders.values())).groove
            _press(groove)
            for move in range(moves):
                swipe(groove, chance.random())
                wait(0 if move % 4 else 1)
            _press(groove, release=True)
            wait_until(studio.is_settled)

        def cycle() -> None:
            studio.open_path(photos[1])
            wait_until(lambda: studio.session.photo is not None and studio.session.photo.path == photos[1])
            wait_until(studio.is_settled)
            assert studio.session.photo is not None
            studio.photographs.close_photo(studio.session.photo)
            wait_until(studio.is_settled)

        for _ in range(DRAGS // 1000):
            drag(100)
        for _ in range(WARM_UP):
            cycle()
        references = _references_to_none()
        before = _resident()
        for _ in range(DRAGS // 100):
            drag(100)
        outcome.measure("growth over the drags, MB", _resident() - before)
        before = _resident()
        for _ in range(CYCLES):
            cycle()
        outcome.measure("growth over the photographs, MB", _resident() - before)
        fallen = references - _references_to_none()
        outcome.expect(fallen < 1000, f"references to None fell by {fallen}")
    return outcome


def _references_to_none() -> int:
    """Count them after a collection: garbage from before the trial holds thousands that may go within it."""
    gc.collect()
    return sys.getrefcount(None)


def _resident() -> float:
    """Megabytes in memory."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1e3
    import resource  # macOS has no present value: the highest so far

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def quit_trial(number: int, folder: Path) -> Outcome:
    """Close the window while the model works; nothing of it runs afterwards."""
    outcome = Outcome()
    threads = {thread.ident for thread in threading.enumerate()}
    with open_studio(folder, copied_samples(folder / "photos", 2)) as studio:
        groove = list(studio.window.panel.sliders.values())[number % 40].groove
        _press(groove)
        for move in range(10):
            swipe(groove, move / 10)
        _press(groove, release=True)
        studio.export(folder / "late.png")
        started = perf_counter()
        studio.window.close()
        outcome.measure("seconds to quit", perf_counter() - started)
        outcome.expect((folder / "late.png").is_file(), "the export under way was lost")
    left = [thread.name for thread in threading.enumerate() if thread.ident not in threads]
    outcome.expect(not left, f"threads left: {left}")
    children = [child.name for child in multiprocessing.active_children()]
    outcome.expect(not children, f"processes left: {children}")
    return outcome


LOOP = Check(
    "11",
    "loop",
    f"{SECONDS:g} s of drags, photographs and exports",
    10,
    "minute",
    loop_trial,
    {"p99 of the gaps, ms": 50, "longest gap, ms": 200},
)
MEMORY = Check(
    "13",
    "memory",
    f"{DRAGS:,} moves of a slider and {CYCLES} photographs",
    20,
    "part",
    memory_trial,
    {"growth over the drags, MB": 50, "growth over the photographs, MB": 20},
)
QUIT = Check("14", "quit", "quit while the model works", 20, "window", quit_trial, {"seconds to quit": 3.0})
