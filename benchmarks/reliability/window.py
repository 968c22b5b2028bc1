"""A real window for a trial, without a screen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QTimer

from jmvae_studio.app import Studio, make_application
from jmvae_studio.resources import samples
from jmvae_studio.settings import Settings, SettingsFile

PATIENCE = 60.0
"""Seconds until a window that does not get on is given up."""


@contextmanager
def open_studio(folder: Path, paths: Sequence[Path], model: Path | None = None) -> Iterator[Studio]:
    """The studio with its settings in ``folder``, settled on the first of ``paths``; closed afterwards."""
    application = make_application()
    file = SettingsFile(folder / "config" / "settings.json")
    file.save(Settings(device="cpu", welcomed=True))
    studio = Studio(application, file, model)
    try:
        studio.start(paths)
        wait_until(studio.is_settled)
        yield studio
    finally:
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        application.processEvents()


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Let the event loop run until something holds.

    Raises:
        TimeoutError: It did not.
    """
    end = monotonic() + seconds
    while not holds():
        if monotonic() > end:
            raise TimeoutError("the window does not get on")
        wait(2)


def wait(milliseconds: int) -> None:
    """Let the event loop run for a while."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def copied_samples(folder: Path, count: int) -> list[Path]:
    """So many generated faces as files of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = samples()
    copies = []
    for number in range(count):
        source = pictures[number % len(pictures)]
        copies.append(Path(shutil.copyfile(source, folder / f"{number:03d}{source.suffix}")))
    return copies
