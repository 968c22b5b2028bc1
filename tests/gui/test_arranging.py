"""The window comes back as it was left, and can be put back as it was at first."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDockWidget
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio

CONTROL = Qt.KeyboardModifier.ControlModifier


def shares(studio: Studio) -> float:
    above, below = studio.window.splitter.sizes()
    return above / (above + below)


def test_docks_and_dividers_come_back(
    start_studio: Callable[[Path, Path], Studio],
    studio: Studio,
    qtbot: QtBot,
    checkpoint: Path,
    photograph: Path,
) -> None:
    window = studio.window
    window.resize(760, 640)
    at_first = shares(studio)
    history = window.findChild(QDockWidget, "history")
    assert history is not None
    assert not history.isVisible()
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    QTest.keyClick(window, Qt.Key.Key_H, CONTROL)
    assert history.isVisible()
    window.splitter.setSizes([200, 500])
    left = shares(studio)
    assert abs(left - at_first) > 0.05
    window.close()
    again = start_studio(checkpoint, photograph)
    assert (again.window.width(), again.window.height()) == (760, 640)
    dock = again.window.findChild(QDockWidget, "history")
    assert dock is not None
    assert dock.isVisible()
    assert abs(shares(again) - left) < 0.03
    reset = next(action for action in again.window.docks_menu.actions() if action.text() == "&Reset Layout")
    reset.trigger()
    qtbot.waitUntil(lambda: abs(shares(again) - at_first) < 0.03)
    assert not dock.isVisible()


def test_full_screen_comes_back_and_ends_as_it_began(
    start_studio: Callable[[Path, Path], Studio],
    studio: Studio,
    qtbot: QtBot,
    checkpoint: Path,
    photograph: Path,
) -> None:
    window = studio.window
    window.showMaximized()
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    QTest.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    assert window.full_screen.isChecked()
    window.close()
    again = start_studio(checkpoint, photograph).window
    assert again.isFullScreen()
    assert again.full_screen.isChecked()
    again.activateWindow()
    assert QTest.qWaitForWindowActive(again)
    QTest.keyClick(again, Qt.Key.Key_F11)
    assert not again.isFullScreen()
    assert again.isMaximized()
    assert not again.full_screen.isChecked()
    QTest.keyClick(again, Qt.Key.Key_F11)
    assert again.isFullScreen()
