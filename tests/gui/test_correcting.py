"""Telling the model that it is wrong about a face: by menu and key, seen, undone and kept."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.session_file import load, record, save
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.results import Asked
from tests.gui.conftest import drag_slider, pixels, settle
from tests.gui.test_digits import save as save_digits
from tests.gui.test_versions import keep
from trainer.models.jmvae import JMVAEKL

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def open_menu(studio: Studio, name: str) -> QMenu:
    QTest.mouseClick(studio.window.panel.sliders[name].mark, LEFT)
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMenu) and w.isVisible())


def say(studio: Studio, name: str, answer: str) -> None:
    """Open the attribute's menu with the mouse and go to the answer."""
    menu = open_menu(studio, name)
    entry = next(a for a in menu.actions() if "Wrong" in a.text())
    QTest.mouseMove(menu, menu.actionGeometry(entry).center())
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(entry).center())
    offers = entry.menu()
    assert isinstance(offers, QMenu)
    for _ in range(200):  # it opens after a moment
        if offers.isVisible():
            break
        QTest.qWait(10)
    assert offers.isVisible()
    action = next(a for a in offers.actions() if a.text().replace("&", "").endswith(answer))
    QTest.mouseMove(offers, offers.actionGeometry(action).center())
    QTest.mouseClick(offers, LEFT, NONE, offers.actionGeometry(action).center())
    studio.window.activateWindow()
    QApplication.processEvents()


def read(studio: Studio) -> dict[str, float]:
    assert studio.session.face is not None
    return dict(studio.session.face.inferred)


def told(studio: Studio) -> dict[str, float]:
    assert studio.session.face is not None
    return dict(studio.session.face.told)


def test_the_menu_corrects_a_reading_and_takes_it_back(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    before, average = read(studio), pixels(studio.window.average_canvas.image)
    groove = studio.window.panel.sliders["Eyeglasses"].groove
    say(studio, "Eyeglasses", "Yes")
    assert told(studio) == {"Eyeglasses": 1.0}
    settle(studio, qtbot)
    after = read(studio)
    assert after["Eyeglasses"] == 1.0
    assert groove.mark == groove.value() == 100
    others = [abs(after[name] - before[name]) for name in before if name != "Eyeglasses"]
    assert max(others) > 1e-3  # they follow
    assert not np.array_equal(pixels(studio.window.average_canvas.image), average)
    assert np.array_equal(  # but nothing was asked yet
        pixels(studio.window.result_canvas.image), pixels(studio.window.input_canvas.image)
    )
    assert groove.told
    assert "You say" in groove.parent().toolTip()  # type: ignore[union-attr]
    say(studio, "Eyeglasses", "Reads It")
    settle(studio, qtbot)
    assert read(studio) == before
    assert not groove.told


def test_the_key_says_the_opposite_and_undo_forgets_it(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    before = read(studio)
    sign = -1.0 if before["Male"] > 0 else 1.0
    groove = studio.window.panel.sliders["Male"].groove
    groove.setFocus()
    QTest.keyClick(groove, Qt.Key.Key_W)
    assert told(studio) == {"Male": sign}
    assert studio.session.undo_group.undoText() == ("correct: Male" if sign > 0 else "correct: not Male")
    settle(studio, qtbot)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    settle(studio, qtbot)
    assert (told(studio), read(studio)) == ({}, before)
    QTest.keyClick(studio.window, Qt.Key.Key_Y, CONTROL)
    settle(studio, qtbot)
    assert read(studio)["Male"] == sign
    groove.setFocus()
    QTest.keyClick(groove, Qt.Key.Key_W)
    settle(studio, qtbot)
    assert (told(studio), read(studio)) == ({}, before)


def test_an_edit_starts_from_what_is_true(studio: Studio, qtbot: QtBot) -> None:
    """The same slider at the same place asks for less once the face is known to be nearly there."""
    settle(studio, qtbot)
    drag_slider(studio, "Eyeglasses", 0.8)
    settle(studio, qtbot)
    original = pixels(studio.window.input_canvas.image).astype(int)
    plain = np.abs(pixels(studio.window.result_canvas.image) - original).mean()
    say(studio, "Eyeglasses", "Yes")
    settle(studio, qtbot)
    corrected = np.abs(pixels(studio.window.result_canvas.image) - original).mean()
    assert 0 < corrected < 0.9 * plain


def test_sessions_and_versions_keep_it(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    settle(studio, qtbot)
    say(studio, "Eyeglasses", "Yes")
    settle(studio, qtbot)
    corrected = read(studio)
    keep(studio, "Glasses")
    kept = record(studio.session, tmp_path / "kept.jmvae")
    save(tmp_path / "kept.jmvae", kept)
    assert load(tmp_path / "kept.jmvae").photos[0].faces[0].told == {"Eyeglasses": 1.0}
    assert kept.is_edited
    say(studio, "Eyeglasses", "Reads It")
    settle(studio, qtbot)
    assert read(studio) != corrected
    studio.window.versions.actions[0].trigger()
    settle(studio, qtbot)
    assert read(studio) == pytest.approx(corrected, abs=1e-5)
    assert studio.session.photo is not None
    studio.session.remove(studio.session.photo)
    studio.open_path(tmp_path / "kept.jmvae")
    qtbot.waitUntil(lambda: studio.session.face is not None and bool(read(studio)), timeout=30_000)
    settle(studio, qtbot)
    assert read(studio) == pytest.approx(corrected, abs=1e-5)
    assert studio.window.panel.sliders["Eyeglasses"].groove.told


def test_a_model_without_a_joint_encoder_says_why_not(
    start_studio: Callable[[Path, Path], Studio],
    checkpoint: Path,
    photograph: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(JMVAEKL, "can_complete", lambda self, given, missing: len(given) < 2)
    studio = start_studio(checkpoint, photograph)
    settle(studio, qtbot)
    menu = open_menu(studio, "Male")
    (entry,) = (a for a in menu.actions() if "Wrong" in a.text())
    assert not entry.isEnabled()
    assert "no encoder" in entry.toolTip()
    menu.close()
    groove = studio.window.panel.sliders["Male"].groove
    groove.setFocus()
    QTest.keyClick(groove, Qt.Key.Key_W)
    assert told(studio) == {}


def test_one_digit_alone_is_true(
    start_studio: Callable[[Path, Path], Studio], qtbot: QtBot, tmp_path: Path
) -> None:
    digit = tmp_path / "digit.png"
    Image.fromarray(np.pad(np.full((4, 20), 240, np.uint8), ((10, 10), (2, 2)))).save(digit)
    studio = start_studio(save_digits(tmp_path / "digits.safetensors", "jmvae-kl"), digit)
    settle(studio, qtbot)
    say(studio, "7", "Yes")
    settle(studio, qtbot)
    assert read(studio)["7"] == pytest.approx(1, abs=1e-4)
    say(studio, "3", "Yes")
    assert told(studio) == {"3": 1.0}
    settle(studio, qtbot)
    say(studio, "3", "No")
    settle(studio, qtbot)
    assert told(studio) == {"3": 0.0}
    assert sum(read(studio).values()) == pytest.approx(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_mark_of_the_user_is_another_than_the_models(studio: Studio, qtbot: QtBot, theme: str) -> None:
    studio.choose_theme(theme)
    settle(studio, qtbot)
    slider = studio.window.panel.sliders["Smiling"]
    slider.show_value(2.5, -2.0, False)
    before = pixels(slider.groove.grab().toImage())
    slider.show_told(True)
    after = pixels(slider.groove.grab().toImage())
    place = QPoint(round(slider.groove.position(-200)), 2)
    ratio = slider.groove.grab().devicePixelRatio()
    changed = np.argwhere((before != after).any(2)) / ratio
    assert len(changed)
    assert np.abs(changed[:, 1] - place.x()).max() <= 7  # there and nowhere else


def test_the_engine_passes_over_what_it_cannot_take(
    checkpoint: Path, astronaut: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JMVAEKL, "can_complete", lambda self, given, missing: len(given) < 2)
    engine = Engine.load(checkpoint, "cpu")
    face, preview = np.zeros((64, 64, 3), np.uint8), np.zeros((320, 320, 3), np.uint8)
    assert engine.encode(face, preview, {"Male": 1.0}).attributes == engine.encode(face, preview).attributes


def test_what_follows_starts_from_what_was_read_and_leaves_what_is_true(
    checkpoint: Path, astronaut: np.ndarray
) -> None:
    engine = Engine.load(checkpoint, "cpu")
    face, preview = astronaut[:64, :64].copy(), np.zeros((320, 320, 3), np.uint8)
    names = engine.attribute_names
    every = tuple(range(len(names)))
    code = engine.encode(face, preview, {"Male": -1.0})
    still = engine.follow(code, Asked(code.attributes, free=every)).attributes
    assert still == pytest.approx(code.attributes, abs=1e-5)
    male, smiling = names.index("Male"), names.index("Smiling")
    asked = list(code.attributes)
    asked[smiling] = 3.0
    others = tuple(index for index in every if index != smiling)
    followed = engine.follow(code, Asked(tuple(asked), free=others)).attributes
    assert followed[male] == -1.0
    assert followed[smiling] == 3.0
    assert max(abs(followed[index] - code.attributes[index]) for index in others) > 1e-3
