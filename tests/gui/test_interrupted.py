"""Drags during which keys are pressed: each stays one step of the history, and of its own face."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from tests.gui.conftest import drag_slider, settle, type_number, values

LEFT, NOTHING = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def two_faces(studio: Studio, qtbot: QtBot, tmp_path: Path, astronaut: np.ndarray) -> Studio:
    """The studio with two faces, of which the square of the first is to be moved."""
    face = Image.fromarray(astronaut[:300, 80:380])
    both = Image.new("RGB", (640, 320), "gray")
    both.paste(face, (10, 10))
    both.paste(face.resize((220, 220)), (400, 50))
    both.save(tmp_path / "two.png")
    studio.open_path(tmp_path / "two.png")
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    settle(studio, qtbot)
    QTest.keyClick(studio.window, Qt.Key.Key_M, CONTROL | SHIFT)
    assert studio.window.adjust_crop.isChecked()
    return studio


def steps(studio: Studio) -> list[str]:
    assert studio.session.photo is not None
    stack = studio.session.photo.stack
    return [stack.text(index) for index in range(stack.count())]


def drag_square(studio: Studio, key: Qt.Key) -> None:
    """Drag the current face's square to the right, and press Ctrl, Shift and a key on the way."""
    view, face = studio.window.photo_view, studio.session.face
    assert face is not None
    middle = view.to_widget(face.crop.center_x, face.crop.center_y).toPoint()
    QTest.mousePress(view, LEFT, NOTHING, middle)
    for x in range(3, 60, 3):
        if x == 30:
            modifiers = CONTROL if key == Qt.Key.Key_Backspace else CONTROL | SHIFT
            QTest.keyClick(studio.window, key, modifiers)
        QTest.mouseMove(view, middle + QPoint(x, 0))
        QApplication.processEvents()
    QTest.mouseRelease(view, LEFT, NOTHING, middle + QPoint(60, 0))


def test_keys_do_not_divide_the_drag_of_a_slider(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.1)
    before = values(studio)
    groove = studio.window.panel.sliders["Male"].groove
    places = [QPoint(x, groove.height() // 2) for x in range(40, 80, 4)]
    QTest.mousePress(groove, LEFT, NOTHING, places[0])
    for place in places:
        QTest.mouseMove(groove, place)
        for key, modifier in (
            (Qt.Key.Key_Shift, NOTHING),
            (Qt.Key.Key_Delete, NOTHING),
            (Qt.Key.Key_Z, CONTROL),
        ):
            QTest.keyClick(groove, key, modifier)
    QTest.mouseRelease(groove, LEFT, NOTHING, places[-1])
    assert len(steps(studio)) == 2
    assert values(studio).items() > before.items()
    QTest.keyClick(groove, Qt.Key.Key_Z, CONTROL)
    assert values(studio) == before


def test_the_square_is_let_go_of_where_moving_it_is_switched_off(two_faces: Studio, qtbot: QtBot) -> None:
    studio = two_faces
    drag_square(studio, Qt.Key.Key_M)
    assert len(steps(studio)) == 1
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    assert values(studio)["Smiling"] > 1
    assert len(steps(studio)) == 2


def test_a_square_that_is_gone_moves_no_other(two_faces: Studio) -> None:
    studio = two_faces
    assert studio.session.photo is not None
    others = [face.crop for face in studio.session.photo.faces[1:]]
    drag_square(studio, Qt.Key.Key_Backspace)
    assert [face.crop for face in studio.session.photo.faces] == others


@pytest.mark.parametrize("key", [Qt.Key.Key_S, Qt.Key.Key_K, Qt.Key.Key_Comma])
def test_a_dialog_that_opens_while_the_button_is_down_ends_what_it_did(
    studio: Studio, qtbot: QtBot, key: Qt.Key
) -> None:
    """The release goes to the window that the system names, and Qt drops it there: the dialog blocks it."""
    window, face = studio.window, studio.session.face
    assert face is not None
    settle(studio, qtbot)
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    groove, canvas, view = window.panel.sliders["Male"].groove, window.result_canvas, window.photo_view
    QTest.keyClick(window, Qt.Key.Key_M, CONTROL | SHIFT)
    held = [
        (groove, groove.rect().center()),
        (canvas, canvas.rect().center()),
        (view, view.to_widget(face.crop.center_x, face.crop.center_y).toPoint()),
    ]
    for widget, place in held:
        window.activateWindow()
        assert QTest.qWaitForWindowActive(window)
        there = widget.mapTo(window, place)
        QTest.mousePress(window.windowHandle(), LEFT, NOTHING, there)
        QTest.mouseMove(window.windowHandle(), there + QPoint(25, 0))
        QApplication.processEvents()
        if widget is view:
            settle(studio, qtbot)
        QTest.keyClick(window, key, CONTROL)
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QDialog)
        QTest.mouseRelease(window.windowHandle(), LEFT, NOTHING, there + QPoint(25, 0))
        dialog.reject()
        QApplication.processEvents()
        before = values(studio), face.crop, steps(studio)
        QTest.mouseMove(window.windowHandle(), there + QPoint(60, 0))
        QApplication.processEvents()
        assert (values(studio), face.crop, steps(studio)) == before
    assert not groove.isSliderDown()
    settle(studio, qtbot)
    assert canvas.image is studio.showing.edited
    assert [name.partition(" ")[0] for name in steps(studio)] == ["Male", "Move"]
    assert window.photo_view._grip is None


def test_a_drag_and_a_number_end_before_another_model_comes(
    studio: Studio, qtbot: QtBot, checkpoint: Path, other_model: Path
) -> None:
    settle(studio, qtbot)
    groove = studio.window.panel.sliders["Male"].groove
    QTest.mousePress(groove, LEFT, NOTHING, groove.rect().center())
    QTest.mouseMove(groove, groove.rect().center() + QPoint(30, 0))
    for path, ended in ((other_model, ["Male"]), (checkpoint, ["Male", "Smiling"])):
        studio.load_model(path)
        qtbot.waitUntil(
            lambda path=path: studio.model is not None and studio.model.path == path, timeout=30_000
        )
        assert studio.session.undo_group.canUndo()
        assert [name.partition(" ")[0] for name in steps(studio)] == ended
        settle(studio, qtbot)
        type_number(studio, "Smiling", "2.5")
    assert values(studio)["Smiling"] == 2.5
    QTest.mouseRelease(studio.window, LEFT)
