"""What the model believes, on the sliders: how sure it is, and what an edit obtained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.control.believing import SHOWN
from jmvae_studio.inference.requests import Analysis
from jmvae_studio.ui.groove import STEPS
from tests.gui.conftest import drag_slider


def analyses(studio: Studio) -> list[Analysis]:
    found: list[Analysis] = []
    studio.renderer.analysed.connect(found.append)
    return found


def test_bands_and_marks_follow_the_hand_when_it_rests(studio: Studio, qtbot: QtBot) -> None:
    found = analyses(studio)
    panel = studio.window.panel
    smiling, young = panel.sliders["Smiling"], panel.sliders["Young"]
    qtbot.waitUntil(lambda: smiling.groove.spread is not None, timeout=10_000)
    assert smiling.groove.obtained is None  # nothing was asked yet
    drag_slider(studio, "Smiling", 0.95)
    qtbot.waitUntil(lambda: smiling.groove.obtained is not None, timeout=10_000)
    beliefs = found[-1].beliefs
    assert studio.model is not None
    at = studio.model.attribute_names.index("Smiling")
    assert smiling.groove.obtained == round(beliefs.obtained[at] * STEPS)
    assert smiling.groove.spread == (round(beliefs.lowest[at] * STEPS), round(beliefs.highest[at] * STEPS))
    assert f"{beliefs.obtained[at]:.2f}" in smiling.toolTip()
    assert young.groove.spread is not None
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert smiling.groove.obtained is None  # at once: it was that of another edit
    assert smiling.groove.spread is not None


def test_nothing_is_worked_out_during_a_drag(studio: Studio, qtbot: QtBot) -> None:
    smiling = studio.window.panel.sliders["Smiling"]
    qtbot.waitUntil(lambda: smiling.groove.spread is not None, timeout=10_000)
    found = analyses(studio)
    groove = smiling.groove
    middle = groove.rect().center()
    QTest.mousePress(groove, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    for _ in range(12):
        middle.setX(middle.x() + 2)
        QTest.mouseMove(groove, middle)
        qtbot.wait(40)
    during = len(found)
    QTest.mouseRelease(groove, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, middle)
    qtbot.waitUntil(lambda: len(found) == 1, timeout=10_000)
    assert during == 0


def test_both_can_be_switched_off_and_stay_off(
    studio: Studio,
    start_studio: Callable[[Path, Path], Studio],
    qtbot: QtBot,
    checkpoint: Path,
    photograph: Path,
) -> None:
    smiling = studio.window.panel.sliders["Smiling"]
    qtbot.waitUntil(lambda: smiling.groove.spread is not None, timeout=10_000)
    studio.window.show_spread.trigger()
    assert smiling.groove.spread is None
    studio.window.show_obtained.trigger()
    found = analyses(studio)
    drag_slider(studio, "Smiling", 0.95)
    qtbot.wait(400)
    assert found == []  # what nobody sees is not worked out
    assert smiling.groove.obtained is None
    studio.window.close()
    again = start_studio(checkpoint, photograph)
    assert not again.window.show_spread.isChecked()
    assert not again.window.show_obtained.isChecked()


@pytest.mark.parametrize("dark", [False, True])
def test_the_mark_below_is_seen(studio: Studio, qtbot: QtBot, dark: bool) -> None:
    studio.choose_theme("dark" if dark else "light")
    groove = studio.window.panel.sliders["Smiling"].groove
    before = groove.grab().toImage()
    studio.window.panel.show_beliefs({}, {})
    bare = groove.grab().toImage()
    studio.window.panel.show_beliefs({"Smiling": (-2.5, -1.5)}, {"Smiling": 2.5})
    marked = groove.grab().toImage()
    ratio = marked.devicePixelRatio()
    x, bottom = int(groove.position(250) * ratio), marked.height() - round(2 * ratio)
    assert marked.pixelColor(x, bottom) != bare.pixelColor(x, bottom)
    band = int(groove.position(-200) * ratio)
    off = marked.height() // 2 - round(4 * ratio)
    assert marked.pixelColor(band, off) != bare.pixelColor(band, off)
    assert before.size() == marked.size()


def test_an_edit_that_does_not_show_says_once_what_would_help(studio: Studio, qtbot: QtBot) -> None:
    panel, status, model = studio.window.panel, studio.window.statusBar(), studio.model
    assert model is not None
    said: list[str] = []
    status.messageChanged.connect(lambda text: said.append(text) if "on this face" in text else None)
    shows: dict[str, bool] = {}

    def set_(name: str, share: float) -> None:
        found = analyses(studio)
        drag_slider(studio, name, share)
        qtbot.waitUntil(lambda: bool(found), timeout=10_000)
        assert studio.session.face is not None
        asked = dict(studio.session.face.edit.values)[name]
        at = model.attribute_names.index(name)
        shows[name] = found[-1].beliefs.obtained[at] * np.sign(asked) >= SHOWN

    assert studio.session.face is not None
    read = studio.session.face.inferred
    names = [name for name in ("Smiling", "Young", "Male", "Eyeglasses", "Bangs") if abs(read[name]) > 0.01]
    for name in names:
        set_(name, 0.85 if read[name] < 0 else 0.15)
    missing = [name for name in names if not shows[name]]
    assert missing, "the small model changes nothing far enough"
    assert len(said) <= len(missing)
    assert all("Let the others follow" in text and "or drag further" in text for text in said)
    first = panel.sliders[missing[0]].title
    assert any(text.startswith(f"{first} ") for text in said)
    before = len(said)
    set_(missing[0], 0.84 if read[missing[0]] < 0 else 0.16)
    assert len(said) == before
