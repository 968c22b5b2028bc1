"""Compare, zoom, pan and the square of a face, with the mouse, the wheel and keys."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.resources import default_model
from jmvae_studio.ui import crop_box
from tests.gui.conftest import drag, drag_slider, pixels, settle, turn_wheel
from trainer.data.face_crop import FaceCrop

ALT, CONTROL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier


def picture(widget: QWidget) -> np.ndarray:
    return pixels(widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)).astype(int)


def test_wipe_side_by_side_and_difference(studio: Studio, qtbot: QtBot) -> None:
    drag_slider(studio, "Smiling", 0.98)
    settle(studio, qtbot)
    view, window = studio.window.photo_view, studio.window
    qtbot.wait(50)
    edited = picture(view)
    window.compare.setChecked(True)
    qtbot.wait(50)
    original = picture(view)
    window.compare.setChecked(False)
    assert (edited != original).any(axis=2).sum() > 300
    QTest.keyClick(window, Qt.Key.Key_2, ALT)
    rect = view.photo_rect()
    start = QPointF(rect.center().x(), rect.bottom() - 10).toPoint()
    crop = studio.session.photo.faces[0].crop if studio.session.photo else FaceCrop(0, 0, 0)
    middle = view.to_widget(crop.center_x, crop.center_y).toPoint()
    drag(view, start, QPoint(middle.x(), start.y()))
    wiped = picture(view)
    left, right = (
        slice(round(rect.left()) + 2, middle.x() - 8),
        slice(middle.x() + 8, round(rect.right()) - 2),
    )
    assert np.array_equal(wiped[:, left], original[:, left])
    wrong = np.abs(wiped[:, right] - edited[:, right]).sum()
    assert wrong < 0.2 * np.abs(original[:, right] - edited[:, right]).sum()
    assert (edited[:, left] != original[:, left]).any()
    QTest.keyClick(window, Qt.Key.Key_4, ALT)
    shown = picture(view)
    corner = view.to_widget(3, 3).toPoint()
    assert shown[corner.y(), corner.x()].max() == 0  # nothing was changed there
    assert shown[middle.y() - 20 : middle.y() + 20, middle.x() - 20 : middle.x() + 20].max() >= 4
    QTest.keyClick(window, Qt.Key.Key_3, ALT)
    shown = picture(view)
    half = (view.width() - 12) // 2
    assert view.to_widget(0, 0).x() > half
    assert np.abs(shown[10:-10, :half].mean() - shown[10:-10, -half:].mean()) < 4
    QTest.keyClick(window, Qt.Key.Key_1, ALT)
    qtbot.wait(50)
    assert np.array_equal(picture(view), edited)


def test_a_hold_on_the_result_ends_as_the_action_says(studio: Studio, qtbot: QtBot) -> None:
    drag_slider(studio, "Smiling", 0.98)
    settle(studio, qtbot)
    window, canvas, left = studio.window, studio.window.result_canvas, Qt.MouseButton.LeftButton
    edited, original = pixels(canvas.image), pixels(window.input_canvas.image)
    QTest.mousePress(canvas, left)
    assert np.array_equal(pixels(canvas.image), original)
    QTest.mouseRelease(canvas, left)
    assert np.array_equal(pixels(canvas.image), edited)
    QTest.keyClick(window, Qt.Key.Key_D, CONTROL)
    QTest.mouseClick(canvas, left)
    assert window.compare.isChecked()
    assert canvas.caption == "Original"
    assert np.array_equal(pixels(canvas.image), original)
    QTest.keyClick(window, Qt.Key.Key_D, CONTROL)
    assert np.array_equal(pixels(canvas.image), edited)
    assert canvas.caption == "Edited"


def test_a_small_photograph_is_seen_in_its_own_pixels(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    Image.fromarray(np.full((60, 90, 3), 120, np.uint8)).save(tmp_path / "small.png")
    studio.open_path(tmp_path / "small.png")
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "small.png")
    view = studio.window.photo_view
    assert view.photo_rect().width() > 180
    QTest.keyClick(studio.window, Qt.Key.Key_1, CONTROL)
    assert view.photo_rect().width() * view.devicePixelRatioF() == pytest.approx(90)
    assert view.photo_rect().center().x() == pytest.approx(view.rect().center().x(), abs=1)
    QTest.keyClick(studio.window, Qt.Key.Key_0, CONTROL)
    assert view.viewport.zoom == 1


def test_the_wheel_zooms_around_the_mouse_and_faces_go_in_step(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    view = studio.window.photo_view
    crop = studio.session.photo.faces[0].crop if studio.session.photo else FaceCrop(0, 0, 0)
    place = view.to_widget(crop.center_x, crop.center_y)
    turn_wheel(view, place, 7)
    assert view.viewport.zoom == pytest.approx(1.25**7)
    after = view.to_widget(crop.center_x, crop.center_y)
    assert (after.x(), after.y()) == pytest.approx((place.x(), place.y()), abs=1)
    before = view.to_widget(0, 0)
    corner = QPoint(view.width() - 12, view.height() - 12)
    drag(view, corner, corner - QPoint(30, 20))
    moved = view.to_widget(0, 0) - before
    assert (moved.x(), moved.y()) == pytest.approx((-30, -20), abs=1)
    QTest.keyClick(studio.window, Qt.Key.Key_1, CONTROL)
    assert view.photo_rect().width() * view.devicePixelRatioF() == pytest.approx(512)
    settle(studio, qtbot)
    qtbot.waitUntil(lambda: studio.window.input_canvas.image is not None)
    turn_wheel(studio.window.input_canvas, QPointF(100, 100), 3)
    zoomed = picture(studio.window.result_canvas)
    assert studio.window.faces_viewport.zoom == pytest.approx(1.25**3)
    assert np.abs(zoomed[40:] - picture(studio.window.input_canvas)[40:]).mean() < 0.5
    QTest.keyClick(studio.window, Qt.Key.Key_0, CONTROL)
    assert (view.viewport.zoom, studio.window.faces_viewport.zoom) == (1, 1)


def test_the_square_is_moved_scaled_and_turned_by_hand(studio: Studio, qtbot: QtBot) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    face, view = studio.session.face, studio.window.photo_view
    assert face is not None
    first, read = face.crop, dict(face.inferred)
    QTest.keyClick(studio.window, Qt.Key.Key_M, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    middle = view.to_widget(first.center_x, first.center_y)
    drag(view, middle.toPoint(), *[middle.toPoint() + QPoint(step, step) for step in range(0, 21, 4)])
    scale = 512 / view.photo_rect().width()
    assert face.crop.center_x - first.center_x == pytest.approx(20 * scale, abs=2 * scale)
    assert face.crop.side == first.side
    settle(studio, qtbot)
    assert dict(face.inferred) != read  # the model has looked again
    moved = face.crop
    corner = crop_box.polygon(moved, view.to_widget).at(2)
    drag(view, corner.toPoint(), corner.toPoint() + QPoint(10, 10), corner.toPoint() + QPoint(15, 15))
    assert face.crop.side > moved.side * 1.1
    knob = crop_box.knob(face.crop, view.to_widget)
    drag(view, knob.toPoint(), knob.toPoint() + QPoint(10, 2), knob.toPoint() + QPoint(30, 8))
    assert 5 < face.crop.roll < 80
    settle(studio, qtbot)
    stack = studio.session.undo_group.activeStack()
    assert stack.undoText() == "move the face's square"
    assert stack.count() == 4
    for _ in range(3):
        QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    assert face.crop == first
    settle(studio, qtbot)
    assert dict(face.inferred) == pytest.approx(read, abs=1e-4)
    assert dict(face.edit.values)


def test_a_square_stays_on_the_photograph_and_of_a_sensible_size() -> None:
    crop, size = FaceCrop(50, 60, 40), (100, 120)
    away = crop_box.dragged(crop, "move", QPointF(50, 60), QPointF(900, -900), size)
    assert (away.center_x, away.center_y) == (100, 0)
    tiny = crop_box.dragged(crop, "scale", QPointF(70, 80), QPointF(50.1, 60.1), size)
    assert tiny.side == crop_box.SMALLEST
    assert crop_box.dragged(crop, "scale", QPointF(70, 80), QPointF(90, 100), size).side == pytest.approx(80)
    turned = crop_box.dragged(crop, "turn", QPointF(50, 30), QPointF(80, 60), size)
    assert turned.roll == pytest.approx(90)


def test_the_plausibility_of_the_square_follows_the_drag(
    start_studio: Callable[[Path, Path], Studio], photograph: Path, qtbot: QtBot
) -> None:
    studio = start_studio(default_model(), photograph)
    settle(studio, qtbot)
    face, view = studio.session.face, studio.window.photo_view
    assert face is not None
    first = view._meter.now
    assert first is not None
    assert studio.window.input_canvas._detail == f"plausibility {first:.0%}"
    QTest.keyClick(studio.window, Qt.Key.Key_M, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    middle = view.to_widget(face.crop.center_x, face.crop.center_y).toPoint()
    away = middle + QPoint(60, 60)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    QTest.mouseMove(view, away)
    qtbot.waitUntil(lambda: view._meter.now != first, timeout=20_000)  # while the button is down
    assert view._meter.now is not None
    assert view._meter.now < first
    assert view._meter.text == f"Plausibility {view._meter.now:.0%} (was {first:.0%})"
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, away)
    settle(studio, qtbot)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    settle(studio, qtbot)
    qtbot.waitUntil(lambda: view._meter.now == pytest.approx(first))
    assert view._meter.text == f"Plausibility {first:.0%}"
