"""What is kept: sessions, and recovery after a crash."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.records import FaceRecord
from jmvae_studio.document.session_file import (
    PhotoRecord,
    SessionFileError,
    SessionRecord,
    load,
    record,
    save,
)
from tests.gui.conftest import (
    asked_for_a_file,
    drag,
    drag_slider,
    message_boxes,
    name_file,
    said,
    settle,
    values,
)

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def next_start(
    start_studio: Callable[[Path, Path], Studio], checkpoint: Path, photograph: Path, tmp_path: Path
) -> Callable[[], Studio]:
    """Start the program once more, on another photograph."""
    other = tmp_path / "other.jpg"
    other.write_bytes(photograph.read_bytes())
    return lambda: start_studio(checkpoint, other)


def test_a_number_that_is_being_typed_is_kept_when_the_window_closes(studio: Studio, tmp_path: Path) -> None:
    number = studio.window.panel.sliders["Smiling"].number
    QTest.mouseClick(number, Qt.MouseButton.LeftButton)
    number.selectAll()
    QTest.keyClicks(number, "1.75")
    QTest.keyClick(studio.window, Qt.Key.Key_Q, CONTROL)
    assert not studio.window.isVisible()
    kept = load(next((tmp_path / "config" / "sessions").glob("last*.jmvae")))
    assert kept.photos[0].faces[0].edit.values == {"Smiling": 1.75}


def test_a_crash_loses_nothing_that_was_let_go(
    next_start: Callable[[], Studio],
    start_studio: Callable[[Path, Path], Studio],
    studio: Studio,
    qtbot: QtBot,
    tmp_path: Path,
    checkpoint: Path,
    photograph: Path,
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    kept = values(studio)
    folder = tmp_path / "config" / "sessions"
    qtbot.waitUntil(lambda: bool(list(folder.glob("autosave-*.jmvae"))), timeout=5000)
    own = next(folder.glob("autosave-*.jmvae"))
    qtbot.waitUntil(lambda: load(own).is_edited)
    second = start_studio(checkpoint, photograph)
    assert not second.window.messages.isVisible()  # the first window is at work, and no crash
    second.window.close()
    crashed = folder / "autosave-1-dead.jmvae"
    crashed.write_bytes(own.read_bytes())
    (folder / ".last.jmvae.999999999.part").touch()
    third = next_start()
    bar = third.window.messages
    qtbot.waitUntil(bar.isVisible)
    assert "1 photograph open" in bar.text.text()
    assert not (folder / ".last.jmvae.999999999.part").exists()
    QTest.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: third.session.photo is not None and third.session.photo.path == photograph)
    assert values(third) == pytest.approx(kept)
    settle(third, qtbot)
    qtbot.waitUntil(lambda: not crashed.exists())
    third.window.close()
    assert (folder / "last.jmvae").is_file()
    assert list(folder.glob("autosave-*.jmvae")) == [own]  # only the first window's is left


def test_what_cannot_be_brought_back_stays_kept(
    next_start: Callable[[], Studio],
    studio: Studio,
    qtbot: QtBot,
    tmp_path: Path,
    photograph: Path,
) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    there = drive / "there.jpg"
    there.write_bytes(photograph.read_bytes())
    studio.open_path(there)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.path == there)
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    kept = values(studio)
    folder = tmp_path / "config" / "sessions"
    crashed = folder / "autosave-1-dead.jmvae"
    save(crashed, record(studio.session, crashed))
    there.rename(tmp_path / "away.jpg")  # as a drive that is not plugged in
    own = record(studio.session, crashed)
    assert [photo.is_edited for photo in own.photos if "there" in photo.path] == [True]
    second = next_start()
    bar = second.window.messages
    qtbot.waitUntil(bar.isVisible)
    QTest.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "offered again" in said(second))
    assert "there.jpg is no longer in" in said(second)
    second.window.close()
    assert load(crashed).is_edited
    (tmp_path / "away.jpg").rename(there)
    third = next_start()
    bar = third.window.messages
    qtbot.waitUntil(bar.isVisible)
    QTest.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: third.session.photo is not None and third.session.photo.path == there)
    assert values(third) == pytest.approx(kept)
    settle(third, qtbot)
    qtbot.waitUntil(lambda: not crashed.exists())


def test_of_several_crashes_each_is_offered(
    next_start: Callable[[], Studio],
    studio: Studio,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    folder = tmp_path / "config" / "sessions"
    for number in (1, 2):
        save(folder / f"autosave-1-{number}.jmvae", record(studio.session, folder / "autosave.jmvae"))
        os.utime(folder / f"autosave-1-{number}.jmvae", (number, number))
    second = next_start()
    bar = second.window.messages
    qtbot.waitUntil(bar.isVisible)
    QTest.mouseClick(bar.buttons[1], Qt.MouseButton.LeftButton)  # discard
    assert [path.name for path in sorted(folder.glob("autosave-1-?.jmvae"))] == ["autosave-1-1.jmvae"]
    qtbot.waitUntil(bar.isVisible)
    QTest.mouseClick(bar.buttons[1], Qt.MouseButton.LeftButton)
    assert not list(folder.glob("autosave-1-?.jmvae"))


def test_undo_and_a_moved_square_are_kept_too(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "sessions"

    def own() -> list[FaceRecord]:
        found = list(folder.glob("autosave-*.jmvae"))
        return load(found[0]).photos[0].faces if found else []

    drag_slider(studio, "Smiling", 0.9)
    drag_slider(studio, "Male", 0.9)
    qtbot.waitUntil(lambda: any(len(face.edit.values) == 2 for face in own()), timeout=5000)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: any(len(face.edit.values) == 1 for face in own()), timeout=5000)
    face = studio.session.face
    assert face is not None
    before = own()[0].center_x
    studio.session.preview_crop(replace(face.crop, center_x=face.crop.center_x + 9))
    studio.session.end_gesture()
    qtbot.waitUntil(lambda: own()[0].center_x == pytest.approx(before + 9), timeout=5000)
    settle(studio, qtbot)


def test_a_session_over_an_open_photograph_has_no_older_history(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    photo = studio.session.photo
    assert photo is not None
    kept, file, count = values(studio), tmp_path / "work.jmvae", len(photo.faces)
    save(file, record(studio.session, file))
    face = studio.session.face
    assert face is not None
    studio.session.add_crop(replace(face.crop, side=face.crop.side * 0.8))
    for _ in range(2):
        QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    assert photo.stack.canRedo()
    studio.open_path(file)
    qtbot.waitUntil(lambda: values(studio) == pytest.approx(kept))
    assert photo.stack.count() == 0
    assert len(photo.faces) == count
    settle(studio, qtbot)


def test_a_session_leaves_squares_moved_by_hand_alone(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    settle(studio, qtbot)
    file, photo, face = tmp_path / "work.jmvae", studio.session.photo, studio.session.face
    assert photo is not None
    assert face is not None
    save(file, record(studio.session, file))
    before = face.crop
    QTest.keyClick(studio.window, Qt.Key.Key_M, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    view = studio.window.photo_view
    middle = view.to_widget(before.center_x, before.center_y).toPoint()
    drag(view, middle, middle + QPoint(6, 0), middle + QPoint(12, 0))
    moved = face.crop
    assert moved.center_x > before.center_x
    studio.open_path(file)
    qtbot.waitUntil(lambda: "is open already and stays as it is" in said(studio))
    assert photo.faces[0].crop == moved
    assert photo.stack.canUndo()
    settle(studio, qtbot)


def test_a_session_that_never_showed_a_photograph_leaves_its_faces_alone(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    settle(studio, qtbot)
    file, photo, face = tmp_path / "work.jmvae", studio.session.photo, studio.session.face
    assert photo is not None
    save(file, SessionRecord(photos=[PhotoRecord(path=str(photo.path))]))
    with qtbot.waitSignal(studio.sessions._read):
        studio.open_path(file)
    QApplication.processEvents()
    assert studio.session.face is face
    assert photo.searched
    settle(studio, qtbot)


def test_a_dropped_session_is_opened(studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path) -> None:
    drag_slider(studio, "Male", 0.9)
    kept, photo = values(studio), studio.session.photo
    file = tmp_path / "work.jmvae"
    save(file, record(studio.session, file))
    assert photo is not None
    studio.photographs.close_photo(photo)
    assert studio.session.photo is None
    studio.open_path(file)
    qtbot.waitUntil(lambda: studio.session.photo is not None, timeout=20_000)
    assert studio.session.photo is not photo
    assert studio.settings.recent_sessions == [str(file)]
    assert values(studio) == pytest.approx(kept)
    settle(studio, qtbot)


def test_a_damaged_autosave_is_set_aside_and_told(
    start_studio: Callable[[Path, Path], Studio],
    checkpoint: Path,
    photograph: Path,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    folder = tmp_path / "config" / "sessions"
    folder.mkdir(parents=True)
    damaged = folder / "autosave-1-dead.jmvae"
    damaged.write_bytes(b'{"format": "jmvae-ses')
    studio = start_studio(checkpoint, photograph)
    qtbot.waitUntil(lambda: "is damaged" in said(studio))
    assert not damaged.exists()
    assert (folder / "autosave-1-dead.bad").read_bytes() == b'{"format": "jmvae-ses'


def test_a_session_is_saved_and_opened_from_the_menu_of_recent_ones(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    kept = values(studio)
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_S, CONTROL | Qt.KeyboardModifier.AltModifier)
    name_file(asked_for_a_file(), tmp_path / "mine")
    file = tmp_path / "mine.jmvae"
    qtbot.waitUntil(lambda: bool(studio.window._recent_sessions.actions()))
    assert len(load(file).photos[0].sha256) == 64
    photo = studio.session.photo
    assert photo is not None
    studio.photographs.close_photo(photo)
    studio.window._recent_sessions.actions()[0].trigger()
    qtbot.waitUntil(lambda: studio.session.photo is not None, timeout=20_000)
    assert values(studio) == pytest.approx(kept)
    settle(studio, qtbot)


def test_a_session_tells_of_pasted_pictures_that_it_lacks(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path
) -> None:
    settle(studio, qtbot)
    QApplication.clipboard().setImage(QImage(str(photograph)))
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_V, CONTROL)
    qtbot.waitUntil(lambda: len(studio.session.photos) == 2, timeout=20_000)
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    QTest.keyClick(studio.window, Qt.Key.Key_S, CONTROL | Qt.KeyboardModifier.AltModifier)
    name_file(asked_for_a_file(), tmp_path / "mine")
    qtbot.waitUntil(lambda: "without 1 pasted picture," in said(studio))
    assert "mine.jmvae" in said(studio)
    assert [photo.path for photo in load(tmp_path / "mine.jmvae").photos] == [
        os.path.relpath(photograph, tmp_path)
    ]
    settle(studio, qtbot)


@pytest.mark.parametrize("kind", ["jmvae", "jmvae-preset"])
def test_what_is_saved_replaces_a_file_only_when_the_user_says_so(
    studio: Studio, qtbot: QtBot, tmp_path: Path, kind: str
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    older = tmp_path / f"mine.{kind}"
    older.write_text("older work")
    if kind == "jmvae":
        studio.window.save_session_asked.emit()
    else:
        studio.window.share_preset_asked.emit()
        asking = studio.presets.dialog
        assert asking is not None
        QTest.keyClicks(asking.name, "Grin")
        QTest.mouseClick(asking.accept_button, Qt.MouseButton.LeftButton)
    questions: list[str] = []

    def refuse() -> None:
        for box in message_boxes():
            questions.append(box.text())
            QTest.keyClick(box, Qt.Key.Key_Escape)

    timer = QTimer(interval=100)  # Qt waits in its question
    timer.timeout.connect(refuse)
    timer.start()
    asking_file = asked_for_a_file()
    name_file(asking_file, tmp_path / "mine")
    assert len(questions) == 1
    assert older.name in questions[0]
    assert older.read_text() == "older work"
    name_file(asking_file, tmp_path / "mine.v2")  # an ending of the user's own is left as it is
    qtbot.waitUntil((tmp_path / "mine.v2").is_file)
    assert older.read_text() == "older work"


def test_a_session_that_is_named_from_here_keeps_its_photographs(
    studio: Studio, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    kept = values(studio)
    save(tmp_path / "work.jmvae", record(studio.session, tmp_path / "work.jmvae"))
    assert studio.session.photo is not None
    studio.photographs.close_photo(studio.session.photo)
    monkeypatch.chdir(tmp_path)
    studio.open_path(Path("work.jmvae"))
    qtbot.waitUntil(lambda: studio.session.photo is not None, timeout=20_000)
    assert studio.session.photo.path.is_absolute()
    assert len(record(studio.session, tmp_path / "again.jmvae").photos) == 1
    assert values(studio) == pytest.approx(kept)
    settle(studio, qtbot)


def test_nothing_goes_before_its_successor_is_written(
    next_start: Callable[[], Studio],
    studio: Studio,
    qtbot: QtBot,
    tmp_path: Path,
    photograph: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    folder = tmp_path / "config" / "sessions"
    crashed = folder / "autosave-1-dead.jmvae"
    save(crashed, record(studio.session, crashed))
    second = next_start()
    bar = second.window.messages
    qtbot.waitUntil(bar.isVisible)

    def full(path: Path, kept: object) -> None:
        raise SessionFileError("the disk is full")

    monkeypatch.setattr("jmvae_studio.control.sessions.save", full)
    QTest.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: second.session.photo is not None and second.session.photo.path == photograph)
    settle(second, qtbot)
    own = list(folder.glob("autosave-*.jmvae"))
    second.window.close()
    assert crashed.is_file()
    assert list(folder.glob("autosave-*.jmvae")) == own
