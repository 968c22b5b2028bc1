"""What is kept: the export dialog, settings inside pictures, sessions and recovery after a crash."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.records import FaceRecord, PictureSettings
from jmvae_studio.document.saving import Saving, save_picture
from jmvae_studio.document.session_file import (
    PhotoRecord,
    SessionFileError,
    SessionRecord,
    load,
    record,
    save,
)
from jmvae_studio.ui.export_dialog import ExportDialog
from tests.gui.conftest import drag, drag_slider, message_boxes, said, settle
from trainer.data.images import open_image

CONTROL = Qt.KeyboardModifier.ControlModifier


def values(studio: Studio) -> dict[str, float]:
    assert studio.session.face is not None
    return dict(studio.session.face.edit.values)


def visible(kind: type) -> list[QApplication]:
    return [w for w in QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]


@pytest.fixture
def next_start(
    start_studio: Callable[[Path, Path], Studio], checkpoint: Path, photograph: Path, tmp_path: Path
) -> Callable[[], Studio]:
    """Start the program once more, on another photograph."""
    other = tmp_path / "other.jpg"
    other.write_bytes(photograph.read_bytes())
    return lambda: start_studio(checkpoint, other)


def test_the_export_dialog_and_the_way_back(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    kept = values(studio)
    QTest.keyClick(studio.window, Qt.Key.Key_S, CONTROL)
    dialog = visible(ExportDialog)[0]
    assert isinstance(dialog, ExportDialog)
    assert not dialog.quality.isEnabled()
    assert dialog.photo._edited
    dialog.format.setFocus()
    QTest.keyClicks(dialog.format, "WEBP")
    assert dialog.wish().suffix == ".webp"
    assert dialog.quality.isEnabled()
    dialog.beside.setFocus()
    QTest.keyClick(dialog.beside, Qt.Key.Key_Space)
    assert dialog.wish().beside
    QTest.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    asking = visible(QFileDialog)[0]
    assert isinstance(asking, QFileDialog)
    target = tmp_path / "pair.webp"
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        asking.fileSelected.emit(str(target))
    asking.close()
    pair = open_image(target).pixels
    assert pair.shape == (512, 1024, 3)
    assert np.abs(pair[:, :512].astype(int) - pair[:, 512:]).max() > 5
    QTest.mouseClick(studio.window.panel.reset_all, Qt.MouseButton.LeftButton)
    assert values(studio) == {}
    studio.open_path(target)
    bar = studio.window.messages
    qtbot.waitUntil(bar.isVisible, timeout=20_000)
    assert f"Smiling {kept['Smiling']:+.2f}" in bar.text.text()
    first = studio.session.photos[0]
    first.image = first.display = None  # as when memory is short: its file is read again
    QTest.mouseClick(bar.buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: studio.session.photo is first, timeout=20_000)
    assert values(studio) == pytest.approx(kept)
    assert studio.session.undo_group.undoText() == "restore settings"
    settle(studio, qtbot)
    assert studio.settings.export_format == ".webp"


def test_a_picture_of_which_only_the_identity_was_changed_says_so(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    drag(studio.window.panel.identity.groove, QPoint(100, 10), QPoint(60, 10))
    settle(studio, qtbot)
    assert studio.session.face is not None
    identity = studio.session.face.edit.identity
    assert values(studio) == {}
    assert identity != 1
    QTest.keyClick(studio.window, Qt.Key.Key_B, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    folders = studio.batches.dialog
    assert folders is not None
    assert folders.edit.currentText() == f"As astronaut.jpg: identity {identity:.0%}"
    folders.close()
    faces = [FaceRecord.of(studio.session.face)]
    photo = open_image(studio.session.photos[0].path)
    saving = Saving(settings=PictureSettings(faces=faces))
    save_picture(tmp_path / "made.png", photo.pixels, photo, saving=saving)
    studio.open_path(tmp_path / "made.png")
    qtbot.waitUntil(lambda: said(studio) != "", timeout=20_000)
    assert said(studio) == f"made.png was made here with identity {identity:.0%}."


@pytest.mark.parametrize("what", ["photograph", "face"])
def test_a_number_being_typed_is_exported(studio: Studio, qtbot: QtBot, what: str) -> None:
    settle(studio, qtbot)
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    number = studio.window.panel.sliders["Smiling"].number
    number.setFocus()
    number.selectAll()
    QTest.keyClicks(number, "2")
    assert values(studio) == {}
    shift = Qt.KeyboardModifier.NoModifier if what == "photograph" else Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(number, Qt.Key.Key_S, CONTROL | shift)
    dialog = studio.exports.dialog
    assert dialog is not None
    assert values(studio) == {"Smiling": 2.0}
    settle(studio, qtbot)

    def shown() -> QImage | None:
        laid = dialog.photo._edited.get(0)
        return dialog.after.image if what == "face" else laid.edited if laid else None

    qtbot.waitUntil(lambda: shown() == studio.showing.edited, timeout=10_000)
    assert studio.session.undo_group.undoText() == "Smiling to +2.00"
    dialog.reject()
    drag_slider(studio, "Male", 0.9)  # the dialog that is gone is no longer told
    settle(studio, qtbot)


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


def asked_for_a_file() -> QFileDialog:
    (asking,) = visible(QFileDialog)
    assert isinstance(asking, QFileDialog)
    return asking


def name_file(asking: QFileDialog, path: Path) -> None:
    """Give the file dialog a name; typed, Qt's proposals would take the Return now and then."""
    asking.selectFile(str(path))
    line = asking.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    line.setText(str(path))  # which `selectFile` leaves alone while the keyboard is there
    asking.accept()


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


def test_a_slow_export_shows_itself_and_can_be_cancelled(
    start_studio: Callable[[Path, Path], Studio],
    checkpoint: Path,
    photograph: Path,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    large = tmp_path / "large.png"
    grain = np.random.default_rng(0).integers(0, 90, (4000, 4000, 3), np.uint8)
    with Image.open(photograph) as picture:
        Image.fromarray(np.asarray(picture.resize((4000, 4000))) // 2 + grain).save(large, compress_level=1)
    studio = start_studio(checkpoint, large)
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    line, target = studio.window.progress, tmp_path / "out.png"
    target.write_bytes(b"the old one")
    studio.export(target)
    qtbot.waitUntil(line.isVisible, timeout=10_000)
    with qtbot.waitSignal(studio.exports._exporter.stopped, timeout=5000):
        QTest.mouseClick(line.cancel, Qt.MouseButton.LeftButton)
    assert not line.isVisible()
    assert target.read_bytes() == b"the old one"
    assert not list(tmp_path.glob(".*.part"))
    assert "cancelled" in studio.window.statusBar().currentMessage()
    with qtbot.waitSignal(studio.exported, timeout=60_000):
        studio.export(tmp_path / "again.jpg")
    assert not line.isVisible()


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


@pytest.mark.parametrize("closed", [False, True])
def test_the_photograph_of_the_dialog_is_exported_though_another_came(
    studio: Studio, qtbot: QtBot, tmp_path: Path, closed: bool
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    photo = studio.session.photo
    assert photo is not None
    QTest.keyClick(studio.window, Qt.Key.Key_S, CONTROL)
    (dialog,) = visible(ExportDialog)
    assert isinstance(dialog, ExportDialog)
    QTest.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    flat, target = tmp_path / "flat.png", tmp_path / "out.png"
    Image.new("RGB", (300, 200)).save(flat)
    studio.open_path(flat)  # it was slow to read
    qtbot.waitUntil(lambda: studio.session.photo is not photo, timeout=20_000)
    if closed:
        studio.photographs.close_photo(photo)
        name_file(asked_for_a_file(), target)
        assert "astronaut.jpg is no longer shown" in said(studio)
        assert not target.exists()
    else:
        with qtbot.waitSignal(studio.exported, timeout=30_000) as exported:
            name_file(asked_for_a_file(), target)
        assert exported.args == [target]
        assert open_image(target).pixels.shape == (512, 512, 3)
