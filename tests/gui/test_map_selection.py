"""A lasso on the latent map: which points it chooses, their attributes and their average face."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.explore.selection import inside
from jmvae_studio.ui.latent_map import LatentMap
from jmvae_studio.ui.selection_panel import FACE_SIDE
from tests.conftest import NAMES
from trainer.bank import Bank

LEFT, SHIFT, NONE = (
    Qt.MouseButton.LeftButton,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)


@pytest.fixture
def bank(studio: Studio, checkpoint: Path) -> Bank:
    """Codes in two heaps; those of the left one smile."""
    assert studio.model is not None
    rng = np.random.default_rng(5)
    codes = rng.normal(0, 0.3, (80, 128)).astype(np.float16).astype(np.float32)
    codes[:, 7] += np.where(np.arange(80) < 30, -8, 8)
    attributes = rng.choice(np.array([-1, 1], np.int8), (80, 40))
    attributes[:, NAMES.index("Smiling")] = np.where(np.arange(80) < 30, 1, -1)
    made = Bank(codes, attributes, NAMES, studio.model.digest)
    checkpoint.with_name("random-bank.npz").write_bytes(made.to_bytes())
    return made


@pytest.fixture
def chart(studio: Studio, bank: Bank, qtbot: QtBot) -> LatentMap:
    studio.window.map_dock.show()
    chart = studio.window.map_dock.content
    assert chart is not None
    qtbot.waitUntil(lambda: len(chart.points) == 80, timeout=20_000)
    qtbot.wait(300)  # the view takes its range
    return chart


def lasso(chart: LatentMap, corners: np.ndarray, modifier: Qt.KeyboardModifier) -> None:
    """Draw around the corners, in coordinates of the plane, as a hand does."""
    viewport = chart.view.viewport()
    places = [chart.view.to_widget(*corner) for corner in corners.tolist()]
    QTest.mousePress(viewport, LEFT, modifier, places[0])
    for start, end in itertools.pairwise(places):
        for step in range(1, 7):
            QTest.mouseMove(viewport, start + (end - start) * (step / 6))
            QApplication.processEvents()
    QTest.mouseRelease(viewport, LEFT, modifier, places[-1])


def around(points: np.ndarray) -> np.ndarray:
    (left, bottom), (right, top) = points.min(0) - 0.2, points.max(0) + 0.2
    return np.array([[left, bottom], [right, bottom], [right, top], [left, top]])


def test_shift_and_a_drag_choose_points(studio: Studio, chart: LatentMap, bank: Bank, qtbot: QtBot) -> None:
    lasso(chart, around(chart.points[:30]), SHIFT)
    panel = chart.selection
    assert panel.isVisible()
    assert panel.count.text().startswith("30 of 80")
    assert panel.bars.shares[0] == ("Smiling", 1.0, 0.0)
    shares = {name: (chosen, others) for name, chosen, others in panel.bars.shares}
    male = bank.attributes[:, NAMES.index("Male")] > 0
    assert shares["Male"] == pytest.approx((male[:30].mean(), male[30:].mean()), abs=1e-6)
    differences = [abs(chosen - others) for _, chosen, others in panel.bars.shares]
    assert differences == sorted(differences, reverse=True)
    assert panel.bars.bar(0, False).width() == panel.bars.width() - 4
    assert panel.bars.bar(0, True).width() == 0
    assert not studio.session.face.edit.values  # type: ignore[union-attr]
    # The face at the mean of the chosen codes.
    qtbot.waitUntil(lambda: not panel.face.pixmap().isNull(), timeout=20_000)
    engine = studio.renderer._engine
    assert engine is not None
    expected = engine.decode(bank.codes[:30].mean(0)).pixels.astype(float).mean((0, 1))
    shown = panel.face.pixmap().toImage()
    assert shown.width() == FACE_SIDE
    colours = [shown.pixelColor(x, y) for x in range(0, FACE_SIDE, 4) for y in range(0, FACE_SIDE, 4)]
    seen = np.mean([(c.red(), c.green(), c.blue()) for c in colours], 0)
    assert seen == pytest.approx(expected, abs=4)
    # Other axes keep the choice; the button ends it.
    chart.up_box.setCurrentIndex(2)
    assert panel.isVisible()
    QTest.mouseClick(panel.close_button, LEFT)
    assert not panel.isVisible()


def test_the_tool_chooses_without_keys_and_fades_the_others(chart: LatentMap, qtbot: QtBot) -> None:
    def colour(index: int) -> int:
        return int(chart._colours()[index])

    plain = colour(79)
    QTest.mouseClick(chart.lasso_button, LEFT)
    lasso(chart, around(chart.points[:30]), NONE)
    assert chart.selection.count.text().startswith("30 of 80")
    assert colour(79) != plain
    assert colour(0) == 0xFFE0663A
    lasso(chart, around(chart.points[30:]), NONE)
    assert chart.selection.count.text().startswith("50 of 80")
    assert colour(79) == plain
    # A line around nothing chooses nothing; without the tool a drag moves the plane again.
    middle = np.array([[-0.3, -0.1], [0.3, -0.1], [0.3, 0.1], [-0.3, 0.1]])
    assert not inside(chart.points, middle.astype(np.float32)).any()
    lasso(chart, middle, NONE)
    assert not chart.selection.isVisible()
    QTest.mouseClick(chart.lasso_button, LEFT)
    place = chart.view.to_widget(0, 0)
    lasso(chart, np.array([[0, 0], [2, 0], [4, 0]]), NONE)
    assert chart.view.to_widget(0, 0) != place


def test_the_shares_follow_what_the_map_shows(chart: LatentMap, qtbot: QtBot) -> None:
    lasso(chart, around(chart.points[:30]), SHIFT)
    given = chart.selection.bars.shares
    assert given[0] == ("Smiling", 1.0, 0.0)
    chart.read_box.setFocus()
    QTest.keyClick(chart.read_box, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: chart.selection.bars.shares not in (given, ()), timeout=20_000)
    read = chart.selection.bars.shares
    lasso(chart, around(chart.points[:30]), SHIFT)
    assert chart.selection.bars.shares == read
