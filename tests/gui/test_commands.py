"""The command palette: every action of the menus, found by typing and run with Enter."""

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.ui.command_palette import CommandPalette, commands
from tests.gui.conftest import drag_slider, settle

CONTROL = Qt.KeyboardModifier.ControlModifier


def open_palette(studio: Studio) -> CommandPalette:
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_K, CONTROL)
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, CommandPalette) and w.isVisible())


def listed(palette: CommandPalette) -> list[tuple[str, str, str]]:
    rows = [palette.list.topLevelItem(row) for row in range(palette.list.topLevelItemCount())]
    return [(item.text(0), item.text(1), item.text(2)) for item in rows if item is not None]


def test_every_action_is_there_with_its_keys(studio: Studio) -> None:
    palette = open_palette(studio)
    shown = listed(palette)
    assert ("Export Photograph…", "File", "Ctrl+S") in shown
    assert ("Wipe", "View ▸ Compare As", "Alt+2") in shown
    assert ("✓ Light", "View ▸ Theme", "") not in shown
    assert ("Redo", "Edit", "Ctrl+Shift+Z, Ctrl+Y") in shown
    assert len(shown) == len(commands(studio.window.menuBar())) > 50
    assert not any("&" in text for text, _, _ in shown)
    QTest.keyClick(palette.search, Qt.Key.Key_Escape)
    assert not palette.isVisible()


def test_typing_finds_and_enter_runs(studio: Studio, qtbot: QtBot) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    palette = open_palette(studio)
    QTest.keyClicks(palette.search, "reset")
    assert listed(palette)[0][0] == "Reset All Attributes"
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert not palette.isVisible()
    face = studio.session.face
    assert face is not None
    assert face.edit.is_empty
    palette = open_palette(studio)
    QTest.keyClicks(palette.search, "theme")
    assert [text for text, _, _ in listed(palette)] == ["✓ System", "Light", "Dark"]
    QTest.keyClick(palette.search, Qt.Key.Key_Down)
    QTest.keyClick(palette.search, Qt.Key.Key_Down)
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert studio.settings.theme == "dark"
    studio.choose_theme("light")


def test_what_cannot_be_done_now_is_shown_and_not_run(studio: Studio, qtbot: QtBot) -> None:
    palette = open_palette(studio)
    QTest.keyClicks(palette.search, "closed photograph")
    assert [text for text, _, _ in listed(palette)] == ["Bring Back Closed Photograph"]
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.search.selectAll()
    QTest.keyClicks(palette.search, "no such thing")
    assert listed(palette) == []
    QTest.keyClick(palette.search, Qt.Key.Key_Return)
    assert palette.isVisible()
    palette.search.selectAll()
    QTest.keyClicks(palette.search, "ctrl+m")
    assert listed(palette)[0][0] == "Mark a Face by Hand"
    row = palette.list.visualItemRect(palette.list.topLevelItem(0)).center()
    QTest.mouseClick(
        palette.list.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QPoint(20, row.y()),
    )
    assert studio.window.draw_crop.isChecked()
