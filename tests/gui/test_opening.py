"""How photographs come in: files good and bad, drops, the clipboard, pictures without a face."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.ui.images import to_qimage
from tests.gui.conftest import drag, drag_slider, said, settle
from trainer.data.images import open_image


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


def test_pasting_an_empty_clipboard_says_so(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    QGuiApplication.clipboard().clear()
    QTest.keyClick(studio.window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert "no picture on the clipboard" in studio.window.statusBar().currentMessage()
    link = QMimeData()
    link.setUrls([QUrl("https://example.org/face.jpg")])
    QGuiApplication.clipboard().setMimeData(link)
    QTest.keyClick(studio.window, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert "a link and no picture" in studio.window.statusBar().currentMessage()


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
