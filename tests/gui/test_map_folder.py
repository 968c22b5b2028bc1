"""A folder of photographs on the latent map: looked at once, kept, and what fails is listed."""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.control import locating, map_folder
from jmvae_studio.explore.folder_codes import load
from jmvae_studio.ui.latent_map import LatentMap
from jmvae_studio.ui.map_marks import NOTHING
from tests.gui.conftest import said
from trainer.data.face_crop import extract
from trainer.data.face_detection import find_faces
from trainer.data.images import open_image


@pytest.fixture
def folder(own_faces: Path, tmp_path: Path) -> Path:
    """Five faces, one of them deeper inside, a picture without a face, and a file that is no picture."""
    made = tmp_path / "pictures"
    (made / "more").mkdir(parents=True)
    for number, path in enumerate(sorted(own_faces.glob("*.png"))[:5]):
        shutil.copy(path, made / ("more" if number == 4 else "") / path.name)
    Image.fromarray(np.full((80, 80, 3), 90, np.uint8)).save(made / "wall.png")
    (made / "zz.jpg").write_bytes(b"no picture")
    return made


def opened(studio: Studio) -> LatentMap:
    studio.window.map_dock.show()
    chart = studio.window.map_dock.content
    assert chart is not None
    return chart


def count_searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    searched: list[int] = []

    def crops_in(pixels: np.ndarray, whole: bool) -> list:
        searched.append(1)
        return locating.crops_in(pixels, whole)

    monkeypatch.setattr(map_folder, "crops_in", crops_in)
    return searched


def test_a_folder_is_mapped_once(
    studio: Studio, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = count_searches(monkeypatch)
    monkeypatch.setattr("jmvae_studio.control.exploring.ask_folder", lambda *_: folder)
    chart = opened(studio)
    QTest.mouseClick(chart.folder_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(chart.points) == 5, timeout=60_000)
    assert len(searched) == 6  # the file that is no picture never came so far
    assert said(studio) == "2 pictures of pictures are not on the map."
    details = next(b for b in studio.window.messages.findChildren(QPushButton) if b.text() == "Details")
    QTest.mouseClick(details, Qt.MouseButton.LeftButton)
    listed = studio.window.messages.details_text.toPlainText().splitlines()
    assert listed[0] == "wall.png: no face was found"
    assert listed[1].startswith("zz.jpg: ")
    assert len(listed) == 2
    assert "5 codes. 2 pictures have no face on it." in chart.note.text()
    assert chart.source_box.currentText() == "The folder pictures"
    assert studio.settings.map_folder == str(folder)
    # The codes are those of the first faces, in the order of the names.
    engine = studio.renderer._engine
    assert engine is not None
    image = open_image(folder / "more" / "04.png").pixels
    code = engine.locate(extract(image, find_faces(image)[0].crop, 64)[None])
    assert studio.exploring.projection is not None
    expected = studio.exploring.projection.project(code)[0]
    assert chart.points[4] == pytest.approx(expected, abs=1e-4)
    # Colours are what the model reads.
    assert chart.colour_box.currentData() == "Smiling"
    assert not chart.read_box.isVisible()
    assert chart.values is not None
    assert chart.values[4] == pytest.approx(engine.read(code)[0, 31], abs=1e-4)
    # The file's name stands below the face under the mouse.
    pins = np.array([[item.x(), item.y()] for item in chart.view.pictures])
    far = int(np.linalg.norm(chart.points[:, None] - pins, axis=2).min(1).argmax())
    spot, place = NOTHING, QPoint()
    for _ in range(8):  # the view may still be taking its range
        place = chart.view.to_widget(*chart.points[far].tolist())
        QTest.mouseMove(chart.view.viewport(), place + QPoint(60, 40))
        qtbot.wait(50)
        QTest.mouseMove(chart.view.viewport(), place)
        qtbot.wait(300)
        spot = chart.view.spot_at(place.toPointF())
        if chart.card.isVisible() and spot.kind == "point":
            break
    assert spot.kind == "point"
    name = ["00.png", "01.png", "02.png", "03.png", "more/04.png"][spot.index]
    assert chart.card.caption.splitlines()[0] == name
    # Away and back again: nothing is looked at once more, only what has changed.
    chart.source_box.setCurrentIndex(chart.source_box.findData("photographs"))
    qtbot.waitUntil(lambda: len(chart.points) == len(chart.view.pictures) > 0, timeout=20_000)
    searched.clear()
    chart.source_box.setCurrentIndex(chart.source_box.findData("folder"))
    qtbot.waitUntil(lambda: len(chart.points) == 5, timeout=20_000)
    assert not searched
    os.utime(folder / "00.png", ns=(1, 1))
    (folder / "01.png").unlink()
    studio.exploring.map_folder(folder)
    qtbot.waitUntil(lambda: len(chart.points) == 4, timeout=20_000)
    assert len(searched) == 1


def test_a_damaged_cache_is_made_again(
    studio: Studio, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = opened(studio)
    studio.exploring.map_folder(folder)
    qtbot.waitUntil(lambda: len(chart.points) == 5, timeout=60_000)
    (kept,) = (studio._settings_file.cache).glob("*.npz")
    before = chart.points.copy()
    content = kept.read_bytes()
    for damaged in (content[: len(content) // 2], b"", content.replace(b"codes.npy", b"coats.npy")):
        kept.write_bytes(damaged)
        searched = count_searches(monkeypatch)
        chart.show_points(np.zeros((0, 2), np.float32))
        studio.exploring.map_folder(folder)
        qtbot.waitUntil(lambda: len(chart.points) == 5, timeout=60_000)
        assert chart.points == pytest.approx(before, abs=1e-5)
        assert len(searched) == 6
        assert len(load(kept, 128, 40)) == 6


def test_a_cancel_keeps_what_was_gathered(
    studio: Studio, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    pressed = threading.Event()

    def crops_in(pixels: np.ndarray, whole: bool) -> list:
        searched.append(1)
        if len(searched) == 3:
            assert pressed.wait(20)  # on the folder's thread
        return locating.crops_in(pixels, whole)

    monkeypatch.setattr(map_folder, "crops_in", crops_in)
    chart = opened(studio)
    studio.exploring.map_folder(folder)
    progress = studio.window.map_progress
    qtbot.waitUntil(lambda: len(searched) == 3 and progress.isVisible(), timeout=60_000)
    assert progress.label.text() == "Mapping 3 of 7"
    QTest.mouseClick(progress.cancel, Qt.MouseButton.LeftButton)
    pressed.set()
    qtbot.waitUntil(lambda: len(chart.points) == 3, timeout=60_000)
    assert "Not all pictures were looked at" in chart.note.text()
    assert not progress.isVisible()
    studio.exploring.map_folder(folder)
    qtbot.waitUntil(lambda: len(chart.points) == 5, timeout=60_000)
    assert len(searched) == 6  # none twice


def test_folders_that_cannot_be_mapped_are_told(studio: Studio, tmp_path: Path, qtbot: QtBot) -> None:
    chart = opened(studio)
    (tmp_path / "empty").mkdir()
    studio.exploring.map_folder(tmp_path / "empty")
    qtbot.waitUntil(lambda: "There are no pictures in" in chart.note.text(), timeout=20_000)
    assert not studio.window.map_progress.isVisible()
    studio.exploring.map_folder(tmp_path / "gone")
    qtbot.waitUntil(lambda: "gone" in chart.note.text(), timeout=20_000)
    assert chart.view.spot_at(QPoint(200, 200).toPointF()) == NOTHING
