"""Presets and copied adjustments in the real window."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.presets import Preset, save_preset
from jmvae_studio.ui.choosing import ChooseAttributes
from tests.gui.conftest import drag_slider, said, settle

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def dialog() -> ChooseAttributes:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, ChooseAttributes) and w.isVisible()]
    return found[0]


def values(studio: Studio) -> dict[str, float]:
    assert studio.session.face is not None
    return dict(studio.session.face.edit.values)


def test_save_apply_copy_and_paste(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    window = studio.window
    QTest.keyClick(window, Qt.Key.Key_P, CONTROL | SHIFT)
    assert "move a slider first" in window.statusBar().currentMessage()
    drag_slider(studio, "Smiling", 0.9)
    drag_slider(studio, "Male", 0.2)
    kept = values(studio)
    QTest.keyClick(window, Qt.Key.Key_P, CONTROL | SHIFT)
    asking = dialog()
    assert not asking.accept_button.isEnabled()  # it has no name yet
    QTest.keyClicks(asking.name, "Grin")
    row = next(r for r in range(asking.list.count()) if asking.list.item(r).text().startswith("Male"))
    asking.list.setCurrentRow(row)
    QTest.keyClick(asking.list, Qt.Key.Key_Space)
    QTest.mouseClick(asking.accept_button, Qt.MouseButton.LeftButton)
    assert list((tmp_path / "config" / "presets").iterdir())
    QTest.keyClick(window, Qt.Key.Key_C, CONTROL | SHIFT)
    QTest.mouseClick(dialog().accept_button, Qt.MouseButton.LeftButton)
    window.activateWindow()
    QTest.keyClick(window, Qt.Key.Key_R, CONTROL)
    drag_slider(studio, "Bald", 0.9)
    bald = values(studio)
    next(action for action in window.presets.actions if action.text() == "Grin").trigger()
    assert values(studio) == {**bald, "Smiling": kept["Smiling"]}
    assert studio.session.undo_group.undoText() == "preset Grin"
    settle(studio, qtbot)
    QTest.keyClick(window, Qt.Key.Key_V, CONTROL | SHIFT)
    assert values(studio) == {**bald, **kept}
    for _ in range(2):
        QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert values(studio) == bald


def test_a_dropped_preset_is_applied_and_kept(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "friend.jmvae-preset"
    save_preset(path, Preset(name="From a friend", values={"Young": -2, "Wings": 1}))
    studio.open_path(path)
    assert values(studio) == {"Young": -2}
    assert "does not have: Wings" in studio.window.statusBar().currentMessage()
    assert [action.text() for action in studio.window.presets.actions] == ["From a friend"]
    path.write_text("nonsense")
    studio.open_path(path)
    assert "is not a preset" in said(studio)
