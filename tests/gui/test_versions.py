"""Versions of one photograph: named, kept, switched and removed, undone, and kept in sessions."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QInputDialog
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.session_file import load, record, save
from tests.gui.conftest import drag_slider, said, settle, values
from tests.gui.test_digits import save as save_digits
from trainer.data.face_crop import FaceCrop

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    return save_digits(tmp_path / "digits.safetensors", "jmvae-kl")


def keep(studio: Studio, name: str | None = None) -> None:
    """With Ctrl+Shift+K, a typed name and Enter; the proposed name without one."""
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_K, CONTROL | SHIFT)
    asking = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QInputDialog) and w.isVisible())
    line = asking.focusWidget()
    if name is not None:
        QTest.keyClicks(line, name)  # over the proposed one, which is selected
    QTest.keyClick(line, Qt.Key.Key_Return)
    QApplication.processEvents()


def shown(studio: Studio) -> list[tuple[str, bool]]:
    QApplication.processEvents()
    return [(action.text(), action.isChecked()) for action in studio.window.versions.actions]


def choose(studio: Studio, name: str) -> None:
    next(action for action in studio.window.versions.actions if action.text() == name).trigger()
    QApplication.processEvents()


def undo(studio: Studio) -> None:
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_Z, CONTROL)
    QApplication.processEvents()


def test_versions_are_kept_switched_removed_and_undone(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    smiling = values(studio)
    keep(studio)
    assert shown(studio) == [("Version 1", True)]
    drag_slider(studio, "Male", 0.9)
    assert shown(studio) == [("Version 1", False)]
    both = values(studio)
    keep(studio, "With a beard")
    assert shown(studio) == [("Version 1", False), ("With a beard", True)]
    drag_slider(studio, "Young", 0.1)
    loose = values(studio)
    choose(studio, "Version 1")
    assert values(studio) == smiling
    assert shown(studio) == [("Version 1", True), ("With a beard", False)]
    settle(studio, qtbot)  # the same square: nothing has to be read again
    undo(studio)
    assert values(studio) == loose  # what was not kept is not lost
    choose(studio, "With a beard")
    assert values(studio) == both
    studio.window.version_removed.emit("With a beard")
    assert shown(studio) == [("Version 1", False)]
    assert values(studio) == both
    undo(studio)
    assert shown(studio) == [("Version 1", False), ("With a beard", True)]
    drag_slider(studio, "Bald", 0.8)
    keep(studio, "With a beard")  # replaces
    replaced = values(studio)
    choose(studio, "Version 1")
    choose(studio, "With a beard")
    assert values(studio) == replaced
    stack = studio.session.undo_group.activeStack()
    while stack.canUndo():
        undo(studio)
    assert shown(studio) == []
    assert values(studio) == {}


def test_what_changes_nothing_is_no_step(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    keep(studio, "Smile")
    assert studio.session.photo is not None
    stack = studio.session.photo.stack
    count = stack.count()
    choose(studio, "Smile")
    keep(studio, "Smile")
    assert stack.count() == count
    assert shown(studio) == [("Smile", True)]


def test_a_version_holds_every_face_and_its_square(studio: Studio, qtbot: QtBot) -> None:
    settle(studio, qtbot)
    photo = studio.session.photo
    assert photo is not None
    drag_slider(studio, "Smiling", 0.9)
    first = photo.version("")
    keep(studio, "One face")
    studio.session.add_crop(FaceCrop(300, 300, 120, 10))
    settle(studio, qtbot)
    drag_slider(studio, "Male", 0.9)
    second = photo.version("")
    keep(studio, "Two faces")
    choose(studio, "One face")
    assert photo.version("") == first
    settle(studio, qtbot)
    choose(studio, "Two faces")
    assert photo.version("") == second
    settle(studio, qtbot)


def test_versions_survive_a_session_file(
    studio: Studio,
    start_studio: Callable[[Path, Path], Studio],
    qtbot: QtBot,
    tmp_path: Path,
    checkpoint: Path,
    photograph: Path,
) -> None:
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    smiling = values(studio)
    keep(studio, "Smith & Sons")
    QTest.mouseClick(studio.window.panel.reset_all, Qt.MouseButton.LeftButton)
    assert values(studio) == {}
    file = tmp_path / "work.jmvae"
    save(file, record(studio.session, file))
    assert load(file).is_edited  # though nothing is asked of a face now
    other = tmp_path / "other.jpg"
    other.write_bytes(photograph.read_bytes())
    again = start_studio(checkpoint, other)
    again.open_path(file)
    qtbot.waitUntil(lambda: again.session.photo is not None and again.session.photo.path == photograph)
    assert shown(again) == [("Smith && Sons", False)]
    choose(again, "Smith && Sons")
    assert values(again) == pytest.approx(smiling)
    settle(again, qtbot)


def test_a_session_leaves_a_photograph_with_versions_alone(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    settle(studio, qtbot)
    file, photo = tmp_path / "work.jmvae", studio.session.photo
    assert photo is not None
    save(file, record(studio.session, file))
    drag_slider(studio, "Smiling", 0.9)
    keep(studio)
    QTest.mouseClick(studio.window.panel.reset_all, Qt.MouseButton.LeftButton)
    assert not photo.is_edited
    steps = photo.stack.count()
    studio.open_path(file)
    qtbot.waitUntil(lambda: "is open already and stays as it is" in said(studio))
    assert shown(studio) == [("Version 1", False)]
    assert photo.stack.count() == steps
    settle(studio, qtbot)


@pytest.mark.parametrize("closed", [False, True])
def test_the_version_is_of_the_photograph_it_was_asked_for(
    studio: Studio, qtbot: QtBot, tmp_path: Path, photograph: Path, closed: bool
) -> None:
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    photo, smiling = studio.session.photo, values(studio)
    assert photo is not None
    studio.window.keep_version_asked.emit()
    asking = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QInputDialog) and w.isVisible())
    other = tmp_path / "other.jpg"
    other.write_bytes(photograph.read_bytes())
    studio.open_path(other)  # it was slow to read
    qtbot.waitUntil(lambda: studio.session.photo is not photo, timeout=20_000)
    settle(studio, qtbot)
    if closed:
        studio.photographs.close_photo(photo)
    QTest.keyClick(asking.focusWidget(), Qt.Key.Key_Return)
    assert [dict(v.faces[0].edit.values) for v in photo.versions.values()] == ([] if closed else [smiling])
    assert studio.session.photo is not None
    assert not studio.session.photo.versions
    assert ("was closed meanwhile" in said(studio)) == closed


def test_a_name_of_the_other_kind_of_model_is_left_to_it(
    studio: Studio, qtbot: QtBot, digits: Path, checkpoint: Path
) -> None:
    settle(studio, qtbot)
    drag_slider(studio, "Smiling", 0.9)
    smiling = values(studio)
    keep(studio, "Best")
    studio.load_model(digits)
    qtbot.waitUntil(lambda: studio.session.photo is not None and studio.session.photo.whole, timeout=30_000)
    settle(studio, qtbot)
    keep(studio, "Best")
    assert [name for name, _ in shown(studio)] == ["Best 2"]
    studio.load_model(checkpoint)
    qtbot.waitUntil(
        lambda: studio.session.photo is not None and not studio.session.photo.whole, timeout=30_000
    )
    settle(studio, qtbot)
    assert shown(studio) == [("Best", True)]
    assert values(studio) == smiling
