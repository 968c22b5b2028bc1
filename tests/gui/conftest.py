"""The whole studio with a random model, driven by real mouse events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDoubleSpinBox, QFileDialog, QLineEdit, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.settings import Settings, SettingsFile
from jmvae_studio.ui.images import to_pixels
from trainer.checkpoint import load_model, save_model


@pytest.fixture
def start_studio(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> Iterator[Callable[[Path, Path], Studio]]:
    """Starts a studio with a model and a photograph, and waits for its first edited face."""
    studios: list[Studio] = []

    def start(model: Path, photo: Path) -> Studio:
        file = SettingsFile(tmp_path / "config" / "settings.json")
        if not file.path.exists():
            file.save(Settings(device="cpu", welcomed=True))
        studio = Studio(qapp, file, model)
        studios.append(studio)
        studio.start([photo])
        qtbot.waitUntil(lambda: studio.window.result_canvas.image is not None, timeout=60_000)
        return studio

    yield start
    for studio in studios:
        studio.window.close()
        studio.window.deleteLater()
        studio.deleteLater()
    qapp.processEvents()


@pytest.fixture
def studio(start_studio: Callable[[Path, Path], Studio], checkpoint: Path, photograph: Path) -> Studio:
    return start_studio(checkpoint, photograph)


@pytest.fixture
def other_model(checkpoint: Path, tmp_path: Path) -> Path:
    """A model of the same attributes as ``checkpoint``, but another one."""
    path = tmp_path / "other.safetensors"
    model, header = load_model(checkpoint)
    with torch.no_grad():
        model.get_parameter("encoders.attributes.mean.bias").add_(0.5)
    save_model(path, model, header.system, header.training)
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_mnist: Path) -> Path:
    """A run of five epochs, trained once for all tests."""
    from tests.gui.test_trainings import small
    from trainer.events import EventLog
    from trainer.training import start

    folder = tmp_path_factory.mktemp("runs") / "digits"
    folder.mkdir()
    config = small(tiny_mnist, 5)
    config.save(folder / "config.json")
    events = EventLog(folder / "events.jsonl")
    start(folder, config, events, lambda *_: None)
    events.close()
    return folder


def said(studio: Studio) -> str:
    """What the message bar says; nothing while it is hidden."""
    bar = studio.window.messages
    return bar.text.text() if bar.isVisible() else ""


def message_boxes() -> list[QMessageBox]:
    """The questions that wait for an answer."""
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()]


def drag(widget: QWidget, start: QPoint, *stops: QPoint) -> None:
    """Press, move through the stops and release, as a hand does."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    for stop in stops:
        QTest.mouseMove(widget, stop)
        QApplication.processEvents()
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, stops[-1])


def double_click(widget: QWidget, place: QPoint) -> None:
    """Click twice and let go, which Qt's own double click does not: the button would stay down in later tests."""
    QTest.mouseDClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def turn_wheel(widget: QWidget, place: QPointF, notches: int) -> bool:
    """Turn the wheel over a place of a widget, forward or (below 0) back; whether the widget took it."""
    event = QWheelEvent(
        place,
        QPointF(widget.mapToGlobal(place.toPoint())),
        QPoint(0, 0),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def pixels(image: QImage | None) -> np.ndarray:
    assert image is not None
    return to_pixels(image)


def settle(studio: Studio, qtbot: QtBot) -> None:
    """Wait until the preview on the screen is the one of the present edit."""
    qtbot.waitUntil(studio.is_settled, timeout=30_000)


def drag_slider(studio: Studio, name: str, share: float) -> None:
    groove = studio.window.panel.sliders[name].groove
    middle = groove.height() // 2
    stops = [QPoint(round(groove.width() * (0.5 + (share - 0.5) * step / 12)), middle) for step in range(13)]
    drag(groove, stops[0], *stops)


def type_number(studio: Studio, name: str, text: str) -> QDoubleSpinBox:
    """Type over a slider's number, and leave it there without Return."""
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    number = studio.window.panel.sliders[name].number
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, text)
    return number


def values(studio: Studio) -> dict[str, float]:
    assert studio.session.face is not None
    return dict(studio.session.face.edit.values)


def visible(kind: type) -> list[QApplication]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]


def asked_for_a_file() -> QFileDialog:
    (asking,) = visible(QFileDialog)
    assert isinstance(asking, QFileDialog)
    return asking


def name_file(asking: QFileDialog, path: Path) -> None:
    """Give the file dialog a name; typed, Qt's proposals would take the Return now and then."""
    asking.selectFile(str(path))
    line = asking.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    line.setText(str(path))  # which `selectFile` leaves alone while the keyboard is there
    asking.accept()
