"""Fold, favourites, locked and free attributes, strength and identity, in the real window."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QMenu, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.resources import default_model
from jmvae_studio.settings import SettingsFile
from jmvae_studio.ui.attribute_panel import AttributePanel
from jmvae_studio.ui.attribute_slider import LABEL_WIDTH, WIDEST_LABEL
from tests.gui.conftest import drag, drag_slider, pixels, settle, values
from trainer.data.images import open_image

CONTROL = Qt.KeyboardModifier.ControlModifier


def choose(studio: Studio, name: str, text: str) -> None:
    """Choose an entry of an attribute's menu with the mouse."""
    mark = studio.window.panel.sliders[name].mark
    QTest.mouseClick(mark, Qt.MouseButton.LeftButton)
    menu = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMenu) and w.isVisible())
    action = next(action for action in menu.actions() if action.text().replace("&", "") == text)
    QTest.mouseClick(
        menu, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(action).center()
    )
    studio.window.activateWindow()  # which a desktop does by itself when a menu closes
    QApplication.processEvents()


def slide(studio: Studio, which: str, value: float) -> None:
    """Drag the strength or the identity to a value."""
    groove = getattr(studio.window.panel, which).groove
    middle = groove.height() // 2
    start = QPoint(round(groove.position(100)), middle)
    drag(groove, start, QPoint(round(groove.position(round(value * 100))), middle))


def test_a_locked_attribute_is_moved_by_nothing(studio: Studio, qtbot: QtBot) -> None:
    drag_slider(studio, "Male", 0.8)
    male = values(studio)["Male"]
    choose(studio, "Male", "Lock Where It Is")
    slider = studio.window.panel.sliders["Male"]
    assert not slider.groove.isEnabled()
    drag_slider(studio, "Male", 0.1)
    QTest.keyClick(studio.window, Qt.Key.Key_R, CONTROL)
    assert values(studio) == {"Male": male}
    drag_slider(studio, "Smiling", 0.9)
    slide(studio, "strength", 0.0)
    settle(studio, qtbot)
    result, model = studio.last_result, studio.model
    assert result is not None
    assert model is not None
    assert result.attributes[model.attribute_names.index("Male")] == male
    choose(studio, "Male", "Keep as Read Until Set")
    drag_slider(studio, "Male", 0.1)
    assert values(studio)["Male"] < 0
    assert studio.session.undo_group.undoText().startswith("Male to")


def test_what_was_locked_where_it_was_read_is_held_as_read_again(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    choose(studio, "Young", "Lock Where It Is")
    assert "Young" in values(studio)
    choose(studio, "Young", "Keep as Read Until Set")
    assert values(studio) == {}
    drag_slider(studio, "Young", 0.1)
    set_to = values(studio)
    choose(studio, "Young", "Lock Where It Is")
    choose(studio, "Young", "Keep as Read Until Set")
    assert values(studio) == set_to  # that was the user's own


def test_the_panel_is_empty_with_the_window(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    panel = studio.window.panel
    choose(studio, "Young", "Lock Where It Is")
    switch_follow(studio)
    strength = panel.strength.groove
    drag(strength, strength.rect().center(), QPoint(strength.width() - 20, strength.height() // 2))
    assert panel.reset_all.isEnabled()
    QTest.keyClick(studio.window, Qt.Key.Key_W, CONTROL)
    assert studio.session.photo is None
    assert panel.strength.groove.value() == 100
    assert not panel.follow.isChecked()
    assert {slider.mark.shown[0] for slider in panel.sliders.values()} == {"held"}


def switch_follow(studio: Studio) -> None:
    """Click the box of “The others follow”."""
    follow = studio.window.panel.follow
    QTest.mouseClick(follow, Qt.MouseButton.LeftButton, pos=QPoint(8, follow.height() // 2))


def test_free_attributes_follow_and_held_ones_do_not(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    panel, face, model = studio.window.panel, studio.session.face, studio.model
    assert face is not None
    assert model is not None
    switch_follow(studio)
    choose(studio, "Young", "Lock Where It Is")
    settle(studio, qtbot)
    assert pixels(studio.window.result_canvas.image).shape == (320, 320, 3)
    drag_slider(studio, "Smiling", 0.98)
    settle(studio, qtbot)
    result = studio.last_result
    assert result is not None
    followed = dict(zip(model.attribute_names, result.attributes, strict=True))
    moved = {name for name, value in followed.items() if abs(value - face.inferred[name]) > 0.02}
    assert "Smiling" in moved
    assert len(moved) > 5
    assert "Young" not in moved
    for name in ("Male", "Bald", "Young"):
        assert panel.sliders[name].groove.value() == round(followed[name] * 100)
        assert panel.sliders[name].groove.mark == round(face.inferred[name] * 100)
    free = pixels(studio.window.result_canvas.image)
    switch_follow(studio)
    settle(studio, qtbot)
    assert panel.sliders["Male"].groove.value() == round(face.inferred["Male"] * 100)
    assert not np.array_equal(pixels(studio.window.result_canvas.image), free)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    assert face.edit.free
    settle(studio, qtbot)
    assert np.array_equal(pixels(studio.window.result_canvas.image), free)


def test_what_follows_is_locked_where_it_went(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    panel, face, model = studio.window.panel, studio.session.face, studio.model
    assert face is not None
    assert model is not None
    switch_follow(studio)
    drag_slider(studio, "Smiling", 0.98)
    settle(studio, qtbot)
    shown = panel.sliders["Male"].groove.value()
    assert abs(shown - round(face.inferred["Male"] * 100)) > 2
    choose(studio, "Male", "Lock Where It Is")
    assert round(values(studio)["Male"] * 100) == shown
    settle(studio, qtbot)
    assert panel.sliders["Male"].groove.value() == shown
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    assert set(values(studio)) == {"Smiling"}


@pytest.fixture
def shipped(start_studio: Callable[[Path, Path], Studio], photograph: Path) -> Studio:
    """With the shipped model, whose edits can be seen."""
    return start_studio(default_model(), photograph)


def test_strength_and_identity_act_and_can_be_undone(shipped: Studio, qtbot: QtBot) -> None:
    studio = shipped
    settle(studio, qtbot)
    original = pixels(studio.window.result_canvas.image).astype(int)
    drag_slider(studio, "Smiling", 0.98)
    settle(studio, qtbot)
    full = pixels(studio.window.result_canvas.image).astype(int)
    slide(studio, "strength", 0.0)
    settle(studio, qtbot)
    assert np.array_equal(pixels(studio.window.result_canvas.image), original)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    settle(studio, qtbot)
    assert np.array_equal(pixels(studio.window.result_canvas.image), full)
    slide(studio, "identity", 0.0)
    settle(studio, qtbot)
    latent = pixels(studio.window.result_canvas.image).astype(int)
    assert np.abs(latent - full).mean() > 0.5
    assert studio.session.undo_group.undoText() == "identity to 0%"
    studio.window.mode_box.setCurrentIndex(1)
    settle(studio, qtbot)
    residual = pixels(studio.window.result_canvas.image).astype(int)
    assert np.abs(residual - full).mean() > 0.5
    assert not np.array_equal(residual, latent)
    studio.window.mode_box.setCurrentIndex(2)
    assert not studio.window.panel.identity.groove.isEnabled()


def test_groups_fold_and_favourites_are_kept(studio: Studio, tmp_path: Path) -> None:
    panel = studio.window.panel

    def shown() -> set[str]:
        return {name for name, slider in panel.sliders.items() if slider.isVisibleTo(panel)}

    heading = next(b for b in panel.findChildren(QToolButton) if b.text() == "Hair")
    QTest.mouseClick(heading, Qt.MouseButton.LeftButton)
    assert "Bangs" not in shown()
    assert heading.arrowType() == Qt.ArrowType.RightArrow
    QTest.keyClicks(panel.search, "bangs")
    assert shown() == {"Bangs"}  # a search looks into folded groups too
    choose(studio, "Bangs", "Favourite")
    panel.search.clear()
    choose(studio, "Smiling", "Favourite")
    QTest.mouseClick(panel.only_favourites, Qt.MouseButton.LeftButton)
    assert shown() == {"Bangs", "Smiling"}
    studio.window.close()
    kept, _ = SettingsFile(tmp_path / "config" / "settings.json").load()
    assert kept.favourites == ["Bangs", "Smiling"]
    assert kept.folded == ["Hair"]


@pytest.mark.parametrize("mode", ["residual", "latent"])
def test_the_export_has_the_free_attributes_and_the_identity(
    shipped: Studio, qtbot: QtBot, tmp_path: Path, mode: str
) -> None:
    studio = shipped
    studio.window.mode_box.setCurrentIndex(0 if mode == "residual" else 1)
    switch_follow(studio)
    drag_slider(studio, "Smiling", 0.98)
    slide(studio, "identity", 0.3)
    settle(studio, qtbot)
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        studio.export(tmp_path / "face.png", whole=False)
    exported = open_image(tmp_path / "face.png").pixels.astype(int)
    shown = pixels(studio.window.result_canvas.image).astype(int)
    inside = slice(40, 280)
    original = pixels(studio.window.input_canvas.image).astype(int)
    change = np.abs(original[inside, inside] - shown[inside, inside]).mean()
    assert change > 5
    assert np.abs(exported[inside, inside] - shown[inside, inside]).mean() < 0.25 * change


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_after_a_change_of_theme(
    studio: Studio, qtbot: QtBot, theme: Literal["light", "dark"]
) -> None:
    """Headings, names, the search line and the boxes to tick: none keeps the colours of the theme before."""
    studio.choose_theme("light" if theme == "dark" else "dark")
    qtbot.wait(50)
    studio.choose_theme(theme)
    qtbot.wait(50)
    panel = studio.window.panel
    words = [
        w for w in panel.findChildren(QWidget) if isinstance(w, QToolButton | QLabel | QCheckBox) and w.text()
    ]
    words = [w for w in words if w.isVisible() and not w.visibleRegion().isEmpty()]
    assert len(words) > 10
    picture = pixels(studio.window.grab().toImage()).mean(2)
    for word in words:
        seen = word.visibleRegion().boundingRect()
        place = seen.translated(word.mapTo(studio.window, QPoint()))
        grey = picture[place.top() : place.bottom() + 1, place.left() : place.right() + 1]
        assert np.ptp(grey) > (100 if word.isEnabled() else 40), word.text()


def test_long_names_widen_the_titles_and_are_cut_short_at_last(qtbot: QtBot) -> None:
    panel = AttributePanel(-3, 3)
    qtbot.addWidget(panel)
    long, longest = "Wearing a knitted scarf", "Wearing a knitted scarf and a hat that does not go with it"
    panel.set_attributes([("Own attributes", [("short", "Short")])])
    assert panel.sliders["short"].label.width() == LABEL_WIDTH
    panel.set_attributes([("Own attributes", [("short", "Short"), ("long", long)])])
    panel.resize(380, 600)
    panel.show()
    rows = panel.sliders
    assert LABEL_WIDTH < rows["long"].label.width() == rows["short"].label.width() <= WIDEST_LABEL
    assert rows["long"].label.text() == long
    panel.set_attributes([("Own attributes", [("long", long), ("longest", longest)])])
    label = panel.sliders["longest"].label
    assert label.width() == WIDEST_LABEL
    assert label.text().endswith("…")
    assert label.toolTip() == longest
    QTest.keyClicks(panel.search, "does not go")
    assert [name for name, slider in panel.sliders.items() if not slider.isHidden()] == ["longest"]
