"""Messages, the first start's hint, the keyboard's way through the window, and windows of any size."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QMessageBox, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.settings import Settings, SettingsFile
from tests.gui.conftest import drag_slider, said, settle


def activate(studio: Studio) -> None:
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)


def test_an_error_is_a_line_with_details_and_no_box(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(studio, qtbot)
    bar = studio.window.messages
    with monkeypatch.context() as patched:
        patched.setattr("jmvae_studio.inference.engine.Engine.preview", lambda *given: 1 / 0)
        drag_slider(studio, "Smiling", 0.9)
        qtbot.waitUntil(lambda: "Nothing was lost" in said(studio), timeout=10_000)
    boxes = [w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()]
    assert not boxes
    assert not bar.details_text.isVisible()
    QTest.mouseClick(bar.details, Qt.MouseButton.LeftButton)
    assert bar.details_text.isVisible()
    assert "ZeroDivisionError" in bar.details_text.toPlainText()
    studio.window.warn("Another sentence.")
    assert said(studio) == "Another sentence."
    assert bar.more.text() == "1 more"
    assert not bar.details.isVisible()
    studio.window.warn("Another sentence.")  # said once is enough
    assert bar.more.text() == "1 more"
    activate(studio)
    bar.dismiss_button.setFocus()
    QTest.keyClick(bar.dismiss_button, Qt.Key.Key_Escape)
    assert "Nothing was lost" in said(studio)
    QTest.mouseClick(bar.dismiss_button, Qt.MouseButton.LeftButton)
    assert not bar.isVisible()


def test_the_hint_of_the_first_start_is_dismissed_once_and_for_all(
    start_studio: Callable[[Path, Path], Studio], checkpoint: Path, photograph: Path, tmp_path: Path
) -> None:
    SettingsFile(tmp_path / "config" / "settings.json").save(Settings(device="cpu"))
    first = start_studio(checkpoint, photograph)
    assert said(first).startswith("Welcome.")
    first.window.close()
    second = start_studio(checkpoint, photograph)  # it was not dismissed
    assert said(second).startswith("Welcome.")
    QTest.mouseClick(second.window.messages.dismiss_button, Qt.MouseButton.LeftButton)
    second.window.close()
    third = start_studio(checkpoint, photograph)
    assert said(third) == ""


def stops(studio: Studio) -> list[QWidget]:
    """Where Tab leads from the photograph, once around."""
    activate(studio)
    studio.window.photo_view.setFocus()
    found: list[QWidget] = []
    while (focus := QApplication.focusWidget()) is not None and focus not in found:
        found.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    return found


def test_tab_goes_through_the_window_as_the_eye_does(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    panel, window = studio.window.panel, studio.window
    order = stops(studio)
    expected: list[QWidget] = [window.photo_view, panel.search, panel.only_favourites]
    for _, button, sliders in panel._headings:
        expected.append(button)
        for slider in sliders:
            expected += slider.stops
    expected += [*panel.strength.stops[1:], *panel.identity.stops[1:], panel.follow]
    at = [order.index(widget) for widget in expected]
    assert at == sorted(at)
    nameless = [
        widget
        for widget in order
        if not widget.accessibleName() and not (isinstance(widget, QAbstractButton) and widget.text())
    ]
    assert nameless == []


def test_nothing_is_cut_off_in_the_smallest_window(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    window = studio.window
    window.resize(window.minimumSize())
    QApplication.processEvents()
    whole = QRect(QPoint(0, 0), window.size())
    for widget in (
        window.panel.search,
        window.panel.only_favourites,
        window.panel.strength.number,
        window.panel.reset_all,
        window.mode_box,
        window.input_canvas,
        window.result_canvas,
        window.photo_view,
    ):
        place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
        assert whole.contains(place), widget.accessibleName()
        assert widget.visibleRegion().boundingRect().size() == widget.size()
    assert window.size() == window.minimumSize()


@pytest.mark.parametrize("dock", ["map_dock", "faces_dock", "training_dock"])
def test_a_dock_that_needs_room_makes_a_small_window_larger(studio: Studio, qtbot: QtBot, dock: str) -> None:
    settle(studio, qtbot)
    window = studio.window
    window.resize(window.minimumSize())
    QApplication.processEvents()
    getattr(window, dock).toggleViewAction().trigger()

    def fits() -> bool:
        whole = QRect(QPoint(0, 0), window.size())
        widgets = (
            window.panel.strength.number,
            window.panel.reset_all,
            window.photo_view,
            getattr(window, dock),
        )
        places = [QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()) for widget in widgets]
        apart = not any(places[-1].intersects(place) for place in places[:-1])
        return apart and all(whole.contains(place) for place in places)

    qtbot.waitUntil(fits)


def test_a_long_file_name_leaves_the_window_as_wide_as_it_is(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    settle(studio, qtbot)
    window = studio.window
    window.resize(window.minimumSize())
    QApplication.processEvents()
    width = window.width()
    name = f"IMG_20240512_{'portrait_of_grandmother_' * 6}final.heic"
    studio.open_path(tmp_path / name)
    qtbot.waitUntil(lambda: "does not exist" in said(studio))
    QApplication.processEvents()
    assert window.width() == width
    assert name in window.messages.text.toolTip()


def test_ctrl_backspace_deletes_a_word_while_typing(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    activate(studio)
    window, photo, control = studio.window, studio.session.photo, Qt.KeyboardModifier.ControlModifier
    assert photo is not None
    faces = len(photo.faces)
    window.panel.search.setFocus()
    QTest.keyClicks(window.panel.search, "hair blond")
    QTest.keyClick(window.panel.search, Qt.Key.Key_Backspace, control)
    assert window.panel.search.text() == "hair "
    window.panel.search.clear()
    number = window.panel.sliders["Smiling"].number
    number.setFocus()
    QTest.keyClick(number, Qt.Key.Key_End)
    QTest.keyClick(number, Qt.Key.Key_Backspace, control)
    assert number.lineEdit().text().endswith(".")  # its decimals are a word
    window.training_dock.show()
    notes = window.training_dock.findChild(QPlainTextEdit)
    assert notes is not None
    notes.show()  # as with a run
    notes.setFocus()
    QTest.keyClicks(notes, "two words")
    QTest.keyClick(notes, Qt.Key.Key_Backspace, control)
    assert notes.toPlainText() == "two "
    assert len(photo.faces) == faces
    activate(studio)
    window.photo_view.setFocus()
    QTest.keyClick(window.photo_view, Qt.Key.Key_Backspace, control)
    assert len(photo.faces) == faces - 1
