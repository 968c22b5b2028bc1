"""The settings dialog: every change takes effect at once and is kept."""

from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.session_file import load
from jmvae_studio.settings import SettingsFile
from jmvae_studio.ui.settings_dialog import SettingsDialog
from jmvae_studio.ui.theme import is_dark
from tests.gui.conftest import drag_slider, said, settle

CONTROL = Qt.KeyboardModifier.ControlModifier


def open_settings(studio: Studio) -> SettingsDialog:
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_Comma, CONTROL)
    dialog = studio.preferring.dialog
    assert dialog is not None
    assert dialog.isVisible()
    return dialog


def test_changes_take_effect_and_are_kept(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    dialog = open_settings(studio)
    file = SettingsFile(tmp_path / "config" / "settings.json")
    QTest.keyClicks(dialog.theme, "Dark")
    assert is_dark(QApplication.palette())
    assert [action.text() for action in studio.window._themes.actions() if action.isChecked()] == ["Dark"]
    QTest.keyClicks(dialog.mode, "Residual")
    assert studio.window.mode_box.currentData() == "residual"
    assert studio.session.face is not None
    assert studio.session.face.edit.mode == "residual"
    settle(studio, qtbot)
    for box in (dialog.settings, dialog.exif):
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_Space)
    dialog.memory.selectAll()
    QTest.keyClicks(dialog.memory, "250")
    kept, _ = file.load()  # before the window is closed
    assert (kept.theme, kept.mode, kept.memory) == ("dark", "residual", 250)
    assert (kept.export_settings, kept.export_exif) == (False, True)
    assert studio.session._kept_bytes == 250_000_000
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_S, CONTROL)
    export = studio.exports.dialog
    assert export is not None
    assert not export.settings.isChecked()
    assert export.exif.isChecked()
    export.reject()
    studio.choose_theme("light")


def test_a_device_that_is_not_there_goes_back(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    dialog = open_settings(studio)
    assert dialog.device.currentData() == "cpu"
    QTest.keyClicks(dialog.device, "Apple")
    qtbot.waitUntil(lambda: dialog.device.currentData() == "cpu", timeout=20_000)
    assert studio.settings.device == "cpu"
    QTest.mouseClick(dialog.free, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "memory is free" in studio.window.statusBar().currentMessage(), timeout=20_000)


def test_autosave_follows_its_switch(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "sessions"
    drag_slider(studio, "Smiling", 0.9)
    qtbot.waitUntil(lambda: bool(list(folder.glob("autosave-*.jmvae"))), timeout=10_000)
    own = next(folder.glob("autosave-*.jmvae"))
    dialog = open_settings(studio)
    dialog.autosave.setFocus()
    QTest.keyClick(dialog.autosave, Qt.Key.Key_Space)
    assert not dialog.pause.isEnabled()
    qtbot.waitUntil(lambda: not own.exists(), timeout=10_000)
    drag_slider(studio, "Male", 0.9)
    qtbot.wait(600)
    assert not own.exists()
    QTest.keyClick(dialog.autosave, Qt.Key.Key_Space)
    qtbot.waitUntil(own.exists, timeout=10_000)
    qtbot.waitUntil(lambda: "Male" in load(own).photos[0].faces[0].edit.values, timeout=10_000)
    dialog.pause.selectAll()
    QTest.keyClicks(dialog.pause, "30")
    drag_slider(studio, "Male", 0.1)
    qtbot.wait(600)
    assert load(own).photos[0].faces[0].edit.values["Male"] > 0  # not written yet
    dialog.close()


def test_another_setting_leaves_the_mode_that_is_shown(
    studio: Studio, qtbot: QtBot, astronaut: np.ndarray, tmp_path: Path
) -> None:
    settle(studio, qtbot)
    box = studio.window.mode_box
    QTest.keyClicks(box, "Residual")
    other = tmp_path / "other.png"
    Image.fromarray(astronaut).save(other)
    studio.open_path(other)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "other.png")
    settle(studio, qtbot)
    qtbot.wait(QApplication.keyboardInputInterval() + 50)  # a new word, not more of the last one
    QTest.keyClicks(box, "Latent")
    assert box.currentData() == "latent"
    studio.session.show(studio.session.photos[0])
    settle(studio, qtbot)
    assert box.currentData() == "residual"
    dialog = open_settings(studio)
    dialog.exif.setFocus()
    QTest.keyClick(dialog.exif, Qt.Key.Key_Space)
    assert box.currentData() == "residual"
    dialog.reject()
    studio.load_model(tmp_path / "none.safetensors")
    qtbot.waitUntil(lambda: "none.safetensors" in said(studio), timeout=20_000)
    assert box.currentData() == "residual"
