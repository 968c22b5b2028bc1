"""The latent map as a picture, a drawing and a table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.ui.latent_map import LatentMap
from jmvae_studio.ui.point_cloud import MOST_DRAWN
from tests.conftest import NAMES
from tests.gui.conftest import said
from trainer.bank import Bank


@pytest.fixture
def bank(studio: Studio, checkpoint: Path) -> Bank:
    """Few codes, far apart on the plane of their first two axes."""
    assert studio.model is not None
    rng = np.random.default_rng(8)
    codes = rng.normal(0, 0.05, (12, 128)).astype(np.float32)
    codes[:, 3] += np.arange(12) % 4 * 6
    codes[:, 9] += np.arange(12) // 4 * 6
    made = Bank(
        codes.astype(np.float16).astype(np.float32),
        rng.choice(np.array([-1, 1], np.int8), (12, 40)),
        NAMES,
        studio.model.digest,
    )
    checkpoint.with_name("random-bank.npz").write_bytes(made.to_bytes())
    return made


@pytest.fixture
def chart(studio: Studio, bank: Bank, qtbot: QtBot) -> LatentMap:
    studio.window.map_dock.show()
    chart = studio.window.map_dock.content
    assert chart is not None
    qtbot.waitUntil(lambda: len(chart.points) == 12, timeout=20_000)
    qtbot.waitUntil(lambda: chart.view.marks is not None, timeout=20_000)
    qtbot.wait(400)  # the view takes its range, and the photographs their places
    return chart


def save_as(studio: Studio, chart: LatentMap, path: Path) -> None:
    QTest.mouseClick(chart.export_button, Qt.MouseButton.LeftButton)
    dialog = next(d for d in studio.window.findChildren(QFileDialog) if d.isVisible())
    dialog.fileSelected.emit(str(path))
    dialog.close()


def colours(chart: LatentMap, image: QImage, scale: int) -> list[tuple[int, int, int]]:
    """Of every point that no picture or mark covers, where it lies on an image of the view."""
    found = []
    for x, y in chart.points.tolist():
        place = chart.view.to_widget(x, y)
        if chart.view.spot_at(QPointF(place)).kind == "point":
            pixel = image.pixelColor(scale * place)
            found.append((pixel.red(), pixel.green(), pixel.blue()))
    return found


def expected(chart: LatentMap) -> list[tuple[int, int, int]]:
    found = []
    for number, (x, y) in enumerate(chart.points.tolist()):
        if chart.view.spot_at(QPointF(chart.view.to_widget(x, y))).kind == "point":
            colour = int(chart._colours()[number])
            found.append((colour >> 16 & 255, colour >> 8 & 255, colour & 255))
    return found


def test_a_picture_twice_as_fine(studio: Studio, chart: LatentMap, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "map.png"
    save_as(studio, chart, path)
    qtbot.waitUntil(path.exists, timeout=20_000)
    image = QImage(str(path))
    assert image.size() == 2 * chart.view.size()
    assert len(expected(chart)) > 6
    assert len(set(expected(chart))) == 2
    assert colours(chart, image, 2) == expected(chart)
    assert not list(tmp_path.glob(".*"))


def test_a_drawing_of_the_same(studio: Studio, chart: LatentMap, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "map.svg"
    save_as(studio, chart, path)
    qtbot.waitUntil(path.exists, timeout=20_000)
    text = path.read_text(encoding="utf-8")
    assert "PC 1 · " in text
    assert text.count("<circle") >= 12
    drawing = QSvgRenderer(str(path))
    assert drawing.viewBox().size() == chart.view.size()
    image = QImage(3 * chart.view.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white)
    painter = QPainter(image)
    drawing.render(painter)
    painter.end()
    assert colours(chart, image, 3) == expected(chart)


def test_a_drawing_of_very_many_points_has_them_as_a_picture(chart: LatentMap) -> None:
    points = np.random.default_rng(1).normal(size=(MOST_DRAWN + 1, 2)).astype(np.float32)
    chart.show_points(points)
    drawing = chart.view.drawing()
    assert drawing.count(b"<circle") < 20
    assert len(drawing) < 3_000_000


def test_a_table_of_places_and_attributes(
    studio: Studio, chart: LatentMap, bank: Bank, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "map.csv"
    save_as(studio, chart, path)
    qtbot.waitUntil(path.exists, timeout=20_000)
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert header[:3] == ["code", chart.across_box.currentText(), chart.up_box.currentText()]
    assert header[3:] == list(NAMES)
    assert [line[0] for line in lines] == [str(number) for number in range(1, 13)]
    numbers = np.array(lines, float)
    assert numbers[:, 1:3] == pytest.approx(chart.points, abs=1e-4)
    assert np.array_equal(numbers[:, 3:], bank.attributes)


def test_what_cannot_be_written_is_told(
    studio: Studio, chart: LatentMap, photograph: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    before = photograph.read_bytes()
    named = photograph.with_suffix(".png")
    photograph.rename(named)
    studio.session.photos[0].path = named
    save_as(studio, chart, named)
    qtbot.waitUntil(lambda: "is an original photograph" in said(studio), timeout=20_000)
    assert named.read_bytes() == before
    save_as(studio, chart, tmp_path / "map.bmp")
    qtbot.waitUntil(lambda: "a map is saved as .png, .svg or .csv" in said(studio), timeout=20_000)
    save_as(studio, chart, tmp_path / "nowhere" / "map.csv")
    qtbot.waitUntil(lambda: "does not exist" in said(studio), timeout=20_000)
    assert not (tmp_path / "nowhere").exists()
