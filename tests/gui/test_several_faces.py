"""Several faces in one photograph: each is chosen, edited and exported by itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.records import settings_in
from jmvae_studio.document.session_file import record, save
from jmvae_studio.document.versions import keep_version, show_version
from jmvae_studio.ui.export_dialog import Wish
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.photo_view import PhotoView
from tests.gui.conftest import drag_slider, pixels, said, settle
from trainer.data.images import open_image


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


def difference(studio: Studio, path: Path, index: int) -> float:
    """Mean change of a face's middle in an export, 0…255."""
    photo = studio.session.photo
    assert photo is not None
    crop = photo.faces[index].crop
    x, y, reach = round(crop.center_x), round(crop.center_y), round(crop.side / 4)
    part = np.s_[y - reach : y + reach, x - reach : x + reach]
    return float(np.abs(open_image(path).pixels[part].astype(int) - photo.pixels()[part]).mean())


def export(studio: Studio, qtbot: QtBot, path: Path) -> Path:
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        studio.export(path)
    return path


def edit_both(studio: Studio, qtbot: QtBot, path: Path) -> None:
    studio.open_path(path)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    for index in (1, 0):
        click_face(studio, index)
        settle(studio, qtbot)
        drag_slider(studio, "Smiling", 0.95)
        settle(studio, qtbot)


def test_a_face_that_a_session_brings_back_is_read_shown_and_exported(
    studio: Studio, qtbot: QtBot, tmp_path: Path, two_faces: Path
) -> None:
    edit_both(studio, qtbot, two_faces)
    file = tmp_path / "work.jmvae"
    save(file, record(studio.session, file))
    assert studio.session.photo is not None
    studio.photographs.close_photo(studio.session.photo)
    studio.open_path(file)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    settle(studio, qtbot)
    other = studio.session.photo.faces[1]  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: bool(other.reader))
    reader, other.reader = other.reader, ""
    studio.export(tmp_path / "soon.png")
    assert "still looking at the other faces" in said(studio)
    other.reader = reader
    qtbot.waitUntil(lambda: len(studio.window.photo_view._edited) == 2, timeout=20_000)
    path = export(studio, qtbot, tmp_path / "back.png")
    assert min(difference(studio, path, index) for index in (0, 1)) > 1


def test_the_photograph_shows_every_face_as_it_is_exported(
    studio: Studio, qtbot: QtBot, tmp_path: Path, two_faces: Path
) -> None:
    edit_both(studio, qtbot, two_faces)
    photo = studio.session.photo
    assert photo is not None
    keep_version(studio.session, photo, "both")
    for index in (1, 0):
        click_face(studio, index)
        QTest.mouseClick(studio.window.panel.reset_all, Qt.MouseButton.LeftButton)
        settle(studio, qtbot)
    shown = studio.window.photo_view
    unedited = pixels(shown._edited[1].edited)
    show_version(studio.session, "both")
    settle(studio, qtbot)
    qtbot.waitUntil(lambda: 1 in shown._edited and (pixels(shown._edited[1].edited) != unedited).any())
    path = export(studio, qtbot, tmp_path / "both.png")
    assert difference(studio, path, 1) > 1
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: 1 in shown._edited and (pixels(shown._edited[1].edited) == unedited).all())
    assert difference(studio, export(studio, qtbot, tmp_path / "none.png"), 1) < 0.5


@pytest.mark.parametrize("close", [False, True])
def test_edits_of_squares_that_overlap_are_seen_as_they_are_exported(
    studio: Studio, qtbot: QtBot, tmp_path: Path, two_faces: Path, close: bool
) -> None:
    studio.open_path(two_faces)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    photo, view = studio.session.photo, studio.window.photo_view
    assert photo is not None
    crop = photo.faces[0].crop
    studio.session.add_crop(replace(crop, center_x=crop.center_x + 0.45 * crop.side))
    for index in (0, len(photo.faces) - 1):
        studio.session.choose_face(index)
        settle(studio, qtbot)
        drag_slider(studio, "Smiling", 0.95)
        settle(studio, qtbot)
    view.outlined = False
    if close:
        QTest.keyClick(studio.window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    exported = open_image(export(studio, qtbot, tmp_path / "both.png")).pixels
    qtbot.wait(50)
    shown, expected, before = (
        pixels(image).astype(int)
        for image in (view.grab().toImage(), painted(view, exported), painted(view, photo.pixels()))
    )
    corner = view.to_widget(crop.center_x, crop.center_y - 0.3 * crop.side).toPoint()
    end = view.to_widget(crop.center_x + 0.4 * crop.side, crop.center_y + 0.3 * crop.side).toPoint()
    both = np.s_[max(0, corner.y()) : end.y(), corner.x() : end.x()]
    assert blocks(before[both] - expected[both]).max() > 4
    assert blocks(shown[both] - expected[both]).max() < 1.5
    assert np.abs(shown[both] - expected[both]).max() < 10


def painted(view: PhotoView, picture: np.ndarray) -> QImage:
    """A picture as the view paints photographs, so that nothing differs but what is in it."""
    image = QImage(view.size(), QImage.Format.Format_RGB32)
    other = PhotoView()
    other.resize(view.size())
    other.show_photo(to_qimage(picture), picture.shape[1::-1], picture)
    other.zoom_by(view.viewport.zoom)
    other.render(image)
    return image


def blocks(apart: np.ndarray) -> np.ndarray:
    """The absolute means of 8 × 8 pixels."""
    tall, wide = (length // 8 * 8 for length in apart.shape[:2])
    return np.abs(apart[:tall, :wide].reshape(tall // 8, 8, wide // 8, 8, 3).mean((1, 3)))


def test_a_face_that_is_only_generated_is_kept_read_shown_and_exported(
    studio: Studio, qtbot: QtBot, tmp_path: Path, two_faces: Path
) -> None:
    studio.open_path(two_faces)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    click_face(studio, 1)
    settle(studio, qtbot)
    studio.window.mode_box.setFocus()
    QTest.keyClicks(studio.window.mode_box, "Generate")
    settle(studio, qtbot)
    click_face(studio, 0)
    settle(studio, qtbot)
    photo, file = studio.session.photo, tmp_path / "work.jmvae"
    assert photo is not None
    save(file, record(studio.session, file))
    studio.photographs.close_photo(photo)
    assert "brings it back with its edits" in studio.window.statusBar().currentMessage()
    studio.open_path(file)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.name == "two.png")
    settle(studio, qtbot)
    again, shown = studio.session.photo, studio.window.photo_view
    assert again is not None
    qtbot.waitUntil(lambda: 1 in shown._edited, timeout=20_000)  # by a model that had not read it
    wish = Wish("photograph", False, ".png", 90, 0, False, True, "{name}")
    path = tmp_path / "generated.png"
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        studio.exports.export(path, wish=wish)
    assert difference(studio, path, 1) > 1
    told = settings_in(open_image(path).exif)
    assert told is not None
    assert [(face.edit.mode, face.edit.values) for face in told.faces] == [("generate", {})]
    studio.open_path(path)
    qtbot.waitUntil(lambda: "was made here with mode: generate" in said(studio), timeout=20_000)
    settle(studio, qtbot)
