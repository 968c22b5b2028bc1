"""The studio as a user meets it: drag, compare, undo, export, models and devices."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.settings import SettingsFile
from jmvae_studio.ui.groove import Groove
from tests.gui.conftest import drag_slider, pixels, said, settle, turn_wheel
from trainer.data.images import open_image


def test_a_drag_changes_the_pixels_and_undo_restores_them(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    before = pixels(studio.window.result_canvas.image)
    assert np.array_equal(before, pixels(studio.window.input_canvas.image))
    drag_slider(studio, "Smiling", 0.95)
    settle(studio, qtbot)
    after = pixels(studio.window.result_canvas.image)
    assert np.abs(after.astype(int) - before).max() > 3
    face = studio.session.face
    assert face is not None
    assert dict(face.edit.values)["Smiling"] == pytest.approx(3, abs=0.4)
    assert studio.session.undo_group.activeStack().count() == 1
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settle(studio, qtbot)
    assert np.array_equal(pixels(studio.window.result_canvas.image), before)
    assert not studio.window.panel.reset_all.isEnabled()


def test_holding_compare_shows_the_original(studio: Studio, qtbot: QtBot) -> None:
    drag_slider(studio, "Male", 0.05)
    settle(studio, qtbot)
    canvas = studio.window.result_canvas
    edited = pixels(canvas.image)
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton)
    assert canvas.caption == "Original"
    assert np.array_equal(pixels(canvas.image), pixels(studio.window.input_canvas.image))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton)
    assert canvas.caption == "Edited"
    assert np.array_equal(pixels(canvas.image), edited)


def test_the_export_is_what_was_shown(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path, astronaut: np.ndarray
) -> None:
    digest, stamp = hashlib.sha256(photograph.read_bytes()).hexdigest(), photograph.stat().st_mtime_ns
    drag_slider(studio, "Young", 0.02)
    settle(studio, qtbot)
    whole, face_only = tmp_path / "out.png", tmp_path / "face.png"
    for target, everything in ((whole, True), (face_only, False)):
        with qtbot.waitSignal(studio.exported, timeout=30_000):
            studio.export(target, everything)
    result = open_image(whole).pixels
    original = open_image(photograph).pixels
    assert result.shape == original.shape
    changed = np.argwhere((result != original).any(axis=2))
    crop = studio.session.face.crop if studio.session.face else None
    assert crop is not None
    assert len(changed) > 500
    assert np.abs(changed + 0.5 - (crop.center_y, crop.center_x)).max() <= crop.side / 2 * np.sqrt(2) + 1
    assert open_image(face_only).pixels.shape[0] == max(320, round(crop.side))
    assert hashlib.sha256(photograph.read_bytes()).hexdigest() == digest
    assert photograph.stat().st_mtime_ns == stamp
    studio.export(photograph)
    assert "never overwritten" in said(studio)
    assert hashlib.sha256(photograph.read_bytes()).hexdigest() == digest


def test_a_bad_model_leaves_the_old_one_at_work(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x80\x04pickle")
    before = studio.model
    studio.load_model(bad)
    qtbot.waitUntil(lambda: bool(said(studio)), timeout=20_000)
    assert "bad.safetensors is not a model" in said(studio)
    assert studio.model == before
    studio.window.messages.dismiss()
    drag_slider(studio, "Bald", 0.9)
    settle(studio, qtbot)


def test_modes_theme_and_settings(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    latent = pixels(studio.window.result_canvas.image)
    mode_box = studio.window.mode_box
    mode_box.setFocus()
    turn_wheel(mode_box, QPointF(mode_box.rect().center()), -1)
    assert mode_box.currentData() == "latent"
    mode_box.setCurrentIndex(1)
    settle(studio, qtbot)
    assert not np.array_equal(pixels(studio.window.result_canvas.image), latent)
    studio.session.undo_group.undo()
    settle(studio, qtbot)
    assert studio.window.mode_box.currentData() == "latent"
    assert np.array_equal(pixels(studio.window.result_canvas.image), latent)
    light = studio.window.palette().window().color().lightness()
    studio.choose_theme("dark")
    qtbot.wait(50)
    assert studio.window.palette().window().color().lightness() < light / 2
    studio.window.close()
    kept, _ = SettingsFile(tmp_path / "config" / "settings.json").load()
    assert kept.theme == "dark"
    assert kept.geometry


def test_freed_memory_comes_back_with_the_next_drag(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    with qtbot.waitSignal(studio.renderer.memory_freed):
        studio.window.free_memory_asked.emit()
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)


def test_void_calls_keep_none_alive(qtbot: QtBot, studio: Studio) -> None:
    """PySide6 6.12.0 loses a reference to None with each void call on Python 3.11."""
    widget = studio.window.result_canvas
    before = sys.getrefcount(None)
    for _ in range(2000):
        widget.update()
    assert sys.getrefcount(None) > before - 1000


def test_the_shipped_model_makes_a_believable_edit(
    start_studio: Callable[[Path, Path], Studio], qtbot: QtBot, photograph: Path
) -> None:
    from jmvae_studio.resources import default_model

    studio = start_studio(default_model(), photograph)
    settle(studio, qtbot)
    assert studio.session.face is not None
    inferred = studio.session.face.inferred
    assert inferred["Bald"] < 0
    assert inferred["Smiling"] > 0
    assert inferred["Eyeglasses"] < 0
    before = pixels(studio.window.result_canvas.image).astype(int)
    drag_slider(studio, "Eyeglasses", 0.83)
    settle(studio, qtbot)
    change = np.abs(pixels(studio.window.result_canvas.image) - before).mean(axis=2)
    eyes, mouth = change[110:170, 70:250].mean(), change[200:260, 110:210].mean()
    assert eyes > 5
    assert eyes > 1.2 * mouth
    assert change[:4].max() <= 2  # the border of the crop is left alone


def test_closing_finishes_an_export_under_way(studio: Studio, tmp_path: Path, qtbot: QtBot) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    studio.export(tmp_path / "late.png")
    studio.window.close()
    assert open_image(tmp_path / "late.png").pixels.shape == (512, 512, 3)


def test_an_error_nobody_foresaw_leaves_the_studio_at_work(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(studio, qtbot)
    with monkeypatch.context() as patched:
        patched.setattr("jmvae_studio.inference.engine.Engine.preview", lambda *given: 1 / 0)
        drag_slider(studio, "Smiling", 0.9)
        qtbot.waitUntil(lambda: bool(said(studio)), timeout=10_000)
    assert "Nothing was lost" in said(studio)
    studio.window.messages.dismiss()
    drag_slider(studio, "Smiling", 0.3)
    settle(studio, qtbot)


def test_no_undo_in_the_middle_of_a_drag(studio: Studio, qtbot: QtBot) -> None:
    drag_slider(studio, "Male", 0.7)
    groove = studio.window.panel.sliders["Smiling"].groove
    middle = groove.height() // 2
    QTest.mousePress(groove, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(40, middle))
    QTest.mouseMove(groove, QPoint(60, middle))
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QTest.mouseMove(groove, QPoint(70, middle))
    QTest.mouseRelease(groove, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(70, middle))
    face = studio.session.face
    assert face is not None
    assert set(dict(face.edit.values)) == {"Male", "Smiling"}
    for _ in range(2):
        QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert face.edit.is_empty
    assert not studio.session.undo_group.canUndo()


def double_click(studio: Studio, groove: Groove, place: QPoint) -> None:
    """As the window system sends it: the first click of the pair acts by itself."""
    handle = studio.window.windowHandle()
    assert handle is not None
    where = groove.mapTo(studio.window, place)
    QTest.mouseDClick(handle, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, where)
    QApplication.processEvents()


def test_a_double_click_is_one_step_or_none(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    slider = studio.window.panel.sliders["Smiling"]
    studio.window.panel._scroll.ensureWidgetVisible(slider)
    groove, face, stack = slider.groove, studio.session.face, studio.session.undo_group.activeStack()
    place = QPoint(round(groove.position(-100)), groove.height() // 2)
    resets: list[str] = []
    slider.reset_asked.connect(resets.append)
    assert face is not None
    double_click(studio, groove, place)
    assert resets == ["Smiling"]
    assert face.edit.is_empty
    assert stack.count() == 0
    studio.session.preview_value("Smiling", 2.0)
    studio.session.end_gesture()
    double_click(studio, groove, place)
    assert face.edit.is_empty
    assert stack.undoText() == "Smiling reset"
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dict(face.edit.values) == {"Smiling": 2.0}
    assert (stack.count(), stack.index()) == (2, 1)
    assert groove.value() == 200
    handle = QPoint(round(groove.position(200)), groove.height() // 2)
    double_click(studio, groove, handle)  # the first click moves nothing: the step before is no part of it
    assert face.edit.is_empty
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dict(face.edit.values) == {"Smiling": 2.0}
    strength = studio.window.panel.strength.groove
    double_click(studio, strength, QPoint(round(strength.position(30)), strength.height() // 2))
    assert (face.edit.strength, stack.index()) == (1.0, 1)
    settle(studio, qtbot)


def test_a_typed_number_is_undone_like_a_drag(studio: Studio, qtbot: QtBot) -> None:
    number = studio.window.panel.sliders["Male"].number
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "2.5")
    QTest.keyClick(number, Qt.Key.Key_Return)
    face = studio.session.face
    assert face is not None
    assert dict(face.edit.values) == {"Male": 2.5}
    focused = QApplication.focusWidget()
    assert focused is not None
    QTest.keyClick(focused, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert face.edit.is_empty


def test_a_device_that_is_not_there_is_not_remembered(studio: Studio, qtbot: QtBot) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this computer has CUDA")
    studio.window.device_chosen.emit("cuda")
    qtbot.waitUntil(lambda: bool(said(studio)), timeout=20_000)
    assert "no device “cuda”" in said(studio)
    assert studio.settings.device == "cpu"
    studio.window.messages.dismiss()
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)


def test_an_export_before_the_face_was_read_says_why_not(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    settle(studio, qtbot)
    face = studio.session.face
    assert face is not None
    studio.session.set_inferred(face, "", face.inferred)  # as after a move of the square
    studio.export(tmp_path / "early.png")
    assert "still looking at this face" in said(studio)
    studio.window.messages.dismiss()
    QTest.keyClick(studio.window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert "still looking at this face" in said(studio)
    while studio.session.face is not None:
        studio.session.remove_face()
    studio.export(tmp_path / "early.png")
    assert "open a photograph with a face first" in said(studio)
    assert not (tmp_path / "early.png").exists()


def test_ctrl_q_closes_the_window(studio: Studio, qtbot: QtBot) -> None:
    QTest.keyClick(studio.window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not studio.window.isVisible(), timeout=5000)
