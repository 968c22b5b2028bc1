"""The way from all of a photograph to nothing but its attributes, in the dock of faces."""

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
from tests.gui.conftest import double_click, drag, drag_slider, pixels
from tests.gui.test_digits import save
from tests.gui.test_imagining import opened

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def show(panel: FacesPanel, view: str, qtbot: QtBot) -> None:
    """Choose what the dock shows, by the keys of the box."""
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_Home)
    while panel.view.currentData() != view:
        QTest.keyClick(panel.view, Qt.Key.Key_Down)


def fading(studio: Studio, qtbot: QtBot) -> FacesPanel:
    panel = opened(studio, qtbot)
    show(panel, "evidence", qtbot)
    qtbot.waitUntil(lambda: panel.grid.shape == (1, 7), timeout=10_000)
    return panel


def face(panel: FacesPanel, column: int) -> np.ndarray:
    return pixels(panel.grid.face(0, column))


def move_evidence(panel: FacesPanel, *values: float) -> None:
    groove = panel.evidence.groove
    stops = [QPoint(round(groove.position(round(100 * v))), groove.height() // 2) for v in (1.0, *values)]
    drag(groove, stops[0], *stops)


def test_the_slider_walks_from_the_face_to_its_average(studio: Studio, qtbot: QtBot) -> None:
    panel = fading(studio, qtbot)
    assert panel.grid.columns == ["Here: 100%", "100%", "80%", "60%", "40%", "20%", "0%"]
    assert panel.evidence.isVisible()
    assert not panel.spread.isVisible()
    assert not panel.columns.isVisible()
    request = studio.showing.preview_request()
    assert request is not None
    ends: list[np.ndarray] = []
    studio.renderer.with_code(request, lambda code: code.engine.reconstruct(code), ends.append)  # type: ignore[arg-type]
    studio.renderer.with_engine(lambda engine: engine.generate(request.asked.attributes), ends.append)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: len(ends) == 2)
    for column, end in ((0, ends[0]), (1, ends[0]), (6, ends[1])):
        assert np.abs(face(panel, column).astype(int) - end).mean() < 0.02
    assert np.abs(ends[0].astype(int) - ends[1]).mean() > 0.1
    move_evidence(panel, 0.7, 0.42)
    assert panel.grid.columns[0] == "Here: 40%"
    assert np.array_equal(face(panel, 0), face(panel, 4))
    assert "At 40 % the model reads" in panel.note
    double_click(panel.evidence.groove, panel.evidence.groove.rect().center())
    assert panel.grid.columns[0] == "Here: 100%"


def test_the_drag_asks_the_model_nothing_and_a_click_takes_the_face(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = fading(studio, qtbot)
    asked: list[int] = []
    fade = Engine.fade
    monkeypatch.setattr(Engine, "fade", lambda *given: asked.append(1) or fade(*given))
    move_evidence(panel, 0.8, 0.5, 0.3, 0.1, 0.0)
    qtbot.wait(300)
    assert not asked
    state = studio.session.face
    assert state is not None
    QTest.mouseClick(panel.grid, LEFT, NONE, panel.grid.cell(0, 6).center())
    qtbot.waitUntil(lambda: bool(state.edit.values), timeout=10_000)
    taken = dict(state.edit.values)
    assert len(taken) == 40
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not state.edit.values
    drag_slider(studio, "Smiling", 0.9)
    qtbot.waitUntil(lambda: bool(asked), timeout=10_000)  # the way of the edited face


def test_what_nobody_sees_is_not_worked_out(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    fade = Engine.fade
    monkeypatch.setattr(Engine, "fade", lambda *given: asked.append(1) or fade(*given))
    panel = fading(studio, qtbot)
    show(panel, "attributes", qtbot)
    qtbot.waitUntil(lambda: panel.grid.shape == (4, 6), timeout=10_000)
    assert not panel.evidence.isVisible()
    assert panel.spread.isVisible()
    asked.clear()
    drag_slider(studio, "Smiling", 0.9)
    qtbot.wait(600)
    assert not asked


def test_a_digit_fades_to_the_average_of_its_label(
    start_studio: Callable[[Path, Path], Studio], qtbot: QtBot, tmp_path: Path
) -> None:
    digit = tmp_path / "digit.png"
    Image.fromarray(np.pad(np.full((4, 20), 240, np.uint8), ((10, 10), (2, 2)))).save(digit)
    studio = start_studio(save(tmp_path / "digits.safetensors", "jmvae-kl"), digit)
    panel = fading(studio, qtbot)
    assert not np.array_equal(face(panel, 1), face(panel, 6))
