"""Iterative sampling, pass by pass, in the dock of faces."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.inference.engine import Engine
from jmvae_studio.ui.faces_panel import FacesPanel
from tests.gui.conftest import drag, drag_slider, pixels
from tests.gui.test_digits import save
from tests.gui.test_evidence import show
from tests.gui.test_imagining import opened

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def digit(tmp_path: Path) -> Path:
    path = tmp_path / "digit.png"
    Image.fromarray(np.pad(np.full((4, 20), 240, np.uint8), ((10, 10), (2, 2)))).save(path)
    return path


@pytest.fixture(params=["jmvae", "jmvae-h"])
def panel(
    request: pytest.FixtureRequest,
    start_studio: Callable[[Path, Path], Studio],
    tmp_path: Path,
    digit: Path,
    qtbot: QtBot,
) -> tuple[Studio, FacesPanel]:
    studio = start_studio(save(tmp_path / "digits.safetensors", request.param), digit)
    panel = opened(studio, qtbot)
    show(panel, "passes", qtbot)
    qtbot.waitUntil(lambda: panel.grid.shape == (1, 1), timeout=10_000)
    return studio, panel


def likelihoods(panel: FacesPanel) -> list[float]:
    assert panel.curve is not None
    return list(panel.curve.curve.getData()[1])


def shown(panel: FacesPanel) -> np.ndarray:
    return pixels(panel.grid.face(0, 0))


def test_the_slider_walks_through_the_passes(
    panel: tuple[Studio, FacesPanel], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio, dock = panel
    assert dock.passes.isVisible()
    assert not dock.spread.isVisible()
    assert dock.grid.columns == ["After 10 passes"]
    assert len(likelihoods(dock)) == 11
    assert len(set(likelihoods(dock))) == 11
    asked: list[int] = []
    complete = Engine.complete
    monkeypatch.setattr(Engine, "complete", lambda *given: asked.append(1) or complete(*given))
    last, groove = shown(dock), dock.passes.groove
    stops = [QPoint(round(groove.position(100 * n)), groove.height() // 2) for n in (10, 7, 4, 1)]
    drag(groove, stops[0], *stops)
    assert dock.grid.columns == ["After 1 pass"]
    assert dock.curve is not None
    assert dock.curve.line.value() == 1
    assert not np.array_equal(shown(dock), last)
    QTest.keyClick(groove, Qt.Key.Key_Right)
    assert dock.grid.columns == ["After 2 passes"]
    assert not asked  # every pass was there
    before = likelihoods(dock)
    QTest.mouseClick(dock.draw, LEFT)
    qtbot.waitUntil(lambda: likelihoods(dock) != before, timeout=10_000)
    before = likelihoods(dock)
    drag_slider(studio, "7", 0.95)
    qtbot.waitUntil(lambda: likelihoods(dock) != before, timeout=10_000)


def test_a_click_takes_the_completed_picture_and_the_curve_goes_with_the_view(
    panel: tuple[Studio, FacesPanel], qtbot: QtBot
) -> None:
    studio, dock = panel
    state = studio.session.face
    assert state is not None
    QTest.mouseClick(dock.grid, LEFT, NONE, dock.grid.cell(0, 0).center())
    qtbot.waitUntil(lambda: bool(state.edit.values), timeout=10_000)
    show(dock, "attributes", qtbot)
    qtbot.waitUntil(lambda: dock.grid.shape == (4, 11), timeout=10_000)
    assert dock.curve is not None
    assert not dock.curve.isVisible()
    assert not dock.passes.isVisible()


def test_a_model_that_needs_no_passes_offers_none(
    start_studio: Callable[[Path, Path], Studio], tmp_path: Path, digit: Path, qtbot: QtBot
) -> None:
    studio = start_studio(save(tmp_path / "kl.safetensors", "jmvae-kl"), digit)
    dock = opened(studio, qtbot)
    assert [dock.view.itemData(n) for n in range(dock.view.count())] == ["attributes", "person", "evidence"]
    assert dock.curve is None
    studio.load_model(save(tmp_path / "digits.safetensors", "jmvae"))
    qtbot.waitUntil(lambda: dock.view.findData("passes") >= 0, timeout=20_000)
    show(dock, "passes", qtbot)
    qtbot.waitUntil(lambda: dock.grid.shape == (1, 1), timeout=10_000)
    studio.load_model(tmp_path / "kl.safetensors")
    qtbot.waitUntil(lambda: dock.view.findData("passes") < 0, timeout=20_000)
    qtbot.waitUntil(lambda: dock.grid.shape == (4, 11), timeout=10_000)
    assert not dock.passes.isVisible()
