"""Several faces in one photograph: each is chosen, edited and exported by itself."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from tests.gui.conftest import drag_slider, settle
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
