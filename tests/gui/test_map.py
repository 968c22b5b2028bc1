"""The latent map under the mouse, and at work in the whole studio."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.explore.projection import fit
from jmvae_studio.ui.latent_map import LatentMap
from jmvae_studio.ui.map_marks import EDIT_END, NOTHING, Marks, Spot
from jmvae_studio.ui.map_pictures import FEW, SMALL, MapPicture
from jmvae_studio.ui.point_cloud import draw
from tests.conftest import NAMES
from tests.gui.conftest import double_click, drag, settle
from trainer.bank import Bank
from trainer.data.face_crop import extract
from trainer.data.face_detection import find_faces
from trainer.data.images import open_image

POINTS = np.array([[-3, -2], [3, -2], [0, 2], [-3, 2]], np.float32)


@pytest.fixture
def chart(qtbot: QtBot) -> LatentMap:
    widget = LatentMap()
    qtbot.addWidget(widget)
    widget.resize(500, 400)
    widget.show()
    qtbot.waitExposed(widget)
    widget.set_attributes([("Smiling", "Smiling"), ("Male", "Male")], "Smiling")
    widget.set_axes([0.5, 0.25, 0.125], own=False, chosen=(0, 1))
    widget.show_points(POINTS)
    QApplication.processEvents()
    return widget


def place(chart: LatentMap, index: int) -> QPoint:
    return chart.view.to_widget(*POINTS[index].tolist())


def colour(chart: LatentMap, index: int) -> tuple[int, int, int]:
    pixel = chart.view.grab().toImage().pixelColor(place(chart, index))
    return pixel.red(), pixel.green(), pixel.blue()


def test_a_dot_is_drawn_where_its_point_lies() -> None:
    picture = draw(
        np.array([[2, 3], [50, 50]], np.float32),
        np.array([0xFF112233, 0xFFFFFFFF], np.uint32),
        (4, -4),
        (1, 32),
        (40, 40),
    )
    assert picture.pixelColor(9, 20).name() == "#112233"  # 4 · 2 + 1, -4 · 3 + 32
    drawn = [(x, y) for x in range(40) for y in range(40) if picture.pixelColor(x, y).alpha()]
    assert np.mean(drawn, 0) == pytest.approx([9, 20], abs=0.51)
    assert 9 <= len(drawn) <= 25


def test_points_take_the_colour_of_their_value(chart: LatentMap) -> None:
    plain = colour(chart, 0)
    assert plain == colour(chart, 1)
    chart.show_values(np.array([1, -1, 0, 1], np.float32))
    assert colour(chart, 0) == (224, 102, 58)
    assert colour(chart, 1) == plain
    middle = colour(chart, 2)
    assert all(min(a, b) <= c <= max(a, b) for a, b, c in zip(plain, (224, 102, 58), middle, strict=True))


def test_hover_click_and_walk_name_the_point(chart: LatentMap) -> None:
    seen: list[Spot] = []
    clicked: list[Spot] = []
    walked: list[tuple[Spot, QPointF, bool]] = []
    chart.hovered.connect(lambda spot, where: seen.append(spot))
    chart.clicked.connect(lambda spot, where: clicked.append(spot))
    chart.walked.connect(lambda *given: walked.append(given))
    viewport = chart.view.viewport()
    QTest.mouseMove(viewport, place(chart, 2) + QPoint(3, -2))
    assert seen[-1] == Spot("point", 2)
    QTest.mouseMove(viewport, place(chart, 2) + QPoint(40, 40))
    assert seen[-1] == NOTHING
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=place(chart, 1))
    assert clicked == [Spot("point", 1)]
    assert not walked
    goal = place(chart, 0) + QPoint(60, -30)
    drag(viewport, place(chart, 0), place(chart, 0) + QPoint(20, -10), goal)
    spot, end, let_go = walked[-1]
    assert (spot, let_go) == (Spot("point", 0), True)
    expected = chart.view.to_plane(QPointF(goal))
    assert (end.x(), end.y()) == pytest.approx((expected.x(), expected.y()), abs=1e-6)
    assert not any(given[2] for given in walked[:-1])
    assert clicked == [Spot("point", 1)]


def test_dragging_the_ground_pans_and_a_double_click_brings_all_back(chart: LatentMap) -> None:
    viewport, ground = chart.view.viewport(), chart.view.to_widget(1.5, 0.5)
    before = chart.view.to_plane(QPointF(ground))
    drag(viewport, ground, *[ground + QPoint(step, 0) for step in range(8, 49, 8)])
    after = chart.view.to_plane(QPointF(ground + QPoint(48, 0)))
    assert after.x() == pytest.approx(before.x(), abs=0.3)
    moved = chart.view.to_widget(0, 2)
    double_click(viewport, chart.view.to_widget(1.5, 0.5))
    assert chart.view.to_widget(0, 2).x() < moved.x() - 20


def test_the_edits_end_comes_before_the_points_under_it(chart: LatentMap) -> None:
    outline = np.array([[0, 0], [1, 0], [1, 1], [0, 0]], np.float32)
    chart.show_marks(Marks(outline, outline, (-1, -1), (0, 2)))
    assert chart.view.spot_at(QPointF(place(chart, 2))) == EDIT_END
    chart.show_marks(None)
    assert chart.view.spot_at(QPointF(place(chart, 2))) == Spot("point", 2)


def test_pictures_keep_their_size_and_are_clicked_before_points(chart: LatentMap) -> None:
    image = QImage(40, 40, QImage.Format.Format_RGB32)
    image.fill(QColor("#12ab34"))
    chart.show_points(np.concatenate([POINTS, [[1, 0]]]).astype(np.float32))
    chart.show_pictures([MapPicture((1, 0), image), MapPicture((-1, 0), image, pinned=False)])
    clicked: list[Spot] = []
    chart.clicked.connect(lambda spot, where: clicked.append(spot))
    for factor in (1.0, 0.7):
        chart.view.getPlotItem().getViewBox().scaleBy((factor, factor))
        QApplication.processEvents()
        pinned, lying = chart.view.to_widget(1, 0) - QPoint(0, 20), chart.view.to_widget(-1, 0)
        shown = chart.view.grab().toImage()
        assert shown.pixelColor(pinned).name() == shown.pixelColor(lying).name() == "#12ab34"
        edge = next(x for x in range(60) if shown.pixelColor(lying + QPoint(x, 0)).name() != "#12ab34")
        assert 16 <= edge <= 18  # half of 34 pixels, however far it is zoomed
        QTest.mouseClick(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=pinned)
        QTest.mouseClick(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=lying)
    assert clicked == [Spot("picture", 0), Spot("picture", 1)] * 2
    chart.show_pictures([])
    QTest.mouseClick(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=chart.view.to_widget(1, 0))
    assert clicked[-1] == Spot("point", 4)


def test_only_pictures_that_look_otherwise_are_drawn_again(chart: LatentMap) -> None:
    images = [QImage(40, 40, QImage.Format.Format_RGB32) for _ in range(3)]
    for image in images:
        image.fill(QColor("#12ab34"))
    chart.show_pictures([MapPicture((0, 0), image) for image in images])
    before = chart.view.pictures
    changed = [MapPicture((1, -1), images[0]), MapPicture((0, 0), images[1], chosen=True)]
    chart.show_pictures(changed)
    after = chart.view.pictures
    assert after[0] is before[0]
    assert (after[0].x(), after[0].y()) == (1, -1)
    assert after[1] is not before[1]
    assert after[1].zValue() > after[0].zValue()
    assert before[2].scene() is None
    assert len(after) == 2
    chart.show_pictures([*changed, *(MapPicture((0, 0), images[2]) for _ in range(FEW))])
    assert {item.pixmap().width() for item in chart.view.pictures} == {SMALL + 4}  # many are small


def test_axes_say_what_they_explain(chart: LatentMap) -> None:
    chosen: list[tuple[int, int]] = []
    chart.axes_chosen.connect(lambda *axes: chosen.append(axes))
    assert chart.across_box.currentText() == "PC 1 · 50.0%"
    chart.up_box.setCurrentIndex(2)
    assert chosen == [(0, 2)]
    assert chart.view.getPlotItem().getAxis("left").labelText == "PC 3 · 12.5%"


def test_the_map_in_the_studio(studio: Studio, checkpoint: Path, qtbot: QtBot) -> None:
    rng = np.random.default_rng(3)
    assert studio.model is not None
    bank = Bank(
        rng.normal(size=(60, 128)).astype(np.float16).astype(np.float32),
        rng.choice(np.array([-1, 1], np.int8), (60, 40)),
        NAMES,
        studio.model.digest,
    )
    path = checkpoint.with_name("random-bank.npz")
    path.write_bytes(bank.to_bytes())
    QTest.keyClick(studio.window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: studio.exploring.projection is not None, timeout=20_000)
    chart = studio.window.map_dock.content
    assert chart is not None
    expected = fit(bank.codes)
    assert expected is not None
    points = expected.project(bank.codes)
    assert chart.points == pytest.approx(points, abs=1e-5)
    assert chart.across_box.currentText() == f"PC 1 · {expected.shares[0]:.1%}"
    assert chart.colour_box.currentData() == "Smiling"
    # The photograph's own place: no edit, so the path ends where it began.
    qtbot.waitUntil(lambda: chart.view.marks is not None, timeout=20_000)
    marks = chart.view.marks
    assert marks is not None
    assert marks.end == pytest.approx(marks.start, abs=1e-3)
    studio.session.change(lambda edit: edit.with_value("Smiling", 3))
    qtbot.waitUntil(lambda: chart.view.marks is not marks, timeout=20_000)
    assert chart.view.marks is not None
    assert chart.view.marks.start == pytest.approx(marks.start, abs=1e-4)
    assert np.hypot(*np.subtract(chart.view.marks.end, marks.end)) > 0.01
    # The face under the mouse is the one that the model decodes there; a click takes its attributes.
    far = int(np.abs(points - np.array(chart.view.marks.end)).sum(1).argmax())

    QTest.mouseRelease(chart.view.viewport(), Qt.MouseButton.LeftButton)  # whatever was held before
    for _ in range(8):  # the view may still be taking its range: come from beside it again, as a hand does
        place = chart.view.to_widget(*points[far].tolist())
        QTest.mouseMove(chart.view.viewport(), place + QPoint(40, 40))
        qtbot.wait(50)
        QTest.mouseMove(chart.view.viewport(), place)
        qtbot.wait(800)
        if chart.card.isVisible():
            break
    assert chart.card.isVisible()
    where = chart.view.to_widget(*points[far].tolist())
    assert chart.card.picture.pixmap().width() > 50
    face = studio.session.face
    assert face is not None
    QTest.mouseClick(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: len(face.edit.values) == 40, timeout=20_000)
    engine = studio.renderer._engine
    assert engine is not None
    index = chart.view.spot_at(QPointF(where)).index
    read = np.clip(engine.decode(bank.codes[index]).attributes, -3, 3)
    assert [dict(face.edit.values)[name] for name in NAMES] == pytest.approx(read, abs=1e-5)
    settle(studio, qtbot)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dict(face.edit.values) == {"Smiling": 3}


def test_open_photographs_stand_on_the_map_and_are_gone_to(
    studio: Studio, own_faces: Path, qtbot: QtBot
) -> None:
    studio.window.map_dock.show()
    studio.photographs.open_paths(sorted(own_faces.glob("*.png"))[:3])
    qtbot.waitUntil(lambda: len(studio.session.photos) == 4, timeout=20_000)
    chart = studio.window.map_dock.content
    assert chart is not None
    chart.source_box.setCurrentIndex(chart.source_box.findData("photographs"))
    others = len(studio.session.photos[0].faces)
    qtbot.waitUntil(lambda: len(chart.points) == len(chart.view.pictures) == others + 3, timeout=30_000)
    engine = studio.renderer._engine
    assert engine is not None
    photo = studio.session.photos[3]
    faces = find_faces(open_image(photo.path).pixels)
    code = engine.locate(extract(open_image(photo.path).pixels, faces[0].crop, 64)[None])
    assert studio.exploring.projection is not None
    expected = studio.exploring.projection.project(code)[0].tolist()
    item = chart.view.pictures[-1]
    assert (item.x(), item.y()) == pytest.approx(expected, abs=1e-3)
    settle(studio, qtbot)
    assert studio.session.photo is not photo
    pin = chart.view.to_widget(*expected) - QPoint(0, 20)
    assert chart.view.spot_at(QPointF(pin)) == Spot("picture", others + 2)
    QTest.mouseClick(chart.view.viewport(), Qt.MouseButton.LeftButton, pos=pin)
    qtbot.waitUntil(lambda: studio.session.photo is photo, timeout=20_000)
    face = studio.session.face
    assert face is not None
    assert not face.edit.values
    qtbot.waitUntil(
        lambda: chart.view.pictures[-1].zValue() > chart.view.pictures[0].zValue(), timeout=20_000
    )
    studio.session.remove(photo)
    qtbot.waitUntil(lambda: len(chart.points) == others + 2, timeout=20_000)
    assert studio.settings.map_source == "photographs"


def test_the_map_fills_the_screen_and_comes_back(studio: Studio, qtbot: QtBot) -> None:
    dock = studio.window.map_dock
    dock.show()
    chart = dock.content
    assert chart is not None
    before = chart.view.width()
    QTest.mouseClick(chart.full_button, Qt.MouseButton.LeftButton)
    assert dock.isFloating()
    assert dock.geometry() == studio.window.screen().availableGeometry()
    assert chart.view.width() > before
    QTest.mouseClick(chart.full_button, Qt.MouseButton.LeftButton)
    assert not dock.isFloating()
    dock.setFloating(True)  # by its own button
    assert chart.full_button.isChecked()
    dock.setFloating(False)
    assert not chart.full_button.isChecked()
