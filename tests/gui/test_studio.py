"""The studio as a user meets it: open, drag, compare, undo, export, wrong files."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.settings import SettingsFile
from jmvae_studio.ui.images import to_qimage
from tests.gui.conftest import drag, said
from trainer.data.images import open_image


def pixels(image: QImage | None) -> np.ndarray:
    assert image is not None
    converted = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(converted.constBits(), np.uint8).reshape(
        converted.height(), converted.bytesPerLine()
    )
    return rows[:, : 3 * converted.width()].reshape(converted.height(), converted.width(), 3).copy()


def settle(studio: Studio, qtbot: QtBot) -> None:
    """Wait until the preview on the screen is the one of the present edit."""
    qtbot.waitUntil(studio.is_settled, timeout=30_000)


def drag_slider(studio: Studio, name: str, share: float) -> None:
    groove = studio.window.panel.sliders[name].groove
    middle = groove.height() // 2
    stops = [QPoint(round(groove.width() * (0.5 + (share - 0.5) * step / 12)), middle) for step in range(13)]
    drag(groove, stops[0], *stops)


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


@pytest.mark.parametrize("kind", ["text", "empty", "folder", "missing", "truncated"])
def test_a_bad_file_is_one_sentence_and_nothing_is_lost(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path, kind: str
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    bad = tmp_path / f"{kind}.jpg"
    if kind == "text":
        bad.write_text("no picture")
    elif kind == "empty":
        bad.touch()
    elif kind == "folder":
        bad.mkdir()
    elif kind == "truncated":
        bad.write_bytes(photograph.read_bytes()[:3000])
    studio.open_path(bad)
    qtbot.waitUntil(lambda: bool(said(studio)), timeout=20_000)
    text = said(studio)
    assert bad.name in text
    assert "\n" not in text
    assert "Traceback" not in text
    face = studio.session.face
    assert face is not None
    assert face.edit.values
    studio.window.messages.dismiss()
    drag_slider(studio, "Smiling", 0.2)
    settle(studio, qtbot)


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


def test_no_face_offers_to_mark_one_by_hand(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "flat.png"
    Image.new("RGB", (300, 200), (90, 120, 150)).save(path)
    studio.open_path(path)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "flat.png")
    window = studio.window
    assert window.draw_crop.isChecked()
    assert not window.export.isEnabled()
    assert "No face was found" in window.statusBar().currentMessage()
    view = window.photo_view
    start, end = view.to_widget(50, 20).toPoint(), view.to_widget(170, 140).toPoint()
    drag(view, start, (start + end) / 2, end)
    face = studio.session.face
    assert face is not None
    assert face.crop.side == pytest.approx(120, abs=3)
    assert face.crop.center_x == pytest.approx(110, abs=3)
    assert not window.draw_crop.isChecked()
    settle(studio, qtbot)
    assert window.export.isEnabled()


def test_several_faces_are_chosen_with_a_click(studio: Studio, qtbot: QtBot, two_faces: Path) -> None:
    studio.open_path(two_faces)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    photo = studio.session.photo
    assert photo is not None
    assert len(photo.faces) == 2
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    click_face(studio, 1)
    assert photo.current == 1
    settle(studio, qtbot)
    assert not photo.faces[1].edit.values
    assert photo.faces[0].edit.values


def test_drop_paste_and_recent_files(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path, astronaut: np.ndarray
) -> None:
    dropped = tmp_path / "dropped 笑.png"
    Image.fromarray(astronaut[:400]).save(dropped)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(dropped))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(200, 200), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(studio.window, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(
        studio.window, QDropEvent(QPointF(200, 200), Qt.DropAction.CopyAction, data, buttons, keys)
    )
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == dropped.name)
    assert studio.settings.recent_files == [str(dropped), str(photograph)]
    QGuiApplication.clipboard().setImage(to_qimage(astronaut))
    focused = QApplication.focusWidget()
    assert focused is studio.window.photo_view
    QTest.keyClick(focused, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(
        lambda: studio.session.photo is not None and studio.session.photo.name == "Pasted picture"
    )
    assert studio.session.photo is not None
    assert np.array_equal(studio.session.photo.image.pixels, astronaut)
    assert len(studio.settings.recent_files) == 2
    settle(studio, qtbot)
    QTest.keyClick(studio.window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().image().width() == 320


def test_modes_theme_and_settings(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    latent = pixels(studio.window.result_canvas.image)
    studio.window.mode_box.setCurrentIndex(1)
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


def test_a_huge_photograph_is_reduced_for_the_screen_only(
    studio: Studio, qtbot: QtBot, tmp_path: Path, astronaut: np.ndarray
) -> None:
    path = tmp_path / "large.jpg"
    Image.fromarray(astronaut).resize((4000, 4000)).save(path, quality=85)
    studio.open_path(path)
    qtbot.waitUntil(
        lambda: studio.session.photo is not None and studio.session.photo.name == "large.jpg", timeout=30_000
    )
    photo = studio.session.photo
    assert photo is not None
    assert photo.display.shape == (2000, 2000, 3)
    assert photo.image.pixels.shape == (4000, 4000, 3)
    settle(studio, qtbot)
    assert photo.faces[0].crop.side == pytest.approx(143 * 4000 / 512, rel=0.1)
    with qtbot.waitSignal(studio.exported, timeout=60_000):
        studio.export(tmp_path / "large out.jpg")
    assert open_image(tmp_path / "large out.jpg").pixels.shape == (4000, 4000, 3)


@pytest.fixture
def two_faces(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """Two faces of different size beside each other."""
    face = astronaut[:300, 80:380]
    small = np.asarray(Image.fromarray(face).resize((220, 220), Image.Resampling.LANCZOS))
    two = np.full((320, 640, 3), 200, np.uint8)
    two[10:310, 10:310] = face
    two[50:270, 380:600] = small
    path = tmp_path / "two.png"
    Image.fromarray(two).save(path)
    return path


def click_face(studio: Studio, index: int) -> None:
    photo = studio.session.photo
    assert photo is not None
    crop = photo.faces[index].crop
    view = studio.window.photo_view
    place = view.to_widget(crop.center_x, crop.center_y).toPoint()
    QTest.mouseClick(view, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


def test_every_face_s_edit_is_exported(studio: Studio, qtbot: QtBot, tmp_path: Path, two_faces: Path) -> None:
    studio.open_path(two_faces)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    photo = studio.session.photo
    assert photo is not None
    for index in (1, 0):
        click_face(studio, index)
        settle(studio, qtbot)
        drag_slider(studio, "Smiling", 0.95)
        settle(studio, qtbot)
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        studio.export(tmp_path / "both.png")
    changed = (open_image(tmp_path / "both.png").pixels != photo.image.pixels).any(axis=2)
    for face in photo.faces:
        x, y, reach = round(face.crop.center_x), round(face.crop.center_y), round(face.crop.side / 4)
        assert changed[y - reach : y + reach, x - reach : x + reach].mean() > 0.3
    QTest.keyClick(studio.window, Qt.Key.Key_F5, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "No other face" in studio.window.statusBar().currentMessage(), timeout=20_000)
    assert all(face.edit.values for face in photo.faces)  # looking again loses nothing
    studio.window.remove_face.trigger()
    assert len(photo.faces) == 1


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


def test_another_photograph_starts_plainly(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path
) -> None:
    studio.window.compare.setChecked(True)
    flat = tmp_path / "flat.png"
    Image.new("RGB", (300, 200), (90, 120, 150)).save(flat)
    studio.open_path(flat)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "flat.png")
    assert not studio.window.compare.isChecked()
    assert studio.window.draw_crop.isChecked()
    studio.open_path(photograph)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == photograph.name)
    assert not studio.window.draw_crop.isChecked()
    settle(studio, qtbot)
    assert studio.window.result_canvas.caption == "Edited"


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
    while studio.session.face is not None:
        studio.session.remove_face()
    studio.export(tmp_path / "early.png")
    assert "open a photograph with a face first" in said(studio)
    assert not (tmp_path / "early.png").exists()


def test_pasting_an_empty_clipboard_says_so(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    QGuiApplication.clipboard().clear()
    QTest.keyClick(studio.window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert "no picture on the clipboard" in studio.window.statusBar().currentMessage()


def test_ctrl_q_closes_the_window(studio: Studio, qtbot: QtBot) -> None:
    QTest.keyClick(studio.window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not studio.window.isVisible(), timeout=5000)


def test_the_mode_is_kept_for_the_next_photograph(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path
) -> None:
    studio.window.mode_box.setCurrentIndex(1)
    first = studio.session.photo
    other = tmp_path / "other.jpg"
    other.write_bytes(photograph.read_bytes())
    studio.open_path(other)
    qtbot.waitUntil(lambda: studio.session.photo is not first, timeout=20_000)
    assert studio.session.face is not None
    assert studio.session.face.edit.mode == "residual"
    assert studio.settings.mode == "residual"
