"""What the model believes, on the sliders: how sure it is, and what an edit obtained."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.control.believing import SHOWN
from jmvae_studio.inference.requests import Analysis
from jmvae_studio.ui.groove import STEPS
from jmvae_studio.ui.hint_line import HintLine
from tests.gui.conftest import drag, drag_slider


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


def drag_until_read(studio: Studio, qtbot: QtBot, name: str, share: float) -> float:
    """Drag a slider and wait for the analysis; what is obtained of what was asked, above 0 on the asked side."""
    found = analyses(studio)
    drag_slider(studio, name, share)
    qtbot.waitUntil(lambda: bool(found), timeout=10_000)
    assert studio.session.face is not None
    assert studio.model is not None
    at = studio.model.attribute_names.index(name)
    asked = dict(studio.session.face.edit.values)[name]
    return float(found[-1].beliefs.obtained[at] * np.sign(asked))


def one_that_hardly_shows(studio: Studio, qtbot: QtBot) -> str:
    """An attribute that was dragged to its other side, and that the small model hardly shows there."""
    assert studio.session.face is not None
    read = studio.session.face.inferred
    for name in ("Smiling", "Young", "Male", "Eyeglasses", "Bangs"):
        if abs(read[name]) > 0.01:
            if drag_until_read(studio, qtbot, name, 0.85 if read[name] < 0 else 0.15) < SHOWN:
                return name
            QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    pytest.fail("the small model changes everything far enough")


def test_an_edit_that_does_not_show_says_what_would_help(studio: Studio, qtbot: QtBot) -> None:
    line = studio.window.hint_line
    title = studio.window.panel.sliders[one_that_hardly_shows(studio, qtbot)].title
    assert line.hint.startswith(f"{title} hardly shows") or line.hint.startswith(f"{title} still shows")
    assert line.hint.endswith("What may help: let the others follow (below the sliders), drag further.")
    studio.window.panel.follow.click()
    qtbot.waitUntil(lambda: "follow" not in line.hint)  # they do
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert line.hint == ""  # it was of another edit


def test_what_is_said_comes_before_the_advice(studio: Studio, qtbot: QtBot) -> None:
    one_that_hardly_shows(studio, qtbot)
    line, status = studio.window.hint_line, studio.window.statusBar()
    QTest.keyClick(studio.window, Qt.Key.Key_F5, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: "No other face" in status.currentMessage(), timeout=20_000)
    studio.analysing.follow()
    qtbot.wait(400)
    assert "No other face" in status.currentMessage()
    assert line.hint
    assert not line.isVisible()
    status.clearMessage()
    assert line.isVisible()


def test_the_advice_names_what_is_left_to_do(studio: Studio, qtbot: QtBot) -> None:
    name = one_that_hardly_shows(studio, qtbot)
    line, panel = studio.window.hint_line, studio.window.panel
    studio.session.set_state("Blurry", "free")
    qtbot.waitUntil(lambda: line.hint.endswith("let more of the others follow, drag further."))
    studio.session.set_state("Blurry", "held")
    assert studio.session.face is not None
    end = 0.99 if dict(studio.session.face.edit.values)[name] > 0 else 0.01
    drag_slider(studio, name, end)
    qtbot.waitUntil(lambda: not line.hint or line.hint.endswith("(below the sliders)."))  # it is at its end
    strength = panel.strength.groove
    drag(strength, strength.rect().center(), QPoint(strength.width() * 2 // 5, strength.height() // 2))
    qtbot.waitUntil(lambda: not line.hint or line.hint.endswith("raise Strength."))


def test_what_was_obtained_is_seen_again_when_its_edit_is_back(studio: Studio, qtbot: QtBot) -> None:
    groove = studio.window.panel.sliders["Smiling"].groove
    drag_until_read(studio, qtbot, "Smiling", 0.95)
    obtained = groove.obtained
    assert obtained is not None
    for key in (Qt.Key.Key_Z, Qt.Key.Key_Y):
        QTest.keyClick(studio.window, key, Qt.KeyboardModifier.ControlModifier)
        assert groove.obtained is None
    qtbot.waitUntil(lambda: groove.obtained == obtained)


def test_what_is_hardly_asked_for_need_not_show(studio: Studio, qtbot: QtBot) -> None:
    one_that_hardly_shows(studio, qtbot)
    line, strength = studio.window.hint_line, studio.window.panel.strength
    assert line.hint
    found = analyses(studio)
    drag(strength.groove, strength.groove.rect().center(), QPoint(10, strength.groove.height() // 2))
    assert studio.session.face is not None
    assert 0 < studio.session.face.edit.strength < 0.3
    qtbot.waitUntil(lambda: bool(found) and not line.hint, timeout=10_000)


def test_the_advice_is_cut_where_there_is_no_room(qtbot: QtBot) -> None:
    line = HintLine()
    qtbot.addWidget(line)
    line.resize(120, 24)
    line.show_hint("A sentence that is a good deal longer than the room.")
    assert line.text().endswith("…")
    assert line.toolTip() == line.hint
    line.resize(900, 24)
    line.show()
    assert line.text() == line.hint
