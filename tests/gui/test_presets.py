"""Presets and copied adjustments in the real window."""

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.presets import Preset, PresetFolder, save_preset
from jmvae_studio.ui.choosing import ChooseAttributes
from tests.gui.conftest import drag_slider, said, settle, type_number, values

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def dialog() -> ChooseAttributes:
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, ChooseAttributes) and w.isVisible()]
    return found[0]


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


def test_a_preset_that_was_removed_can_be_brought_back(studio: Studio, tmp_path: Path) -> None:
    path, own = tmp_path / "friend.jmvae-preset", tmp_path / "config" / "presets"
    save_preset(path, Preset(name="Grin", values={"Smiling": 1.0}))
    studio.open_path(path)
    studio.window.presets._removing.actions()[0].trigger()
    assert not PresetFolder(own).load()
    assert said(studio) == "The preset Grin is removed."
    QTest.mouseClick(studio.window.messages.buttons[0], Qt.MouseButton.LeftButton)
    assert PresetFolder(own).load()["Grin"].values == {"Smiling": 1.0}
    assert [action.text() for action in studio.window.presets.actions] == ["Grin"]


def test_no_preset_is_lost_to_one_of_the_same_name(studio: Studio, tmp_path: Path) -> None:
    path, own = tmp_path / "friend.jmvae-preset", tmp_path / "config" / "presets"
    for value in (1.0, 2.0, 2.0):
        save_preset(path, Preset(name="Grin", values={"Smiling": value}))
        studio.open_path(path)
        assert values(studio) == {"Smiling": value}
    assert {name: kept.values for name, kept in PresetFolder(own).load().items()} == {
        "Grin": {"Smiling": 1.0},
        "Grin 2": {"Smiling": 2.0},
    }
    assert "kept as Grin 2" in said(studio)
    studio.window.messages.dismiss()
    QTest.keyClick(studio.window, Qt.Key.Key_P, CONTROL | SHIFT)
    QTest.keyClicks(dialog().name, "Grin")
    QTest.mouseClick(dialog().accept_button, Qt.MouseButton.LeftButton)
    assert PresetFolder(own).load()["Grin"].values == {"Smiling": 2.0}
    assert "in place of the one before" in said(studio)
    QTest.mouseClick(studio.window.messages.buttons[0], Qt.MouseButton.LeftButton)
    assert PresetFolder(own).load()["Grin"].values == {"Smiling": 1.0}


@pytest.mark.parametrize("kind", ["save", "copy"])
def test_what_a_dialog_lists_is_taken_though_another_photograph_came(
    studio: Studio, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    asked, shown = values(studio), studio.session.photo
    QTest.keyClick(studio.window, Qt.Key.Key_P if kind == "save" else Qt.Key.Key_C, CONTROL | SHIFT)
    asking = dialog()
    flat = tmp_path / "flat.png"
    Image.new("RGB", (300, 200)).save(flat)
    studio.open_path(flat)  # it was slow to read, and has no face
    qtbot.waitUntil(lambda: studio.session.photo is not shown, timeout=20_000)
    QTest.keyClicks(asking.name, "Grin")
    QTest.mouseClick(asking.accept_button, Qt.MouseButton.LeftButton)
    kept = PresetFolder(tmp_path / "config" / "presets").load().get("Grin") if kind == "save" else None
    taken = kept or studio.presets._copied
    assert taken is not None
    assert taken.values == asked


def test_a_number_that_is_being_typed_is_copied(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    number = type_number(studio, "Smiling", "0.25")
    QTest.keyClick(number, Qt.Key.Key_C, CONTROL | SHIFT)
    asking = dialog()
    assert "+0.25" in asking.list.item(0).text()
    asking.reject()
