"""Samples of q(z|w) on the latent map, in groups with their average faces: changed attributes, and labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.explore.groups import IN_EACH
from jmvae_studio.explore.projection import fit
from jmvae_studio.ui.latent_map import LatentMap
from jmvae_studio.ui.map_marks import GROUPED
from jmvae_studio.ui.map_pictures import GROUP_COLOURS, PictureItem
from tests.conftest import NAMES
from tests.gui.conftest import settle
from tests.gui.test_digits import digit, digits  # noqa: F401 (fixtures)


def opened(studio: Studio) -> LatentMap:
    studio.window.map_dock.show()
    chart = studio.window.map_dock.content
    assert chart is not None
    return chart


def averages(chart: LatentMap) -> list[PictureItem]:
    """Those without a tip."""
    return [item for item in chart.view.pictures if item.offset().y() > -item.pixmap().height()]


def legend(chart: LatentMap) -> list[str]:
    return [label.text for _, label in chart.view._legend.items]


def test_base_and_changed_attributes(studio: Studio, qtbot: QtBot) -> None:
    studio.settings.map_groups = ["Male", "Smiling", "Bald"]
    chart = opened(studio)
    chart.source_box.setCurrentIndex(chart.source_box.findData("groups"))
    qtbot.waitUntil(lambda: len(chart.points) == 4 * IN_EACH, timeout=30_000)
    face, engine = studio.session.face, studio.renderer._engine
    assert face is not None
    assert engine is not None
    base = tuple(face.inferred[name] for name in NAMES)
    columns, names = [base], ["Base"]
    for name, shown in (("Male", "male"), ("Smiling", "smiling"), ("Bald", "bald")):
        at = NAMES.index(name)
        columns.append((*base[:at], -1.0 if base[at] > 0 else 1.0, *base[at + 1 :]))
        names.append(f"not {shown}" if base[at] > 0 else shown.capitalize())
    assert legend(chart) == names
    means, variances = engine.posteriors(columns)
    plane = fit(means)
    assert plane is not None
    places = plane.project(means)
    items = averages(chart)
    assert [(item.x(), item.y()) for item in items] == [pytest.approx(place, abs=1e-3) for place in places]
    # The middle of each picture shows the average face, in a frame of the group's colour.
    for number, (item, mean) in enumerate(zip(items, means, strict=True)):
        picture = item.pixmap().toImage()
        assert picture.pixelColor(0, 5) == GROUP_COLOURS[number]
        expected = engine.decode(mean).pixels[24:40, 24:40].astype(float).mean((0, 1))
        seen = [picture.pixelColor(x, y) for x in range(17, 27) for y in range(17, 27)]
        assert np.mean([(c.red(), c.green(), c.blue()) for c in seen], 0) == pytest.approx(expected, abs=6)
    # Samples lie around their group's average as q(z|w) says, in the group's colour.
    member = chart._member
    assert member is not None
    for number in range(4):
        own = chart.points[member == number]
        assert own.mean(0) == pytest.approx(places[number], abs=0.25)
        deviation = np.sqrt((plane.axes[:2] ** 2) @ variances[number])
        assert own.std(0) == pytest.approx(deviation, rel=0.2)
        assert {int(c) for c in chart._colours()[member == number]} == {GROUP_COLOURS[number].rgb()}
    # A group goes and comes with its attribute.
    entries = [action for menu in chart.groups.menu().actions() for action in menu.menu().actions()]
    bald = next(action for action in entries if action.text() == "Bald")
    assert bald.isChecked()
    bald.trigger()
    qtbot.waitUntil(lambda: len(chart.points) == 3 * IN_EACH, timeout=30_000)
    assert legend(chart) == names[:3]
    assert studio.settings.map_groups == ["Male", "Smiling"]
    # Colours of attributes in place of the groups', and no legend.
    assert chart.colour_box.currentData() == GROUPED
    chart.colour_box.setCurrentIndex(chart.colour_box.findData("Male"))
    assert legend(chart) == []
    assert chart.values is not None


def test_an_average_face_can_be_taken(studio: Studio, qtbot: QtBot) -> None:
    studio.settings.map_source, studio.settings.map_groups = "groups", ["Male"]
    chart = opened(studio)
    qtbot.waitUntil(lambda: len(chart.points) == 2 * IN_EACH, timeout=30_000)
    settle(studio, qtbot)
    qtbot.waitUntil(lambda: chart.view.marks is not None, timeout=20_000)
    face, engine = studio.session.face, studio.renderer._engine
    assert face is not None
    assert engine is not None
    mean = studio.exploring._groups()[1].code
    item = averages(chart)[1]
    for _ in range(8):  # the view may still be taking its range
        QTest.mouseClick(
            chart.view.viewport(),
            Qt.MouseButton.LeftButton,
            pos=chart.view.to_widget(item.x(), item.y()) + QPoint(12, 12),
        )
        qtbot.wait(400)
        if face.edit.values:
            break
    read = np.clip(engine.decode(mean).attributes, -3, 3)
    assert [dict(face.edit.values)[name] for name in NAMES] == pytest.approx(read, abs=1e-4)


def test_digits_are_mapped_by_label(
    start_studio: Callable[[Path, Path], Studio],
    digits: Path,  # noqa: F811
    digit: Path,  # noqa: F811
    qtbot: QtBot,
) -> None:
    studio = start_studio(digits, digit)
    chart = opened(studio)
    qtbot.waitUntil(lambda: len(chart.points) == 10 * IN_EACH, timeout=30_000)
    assert chart.source_box.currentText() == "Samples of every label"
    assert chart.colour_box.currentText() == "label"
    assert legend(chart) == list("0123456789")
    assert not chart.groups.isVisible()
    engine = studio.renderer._engine
    assert engine is not None
    means, _ = engine.posteriors([tuple(float(n == k) for n in range(10)) for k in range(10)])
    plane = fit(means)
    assert plane is not None
    items = averages(chart)
    places = plane.project(means)
    assert [(item.x(), item.y()) for item in items] == [pytest.approx(place, abs=1e-3) for place in places]
    # The picture that is edited is on the map too, and colours by a label run from absent to present.
    qtbot.waitUntil(lambda: len(chart.view.pictures) == 11, timeout=20_000)
    chart.colour_box.setCurrentIndex(chart.colour_box.findData("7"))
    collection = studio.exploring._chart.collection
    assert collection is not None
    assert chart.values == pytest.approx(
        2 * np.array([engine.decode(c).attributes[7] for c in collection.codes]) - 1
    )


def test_another_photograph_brings_other_groups_without_a_gap(
    studio: Studio, own_faces: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.settings.map_source, studio.settings.map_groups = "groups", ["Male"]
    chart = opened(studio)
    qtbot.waitUntil(lambda: len(chart.points) == 2 * IN_EACH, timeout=30_000)
    heard: list[str] = []
    counts: list[int] = []
    monkeypatch.setattr(chart, "say", heard.append)
    show = chart.show_points
    monkeypatch.setattr(chart, "show_points", lambda *given: (counts.append(len(given[0])), show(*given)))
    before = chart.points
    studio.session.faces_changed.connect(studio.exploring._catch_up)  # as where reading a face takes longer
    studio.open_path(own_faces / "03.png")
    qtbot.waitUntil(lambda: chart.points is not before, timeout=30_000)
    settle(studio, qtbot)
    qtbot.wait(500)
    assert set(counts) == {2 * IN_EACH}
    assert not any("Open a photograph" in text for text in heard)
