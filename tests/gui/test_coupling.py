"""What would move with an attribute, before it is touched."""

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.inference.results import Asked
from jmvae_studio.ui.groove import STEPS
from tests.gui.conftest import drag_slider, settle

NOTABLE = 0.03
"""The test's model couples its attributes weakly."""


@pytest.fixture(autouse=True)
def weak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jmvae_studio.control.coupling.NOTABLE", NOTABLE)


def rest_on(studio: Studio, name: str) -> None:
    """Move the mouse onto an attribute's row, from outside."""
    slider = studio.window.panel.sliders[name]
    QTest.mouseMove(studio.window, QPoint(5, 5))
    QApplication.processEvents()
    QTest.mouseMove(slider.label, slider.label.rect().center())


def rings(studio: Studio) -> dict[str, int]:
    sliders = studio.window.panel.sliders
    return {name: s.groove.coupled for name, s in sliders.items() if s.groove.coupled is not None}


def test_resting_on_an_attribute_shows_what_the_model_would_move(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    request = studio.showing.preview_request()
    assert request is not None
    assert studio.model is not None
    names = studio.model.attribute_names
    at = names.index("Male")
    expected: list[dict[str, float]] = []

    def work(code: object) -> dict[str, float]:
        step = -1.0 if request.asked.attributes[at] > 0 else 1.0
        asked = list(request.asked.attributes)
        asked[at] += step
        others = tuple(index for index in range(len(names)) if index != at)
        before, after = (
            code.engine.follow(code, Asked(values, free=others)).attributes  # type: ignore[attr-defined]
            for values in (request.asked.attributes, tuple(asked))
        )
        return {n: b - a for n, a, b in zip(names, before, after, strict=True)}

    studio.renderer.with_code(request, work, expected.append)  # type: ignore[arg-type]
    qtbot.waitUntil(lambda: bool(expected), timeout=10_000)
    moved = {n: round(m * STEPS) for n, m in expected[0].items() if abs(m) >= NOTABLE and n != "Male"}
    assert moved
    rest_on(studio, "Male")
    qtbot.waitUntil(lambda: bool(rings(studio)), timeout=10_000)
    assert rings(studio) == moved
    QTest.mouseMove(studio.window, QPoint(5, 5))
    qtbot.waitUntil(lambda: not rings(studio))


def test_a_drag_and_the_switch_take_the_rings_away(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    rest_on(studio, "Male")
    qtbot.waitUntil(lambda: bool(rings(studio)), timeout=10_000)
    drag_slider(studio, "Male", 0.9)
    assert not rings(studio)
    studio.window.show_coupling.trigger()
    rest_on(studio, "Male")
    qtbot.wait(700)
    assert not rings(studio)
