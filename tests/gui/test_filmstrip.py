"""Several photographs at once: opened, shown, closed and brought back, each with its own edits and history."""

import shutil
from dataclasses import replace
from pathlib import Path, PurePath

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage, QPixmap, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.ui.filmstrip import Filmstrip, Frame
from tests.gui.conftest import drag_slider, said, settle

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def folder(tmp_path: Path, photograph: Path) -> Path:
    """Three pictures and a text."""
    folder = tmp_path / "holiday"
    folder.mkdir()
    for name in ("1.jpg", "2.jpg"):
        shutil.copy(photograph, folder / name)
    Image.new("RGB", (300, 200), (90, 120, 150)).save(folder / "3.png")
    (folder / "note.txt").write_text("no picture")
    return folder


def drop(studio: Studio, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(QPoint(200, 200), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(studio.window, entering)
    assert entering.isAccepted()
    event = QDropEvent(QPointF(200, 200), Qt.DropAction.CopyAction, data, buttons, keys)
    QApplication.sendEvent(studio.window, event)


def roll(strip: Filmstrip, distance: int) -> None:
    """Turn the wheel sideways over the strip."""
    place = QPointF(strip.viewport().rect().center())
    event = QWheelEvent(
        place,
        QPointF(strip.viewport().mapToGlobal(place.toPoint())),
        QPoint(0, 0),
        QPoint(distance, 0),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(strip.viewport(), event)


def wait_for(studio: Studio, qtbot: QtBot, name: str) -> None:
    def shown() -> bool:
        return studio.session.photo is not None and studio.session.photo.name == name

    qtbot.waitUntil(shown, timeout=20_000)


def edits(studio: Studio) -> dict[str, float]:
    assert studio.session.face is not None
    return dict(studio.session.face.edit.values)


def test_each_photograph_keeps_its_edits_and_its_history(
    studio: Studio, qtbot: QtBot, folder: Path, photograph: Path
) -> None:
    window, strip = studio.window, studio.window.filmstrip
    drag_slider(studio, "Smiling", 0.9)
    first = edits(studio)
    assert not strip.isVisible()  # one photograph needs no strip
    drop(studio, folder)
    wait_for(studio, qtbot, "1.jpg")
    assert [photo.name for photo in studio.session.photos] == [photograph.name, "1.jpg", "2.jpg", "3.png"]
    assert strip.isVisible()
    assert strip.count() == 4
    settle(studio, qtbot)
    assert edits(studio) == {}
    drag_slider(studio, "Male", 0.1)
    drag_slider(studio, "Young", 0.1)
    item = strip.visualItemRect(strip.item(0)).center()
    QTest.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, item)
    assert studio.session.photo is studio.session.photos[0]
    assert edits(studio) == first
    settle(studio, qtbot)
    assert window.history.stack().count() == 1
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert edits(studio) == {}
    for name in ("1.jpg", "2.jpg"):  # the second is read from its file only now
        QTest.keyClick(window, Qt.Key.Key_PageDown, CONTROL)
        wait_for(studio, qtbot, name)
    assert window.history.stack().count() == 0
    QTest.keyClick(window, Qt.Key.Key_PageUp, CONTROL)
    assert set(edits(studio)) == {"Male", "Young"}
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert set(edits(studio)) == {"Male"}


def test_a_closed_photograph_comes_back_with_everything(studio: Studio, qtbot: QtBot, folder: Path) -> None:
    drag_slider(studio, "Smiling", 0.9)
    kept = edits(studio)
    closed = studio.session.photo
    drop(studio, folder / "1.jpg")
    wait_for(studio, qtbot, "1.jpg")
    QTest.keyClick(studio.window, Qt.Key.Key_PageUp, CONTROL)
    assert studio.session.photo is closed
    QTest.keyClick(studio.window, Qt.Key.Key_W, CONTROL)
    assert "Ctrl+Shift+T" in studio.window.statusBar().currentMessage()
    assert studio.session.photo is not None
    assert studio.session.photo.name == "1.jpg"
    QTest.keyClick(studio.window, Qt.Key.Key_W, CONTROL)
    assert studio.session.photo is None
    assert studio.window.photo_view.accessibleName() == "Photograph"
    assert not studio.window.export.isEnabled()
    keys = CONTROL | Qt.KeyboardModifier.ShiftModifier
    for _ in range(2):
        qtbot.waitUntil(studio.window.reopen.isEnabled)
        QTest.keyClick(studio.window, Qt.Key.Key_T, keys)
    qtbot.waitUntil(lambda: studio.session.photo is closed, timeout=20_000)
    assert edits(studio) == kept
    settle(studio, qtbot)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    assert edits(studio) == {}


def test_what_was_closed_is_still_said_when_the_next_one_is_open(
    studio: Studio, qtbot: QtBot, folder: Path
) -> None:
    drop(studio, folder / "1.jpg", folder / "2.jpg")  # the second one is not read yet
    wait_for(studio, qtbot, "1.jpg")
    settle(studio, qtbot)
    status = studio.window.statusBar()
    QTest.keyClick(studio.window, Qt.Key.Key_W, CONTROL)
    wait_for(studio, qtbot, "2.jpg")
    assert status.currentMessage().startswith("1.jpg was closed; Ctrl+Shift+T brings it back. 2.jpg is open.")
    QTest.keyClick(studio.window, Qt.Key.Key_PageUp, CONTROL)
    assert "closed" not in status.currentMessage()
    QApplication.clipboard().setImage(QImage(str(folder / "3.png")))
    QTest.keyClick(studio.window, Qt.Key.Key_V, CONTROL)
    qtbot.waitUntil(lambda: "Pasted picture is open." in status.currentMessage(), timeout=20_000)
    assert "closed" not in status.currentMessage()  # said once


def test_a_photograph_comes_back_once(studio: Studio, qtbot: QtBot, folder: Path, photograph: Path) -> None:
    keys = CONTROL | Qt.KeyboardModifier.ShiftModifier
    drag_slider(studio, "Smiling", 0.9)
    kept, closed = edits(studio), studio.session.photo
    assert closed is not None

    def close_and_open_anew() -> None:
        QTest.keyClick(studio.window, Qt.Key.Key_W, CONTROL)
        assert closed not in studio.session.photos
        studio.open_path(photograph)
        qtbot.waitUntil(lambda: studio.session.photo is studio.session.find(photograph), timeout=20_000)
        settle(studio, qtbot)
        assert edits(studio) == {}

    drop(studio, folder / "1.jpg")
    wait_for(studio, qtbot, "1.jpg")
    QTest.keyClick(studio.window, Qt.Key.Key_PageUp, CONTROL)
    close_and_open_anew()
    QTest.keyClick(studio.window, Qt.Key.Key_T, keys)
    qtbot.waitUntil(lambda: studio.session.photo is closed, timeout=20_000)
    assert [photo.path for photo in studio.session.photos] == [folder / "1.jpg", photograph]
    assert edits(studio) == kept
    assert not studio.session.closed  # nothing of the other one is left
    settle(studio, qtbot)
    close_and_open_anew()
    drag_slider(studio, "Male", 0.9)
    settle(studio, qtbot)
    QTest.keyClick(studio.window, Qt.Key.Key_T, keys)
    assert studio.window.statusBar().currentMessage() == "astronaut.jpg is open already and stays as it is."
    assert [photo.path for photo in studio.session.photos] == [folder / "1.jpg", photograph]
    assert edits(studio).keys() == {"Male"}
    assert studio.session.closed == [closed]
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    assert edits(studio) == {}
    QTest.keyClick(studio.window, Qt.Key.Key_T, keys)
    assert studio.session.photo is closed
    settle(studio, qtbot)


def test_a_file_that_is_no_picture_leaves_the_strip(studio: Studio, qtbot: QtBot, folder: Path) -> None:
    (folder / "2.jpg").write_bytes(b"broken")
    drop(studio, folder / "1.jpg", folder / "2.jpg")
    wait_for(studio, qtbot, "1.jpg")
    QTest.keyClick(studio.window, Qt.Key.Key_PageDown, CONTROL)
    qtbot.waitUntil(lambda: bool(said(studio)), timeout=20_000)
    assert "2.jpg" in said(studio)
    assert [photo.name for photo in studio.session.photos] == ["astronaut.jpg", "1.jpg"]
    assert studio.session.photo is studio.session.photos[1]


def test_the_history_panel_goes_to_any_step(studio: Studio, qtbot: QtBot) -> None:
    for name, share in (("Smiling", 0.9), ("Male", 0.2), ("Bald", 0.7)):
        drag_slider(studio, name, share)
    QTest.keyClick(studio.window, Qt.Key.Key_H, CONTROL)
    history = studio.window.history
    assert history.isVisible()
    lines = [history.model().index(row, 0).data() for row in range(history.model().rowCount())]
    assert lines[0] == "As it was opened"
    assert [line.split(" to ")[0] for line in lines[1:]] == ["Smiling", "Male", "Bald"]
    place = history.visualRect(history.model().index(1, 0)).center()
    QTest.mouseClick(history.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert set(edits(studio)) == {"Smiling"}
    settle(studio, qtbot)


def test_the_photograph_wished_for_last_is_shown(studio: Studio, qtbot: QtBot, folder: Path) -> None:
    first = studio.session.photo
    drop(studio, folder / "1.jpg", folder / "2.jpg")
    wait_for(studio, qtbot, "1.jpg")
    settle(studio, qtbot)
    second = studio.session.find(folder / "2.jpg")
    assert first is not None
    assert second is not None
    assert second.image is None
    for wished in (first, studio.session.photo):
        assert wished is not None
        studio.photographs.show(second)  # its file has to be read
        studio.photographs.show(wished)
        studio.photographs.opener._pool.submit(lambda: None).result()
        for _ in range(10):
            QApplication.processEvents()
        assert studio.session.photo is wished
    studio.photographs.show(second)
    wait_for(studio, qtbot, "2.jpg")
    settle(studio, qtbot)


def test_a_drag_ends_with_its_photograph(studio: Studio, qtbot: QtBot, folder: Path) -> None:
    settle(studio, qtbot)
    first, groove = studio.session.face, studio.window.panel.sliders["Smiling"].groove
    assert first is not None
    middle, left, none = groove.height() // 2, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QTest.mousePress(groove, left, none, QPoint(40, middle))
    QTest.mouseMove(groove, QPoint(60, middle))
    kept = dict(first.edit.values)
    studio.open_path(folder / "1.jpg")  # as by a hand that is slower than the file's reading
    wait_for(studio, qtbot, "1.jpg")
    settle(studio, qtbot)
    shown = groove.value()
    QTest.mouseMove(groove, QPoint(90, middle))
    QTest.mouseMove(groove, QPoint(120, middle))
    QTest.mouseRelease(groove, left, none, QPoint(120, middle))
    assert edits(studio) == {}
    assert groove.value() == shown
    assert not studio.session.undo_group.canUndo()
    assert dict(first.edit.values) == kept
    drag_slider(studio, "Smiling", 0.9)  # the next press moves it again
    assert edits(studio).keys() == {"Smiling"}
    settle(studio, qtbot)


def test_a_number_being_typed_is_its_own_photograph_s(studio: Studio, qtbot: QtBot, folder: Path) -> None:
    drop(studio, folder / "1.jpg", folder / "2.jpg")
    wait_for(studio, qtbot, "1.jpg")
    settle(studio, qtbot)
    first, number = studio.session.face, studio.window.panel.sliders["Smiling"].number
    assert first is not None
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "2")
    assert not first.edit.values
    QTest.keyClick(number, Qt.Key.Key_PageDown, CONTROL)
    wait_for(studio, qtbot, "2.jpg")
    settle(studio, qtbot)
    assert dict(first.edit.values) == {"Smiling": 2.0}
    assert edits(studio) == {}
    QTest.keyClick(studio.window, Qt.Key.Key_PageUp, CONTROL)
    assert studio.session.face is first
    settle(studio, qtbot)


def test_the_strip_stays_where_it_was_scrolled_to(qtbot: QtBot) -> None:
    strip = Filmstrip()
    qtbot.addWidget(strip)
    strip.resize(400, strip.height())
    strip.show()
    qtbot.waitExposed(strip)
    frames = [Frame(number, f"{number}.jpg", False, None) for number in range(60)]
    strip.show_frames(frames, 0)
    QApplication.processEvents()
    bar = strip.horizontalScrollBar()
    for _ in range(12):
        roll(strip, -1200)
    there = bar.value()
    assert there > bar.maximum() / 2  # where a strip that is half filled does not reach
    picture = QPixmap(20, 20)
    picture.fill(Qt.GlobalColor.red)
    for index in range(0, 60, 7):  # thumbnails come, and an edit is made
        frames[index] = replace(frames[index], thumbnail=picture, edited=index == 0)
        strip.show_frames(frames, 0)
        QApplication.processEvents()
        assert bar.value() == there
    del frames[5]  # another one is closed
    strip.show_frames(frames, 0)
    QApplication.processEvents()
    assert bar.value() == there
    strip.show_frames(frames, 59)
    QApplication.processEvents()
    assert strip.viewport().rect().contains(strip.visualItemRect(strip.item(58)).center())


def test_many_photographs_are_opened_without_comparing_each_with_all(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [photograph, *(tmp_path / f"{number}.jpg" for number in range(400))]
    monkeypatch.setattr(studio.photographs.opener, "thumbnail", lambda path: None)  # the files are not there
    compared = []
    equal = PurePath.__eq__
    monkeypatch.setattr(PurePath, "__eq__", lambda one, other: compared.append(1) or equal(one, other))
    studio.photographs.open_paths([*many, *many[:3]])
    monkeypatch.undo()
    assert [photo.path for photo in studio.session.photos] == many
    assert len(compared) < 20 * len(many)
    settle(studio, qtbot)


@pytest.mark.parametrize("broken", [1, 2])
def test_what_is_left_is_shown_after_files_that_cannot_be_read(
    studio: Studio, qtbot: QtBot, folder: Path, photograph: Path, broken: int
) -> None:
    shown = studio.session.photo
    assert shown is not None
    studio.photographs.close_photo(shown)
    for number in range(broken):
        (folder / f"broken {number}.jpg").write_text("no picture")
    drop(studio, *sorted(folder.glob("broken*")), folder / "1.jpg", folder / "2.jpg")
    wait_for(studio, qtbot, "1.jpg")
    assert f"broken {broken - 1}.jpg" in said(studio)
    assert [photo.name for photo in studio.session.photos] == ["1.jpg", "2.jpg"]
    qtbot.waitUntil(studio.window.next_photo.isEnabled)
    settle(studio, qtbot)


def test_files_that_are_gone_are_each_tried_once(
    studio: Studio, qtbot: QtBot, folder: Path, photograph: Path
) -> None:
    for name in ("1.jpg", "2.jpg"):
        studio.open_path(folder / name)
        wait_for(studio, qtbot, name)
    studio.open_path(photograph)
    wait_for(studio, qtbot, photograph.name)
    settle(studio, qtbot)
    shutil.rmtree(folder)
    for photo in studio.session.photos[1:]:
        photo.image = photo.display = None  # as when memory is short
    failed: list[str] = []
    studio.photographs.failed.connect(failed.append)
    studio.photographs.close_photo(studio.session.photos[0])
    qtbot.waitUntil(lambda: len(failed) == 2, timeout=20_000)
    qtbot.wait(300)
    assert len(failed) == 2


def test_only_the_left_button_shows_another_photograph(studio: Studio, qtbot: QtBot, folder: Path) -> None:
    strip = studio.window.filmstrip
    drop(studio, folder)
    qtbot.waitUntil(lambda: strip.count() == 4, timeout=20_000)
    shown = studio.session.photo
    assert shown is not None
    number = next(n for n in range(4) if n != strip.currentRow())
    place = strip.visualItemRect(strip.item(number)).center()
    for button in (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton):
        QTest.mousePress(strip.viewport(), button, Qt.KeyboardModifier.NoModifier, place)
        QApplication.processEvents()
        assert strip.currentRow() != number
        QTest.mouseRelease(strip.viewport(), button, Qt.KeyboardModifier.NoModifier, place)
    qtbot.waitUntil(lambda: strip.count() == 3)  # the middle one closes
    assert studio.session.photo is shown
