"""What the scripts of the guides' pictures share: a real window, worked by mouse and keys, and pictures of it."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PySide6.QtCore import Qt  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget  # noqa: E402

from jmvae_studio.app import Studio, make_application  # noqa: E402
from jmvae_studio.settings import Settings, SettingsFile  # noqa: E402

PATIENCE = 600.0


@contextmanager
def open_window(photo: Path) -> Iterator[Studio]:
    """The studio on a photograph, 1280 × 800, with settings for this time only."""
    application = make_application()
    with tempfile.TemporaryDirectory() as name:
        file = SettingsFile(Path(name) / "settings.json")
        file.save(Settings(theme="light", device="cpu", welcomed=True))
        studio = Studio(application, file)
        studio.window.resize(1280, 800)
        studio.start([photo])
        until(studio.is_settled)
        yield studio
        studio.window.close()


def type_in(line: QLineEdit, text: str) -> None:
    """As a user does, with Return at the end."""
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def shoot(widget: QWidget, path: Path, shown: dict[QLineEdit, str] | None = None) -> None:
    """A picture of a window; ``shown`` stands in lines that hold the paths of this machine."""
    path.parent.mkdir(exist_ok=True)
    held = {line: line.text() for line in shown or {}}
    _write(shown or {})
    widget.grab().save(str(path))
    _write(held)
    print(path.relative_to(ROOT), flush=True)


def _write(texts: dict[QLineEdit, str]) -> None:
    """What lines show; nobody is told."""
    for line, text in texts.items():
        line.blockSignals(True)
        line.setText(text)
        line.blockSignals(False)


def settle(seconds: float) -> None:
    """Let the window work."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.03)


def until(reached: Callable[[], bool]) -> None:
    """Let the window work until something is so."""
    end = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > end:
            raise SystemExit("The window did not come to where the next picture is taken.")
        settle(0.05)
