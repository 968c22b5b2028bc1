"""Promises 2 and 3: kill -9 at any moment leaves complete files and loses at most the last seconds of edits."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reliability.harness import Check, Outcome
from jmvae_studio.document.saving import Saving, save_picture
from jmvae_studio.document.session_file import SUFFIX, load, sweep
from trainer.data.images import open_image
from trainer.errors import ImageError

LONGEST_LOSS = 5.0
"""Seconds of edits that a crash may cost."""
_SHADES = (40, 200)
_SUFFIXES = (".png", ".jpg", ".webp", ".tiff")


@cache
def _context() -> ForkServerContext:
    """Children begin as copies of a process that has imported what they need and nothing of ours is alive in."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.reliability.killing", "jmvae_studio.app", "trainer.training"])
    return context


def start_child(work: Callable[..., None], *given: object) -> BaseProcess:
    """Begin ``work`` in a process that can be killed."""
    process = _context().Process(target=work, args=given, daemon=True)  # type: ignore[attr-defined]
    process.start()
    assert isinstance(process, BaseProcess)
    return process


def wait_for(path: Path, process: BaseProcess, seconds: float = 60) -> None:
    """Until the process has made a file.

    Raises:
        TimeoutError: It did not.
    """
    end = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > end or not process.is_alive():
            raise TimeoutError(f"the process to be killed did not begin (exit code {process.exitcode})")
        time.sleep(0.002)


# Exports -------------------------------------------------------------------------------------------


def _picture(shade: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    slope = np.add.outer(np.arange(300), np.arange(400)) // 20
    return np.repeat((slope + shade)[..., None], 3, axis=2).astype(np.uint8)


def _export_for_ever(target: Path, began: Path) -> None:
    pictures = [_picture(shade) for shade in _SHADES]
    began.touch()
    while True:
        for picture in pictures:
            save_picture(target, picture, saving=Saving(90))


def export_trial(number: int, folder: Path) -> Outcome:
    """Kill a process that writes a picture again and again; then open what is there."""
    outcome = Outcome()
    chance = random.Random(number)
    target = folder / f"result{_SUFFIXES[number % len(_SUFFIXES)]}"
    save_picture(target, _picture(_SHADES[0]), saving=Saving(90))
    process = start_child(_export_for_ever, target, folder / "began")
    wait_for(folder / "began", process)
    time.sleep(chance.uniform(0, 0.25))
    process.kill()
    process.join()
    try:
        pixels = open_image(target).pixels
    except ImageError as error:
        outcome.faults.append(f"the target is damaged: {error}")
    else:
        differences = [np.abs(pixels.astype(int) - _picture(shade)).mean() for shade in _SHADES]
        outcome.expect(min(differences) < 4, "the target is neither the old nor the new picture")
    sweep(folder)
    left = sorted(path.name for path in folder.iterdir() if path.name not in (target.name, "began"))
    outcome.expect(not left, f"left behind: {left}")
    return outcome


# Sessions ------------------------------------------------------------------------------------------


def _edit_for_ever(folder: Path, photo: Path, log: Path, seed: int) -> None:
    """A window in which one slider moves again and again; the log has each value before it is set."""
    from PySide6.QtCore import QTimer

    from jmvae_studio.app import Studio, make_application
    from jmvae_studio.settings import Settings, SettingsFile
    from trainer.data.face_crop import FaceCrop
    from trainer.data.face_detection import Face

    application = make_application()
    file = SettingsFile(folder / "settings.json")
    file.save(Settings(device="cpu", welcomed=True))
    studio = Studio(application, file)
    studio.window.show()
    image = open_image(photo)
    studio.session.open(image, [Face((10, 10, 80, 80), FaceCrop(60, 60, 90), None, 1.0)])
    chance = random.Random(seed)
    written = log.open("a", encoding="utf-8")
    count = 0

    def edit() -> None:
        nonlocal count
        count += 1
        written.write(f"{time.monotonic()} {count}\n")
        written.flush()
        studio.session.preview_value("Smiling", 1 + count % 1000 / 1000)
        studio.session.preview_value("Male", count / 1000 % 3)
        studio.session.end_gesture()
        QTimer.singleShot(chance.randrange(5, 120), edit)

    edit()
    sys.exit(application.exec())


def _look_after(folder: Path, answer: Path) -> None:
    """A window that starts on what is there, and tells what its message bar offers and what comes back."""
    from jmvae_studio.app import Studio, make_application
    from jmvae_studio.settings import SettingsFile

    application = make_application()
    studio = Studio(application, SettingsFile(folder / "settings.json"))
    studio.window.show()
    studio.sessions.start()
    bar = studio.window.messages
    end = time.monotonic() + 2.0
    while not bar.isVisible() and time.monotonic() < end:
        application.processEvents()
    offered = bar.text.text() if bar.isVisible() else ""
    values: dict[str, float] = {}
    if bar.buttons:
        bar.buttons[0].click()
        end = time.monotonic() + 20.0
        while studio.session.face is None and time.monotonic() < end:
            application.processEvents()
        face = studio.session.face
        values = dict(face.edit.values) if face else {}
    answer.with_suffix(".part").write_text(json.dumps([offered, values]), encoding="utf-8")
    answer.with_suffix(".part").replace(answer)
    studio.window.close()


def _ask_after(folder: Path, answer: Path) -> tuple[str, dict[str, float]]:
    process = start_child(_look_after, folder, answer)
    wait_for(answer, process)
    process.join()
    offered, values = json.loads(answer.read_text(encoding="utf-8"))
    return offered, values


def session_trial(number: int, folder: Path) -> Outcome:
    """Kill a window at work; a second one beside it offered nothing, the next one brings the edits back."""
    outcome = Outcome()
    chance = random.Random(number)
    photo, log = folder / "photo.png", folder / "log"
    save_picture(photo, np.full((120, 120, 3), 90, np.uint8))
    settings = folder / "config"
    process = start_child(_edit_for_ever, settings, photo, log, number)
    try:
        wait_for(log, process)
        time.sleep(chance.uniform(0.5, 2.5))
        if number % 5 == 0:
            offered, _ = _ask_after(settings, folder / "beside.json")
            outcome.expect(not offered, f"a second window was told of a crash: {offered}")
    finally:
        process.kill()
        process.join()
    killed = time.monotonic()
    lines = [line.split() for line in log.read_text(encoding="utf-8").splitlines()]
    edits = {int(line[1]): float(line[0]) for line in lines if len(line) == 2}
    kept = sorted((settings / "sessions").glob(f"autosave-*{SUFFIX}"))
    if not kept:
        outcome.expect(killed - min(edits.values()) <= LONGEST_LOSS, "nothing was kept")
        return outcome
    smiling = load(kept[-1]).photos[0].faces[0].edit.values["Smiling"]
    offered, values = _ask_after(settings, folder / "after.json")
    outcome.expect("ended unexpectedly" in offered, "the next window offered nothing")
    outcome.expect(abs(values.get("Smiling", 0) - smiling) < 1e-6, "what came back is not what was kept")
    count = round((smiling - 1) * 1000)
    later = [moment for edit, moment in edits.items() if edit > count]
    outcome.measure("seconds of edits lost", killed - min(later) if later else 0.0)
    return outcome


EXPORTS = Check("2", "exports", "kill -9 while a picture is written", 500, "kill", export_trial)
SESSIONS = Check(
    "3",
    "sessions",
    "kill -9 while a window is edited in; recovery; a second window beside it",
    200,
    "kill",
    session_trial,
    {"seconds of edits lost": LONGEST_LOSS},
)
