"""A folder of pictures becomes a data set, with the keys, as a user makes it."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.training.tags import TABLE
from jmvae_studio.ui.tagging_window import FACES, OPEN, REJECTED, TaggingWindow
from tests.gui.conftest import message_boxes
from tests.gui.test_train_dialog import write
from trainer.data.folder import list_rows

LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def pictures(tmp_path: Path, own_faces: Path) -> Path:
    """Twelve photographs of a face, one of nothing, and a file that is no picture; no table."""
    folder = tmp_path / "pictures"
    shutil.copytree(own_faces, folder)
    (folder / TABLE).unlink()
    Image.new("RGB", (200, 150), "green").save(folder / "meadow.png")
    (folder / "note.jpg").write_text("no picture")
    return folder


@pytest.fixture
def window(studio: Studio) -> Iterator[TaggingWindow]:
    QTest.keyClick(studio.window, Qt.Key.Key_T, CONTROL | Qt.KeyboardModifier.AltModifier)
    opened = studio.tagging.window
    assert opened is not None
    yield opened
    if studio.tagging.window is not None:
        opened.close()
        for box in message_boxes():  # else the main window asks, and stays
            click(box, QMessageBox.StandardButton.Discard)


def search(window: TaggingWindow, folder: Path, qtbot: QtBot) -> None:
    write(window.folder, str(folder))
    QTest.keyClick(window.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.note.text() == "12 faces, 2 pictures rejected", timeout=60_000)
    qtbot.waitUntil(lambda: not window.bar.isVisible(), timeout=60_000)


def add(window: TaggingWindow, name: str) -> None:
    write(window.new_name, name)
    QTest.keyClick(window.new_name, Qt.Key.Key_Return)


def counts(window: TaggingWindow, row: int) -> tuple[str, ...]:
    items = [window.attributes.item(row, column) for column in range(4)]
    return tuple(item.text() if item else "" for item in items)


def fingerprints(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }


def test_faces_are_tagged_with_the_keys_and_written(
    studio: Studio, window: TaggingWindow, qtbot: QtBot, pictures: Path
) -> None:
    before = fingerprints(pictures)
    search(window, pictures, qtbot)
    assert not window.save.isEnabled()
    add(window, "Winking")
    assert counts(window, 0) == ("Winking", "0", "0", "12")
    assert window.focusWidget() is window.sheet
    assert window.sheet.selected() == [0]
    for key in "yynyn":
        QTest.keyClicks(window.sheet, key)
    assert counts(window, 0) == ("Winking", "3", "2", "7")
    assert window.sheet.selected() == [5]  # each key goes on
    QTest.keyClick(window.undo, Qt.Key.Key_Space)
    assert counts(window, 0) == ("Winking", "3", "1", "8")
    QTest.mouseClick(window.redo, LEFT)
    assert counts(window, 0) == ("Winking", "3", "2", "7")
    QTest.keyClick(window.sheet, Qt.Key.Key_Home)
    QTest.keyClick(window.sheet, Qt.Key.Key_Backspace)
    assert counts(window, 0) == ("Winking", "2", "2", "8")
    QTest.keyClick(window.sheet, Qt.Key.Key_A, CONTROL)
    QTest.keyClicks(window.sheet, "n")
    assert counts(window, 0) == ("Winking", "0", "12", "0")
    QTest.mouseClick(window.undo, LEFT)
    window.show_box.setCurrentText(OPEN)
    assert len(window.sheet.entries) == 8
    QTest.keyClick(window.sheet, Qt.Key.Key_Home)
    QTest.mouseClick(window.yes, LEFT)
    assert len(window.sheet.entries) == 7  # it is no longer open; the next one is selected
    assert len(window.sheet.selected()) == 1
    add(window, "Winking")
    assert "already" in window.problem.text()
    assert "Winking: only 2 without it" in window.warnings.text()
    assert "5 pictures are tagged in full" in window.warnings.text()
    QTest.mouseClick(window.save, LEFT)
    assert "names 5 pictures; 7 are left out" in window.problem.text()
    listing = list_rows(pictures)
    assert listing.names == ("Winking",)
    assert sorted(row.values for row in listing.rows) == [(-1.0,), (-1.0,), (1.0,), (1.0,), (1.0,)]
    after = fingerprints(pictures)
    assert after.pop(TABLE)
    assert after == before
    assert studio.settings.training_data == str(pictures)
    window.close()
    qtbot.waitUntil(lambda: studio.tagging.window is None)


def test_what_was_rejected_is_shown_with_its_reason(
    window: TaggingWindow, qtbot: QtBot, pictures: Path
) -> None:
    search(window, pictures, qtbot)
    window.show_box.setCurrentText(REJECTED)
    shown = {entry.name: entry for entry in window.sheet.entries}
    assert shown["meadow.png"].caption == "no face was found"
    assert shown["meadow.png"].image is not None
    assert "note.jpg" in shown["note.jpg"].caption
    assert shown["note.jpg"].image is None
    add(window, "Winking")
    QTest.keyClicks(window.sheet, "y")
    assert counts(window, 0) == ("Winking", "0", "0", "12")


def test_the_model_in_the_editor_suggests(
    studio: Studio, window: TaggingWindow, qtbot: QtBot, pictures: Path
) -> None:
    search(window, pictures, qtbot)
    add(window, "Smiling")  # the model knows it
    qtbot.waitUntil(lambda: not any(np.isnan(e.suggestion) for e in window.sheet.entries), timeout=30_000)
    expected = [1 if entry.suggestion > 0 else -1 for entry in window.sheet.entries]
    QTest.keyClick(window.sheet, Qt.Key.Key_Home)
    for _ in expected[:4]:
        QTest.keyClick(window.sheet, Qt.Key.Key_Space)
    assert [entry.tag for entry in window.sheet.entries[:5]] == [*expected[:4], 0]
    add(window, "Bright")  # it does not: learnt from the first pictures
    assert all(np.isnan(entry.suggestion) for entry in window.sheet.entries)
    truth = [int(line.split(",")[1]) for line in (pictures.parent / "truth").read_text().split()[1:]]
    for row, value in enumerate(truth):
        studio.tagging.tags.set([row], 1, value)
    window.show_box.setCurrentText(FACES)
    learnt = [entry.suggestion for entry in window.sheet.entries]
    if min(truth.count(1), truth.count(-1)) >= 6:
        assert [1 if value > 0 else -1 for value in learnt] == truth


@pytest.fixture(autouse=True)
def truth(tmp_path: Path, own_faces: Path) -> None:
    shutil.copyfile(own_faces / TABLE, tmp_path / "truth")


def test_a_table_is_taken_kept_and_asked_about(
    studio: Studio, window: TaggingWindow, qtbot: QtBot, pictures: Path, own_faces: Path
) -> None:
    shutil.copyfile(own_faces / TABLE, pictures / TABLE)
    search(window, pictures, qtbot)
    bright = (own_faces / TABLE).read_text().split()[1:]
    yes = sum(line.split(",")[1] == "1" for line in bright)
    assert counts(window, 0) == ("Bright", str(yes), str(12 - yes), "0")
    assert not window.has_unsaved
    QTest.keyClick(window.sheet, Qt.Key.Key_Home)
    value = window.sheet.entries[0].tag
    QTest.keyClicks(window.sheet, "n" if value > 0 else "y")
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert window.isVisible()
    click(message_boxes()[0], QMessageBox.StandardButton.Cancel)
    assert window.isVisible()
    window.close()
    click(message_boxes()[0], QMessageBox.StandardButton.Save)
    qtbot.waitUntil(lambda: studio.tagging.window is None)
    assert (pictures / "attributes-1.old").read_text() == (own_faces / TABLE).read_text()
    assert list_rows(pictures).rows[0].values[0] == -value


def click(box: QMessageBox, kind: QMessageBox.StandardButton) -> None:
    QTest.mouseClick(box.button(kind), LEFT)


KINDS = QMessageBox.StandardButton


@pytest.mark.parametrize("answer", [KINDS.Save, KINDS.Discard, KINDS.Cancel])
def test_the_program_asks_about_unsaved_tags_before_it_closes(
    studio: Studio, window: TaggingWindow, qtbot: QtBot, pictures: Path, answer: QMessageBox.StandardButton
) -> None:
    search(window, pictures, qtbot)
    add(window, "Winking")
    QTest.keyClicks(window.sheet, "yyn")
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_Q, CONTROL)
    studio.window.close()  # asked twice, there is still one question
    assert studio.window.isVisible()
    (box,) = message_boxes()
    click(box, answer)
    assert studio.window.isVisible() == (answer == KINDS.Cancel)
    assert (pictures / TABLE).exists() == (answer == KINDS.Save)
    if answer == KINDS.Cancel:
        assert counts(window, 0) == ("Winking", "2", "1", "9")
        assert window.undo.isEnabled()


@pytest.mark.parametrize(("same", "answer"), [(True, KINDS.Discard), (False, KINDS.Save)])
def test_another_folder_is_begun_only_when_unsaved_tags_may_go(
    window: TaggingWindow,
    qtbot: QtBot,
    pictures: Path,
    tmp_path: Path,
    same: bool,
    answer: QMessageBox.StandardButton,
) -> None:
    other = pictures if same else tmp_path / "other"
    other.mkdir(exist_ok=True)
    search(window, pictures, qtbot)
    add(window, "Winking")
    QTest.keyClicks(window.sheet, "yyn")
    for given in (KINDS.Cancel, answer):
        assert counts(window, 0) == ("Winking", "2", "1", "9")
        write(window.folder, str(other))
        QTest.keyClick(window.folder, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: bool(message_boxes()))
        (box,) = message_boxes()
        assert window.folder.text() == str(pictures)
        click(box, given)
    assert window.folder.text() == str(other)
    qtbot.waitUntil(lambda: window.attributes.rowCount() == 0)
    assert not window.has_unsaved
    assert (pictures / TABLE).exists() == (answer == KINDS.Save)
    qtbot.waitUntil(lambda: not window.bar.isVisible(), timeout=60_000)


def test_subfolders_become_attributes_and_training_begins_with_them(
    studio: Studio, window: TaggingWindow, qtbot: QtBot, pictures: Path
) -> None:
    for number in range(12):
        folder = pictures / ("happy" if number < 5 else "sad")
        folder.mkdir(exist_ok=True)
        (pictures / f"{number:02d}.png").rename(folder / f"{number:02d}.png")
    search(window, pictures, qtbot)
    QTest.mouseClick(window.from_folders, LEFT)
    qtbot.waitUntil(lambda: window.attributes.rowCount() == 2)
    assert [counts(window, row) for row in range(2)] == [("happy", "5", "7", "0"), ("sad", "7", "5", "0")]
    QTest.mouseClick(window.train, LEFT)
    qtbot.waitUntil(lambda: studio.training.dialog is not None)
    dialog = studio.training.dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: "12 pictures with 2 attributes" in dialog.found.text(), timeout=10_000)


def test_a_search_is_cancelled(window: TaggingWindow, qtbot: QtBot, pictures: Path) -> None:
    for number in range(200):
        os.link(pictures / "00.png", pictures / f"more {number}.png")
    write(window.folder, str(pictures))
    QTest.keyClick(window.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.bar.value() > 2, timeout=60_000)
    QTest.mouseClick(window.cancel, LEFT)
    qtbot.waitUntil(lambda: not window.bar.isVisible(), timeout=10_000)
    qtbot.wait(500)  # what was under way may still come
    found = len(window.sheet.entries)
    assert found < 200
    qtbot.wait(500)
    assert len(window.sheet.entries) == found


def test_bad_folders_and_known_layouts_are_told(
    window: TaggingWindow, studio: Studio, qtbot: QtBot, tmp_path: Path, tiny_celeba: Path
) -> None:
    (tmp_path / "empty").mkdir()
    write(window.folder, str(tmp_path / "empty"))
    QTest.keyClick(window.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "There are no pictures in" in window.problem.text())
    write(window.folder, str(tiny_celeba))
    QTest.keyClick(window.folder, Qt.Key.Key_Return)
    assert "This is CelebA as distributed" in window.problem.text()
    menu = studio.window.train_menu
    entries = [f"{menu.title()} ▸ {action.text()}".replace("&", "") for action in menu.actions()]
    assert any(entry in window.problem.text() for entry in entries)


def test_another_folder_gets_nothing_of_the_one_before(
    window: TaggingWindow, studio: Studio, qtbot: QtBot, pictures: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(next(path for path in sorted(pictures.iterdir()) if path.suffix == ".png"), other / "one.png")
    write(window.folder, str(pictures))
    QTest.keyClick(window.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(studio.tagging.tags.pictures) > 1, timeout=60_000)
    write(window.folder, str(other))
    QTest.keyClick(window.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.note.text().startswith(("1 face", "0 faces")), timeout=60_000)
    qtbot.waitUntil(lambda: not window.bar.isVisible(), timeout=60_000)
    assert set(studio.tagging.tags.pictures) <= {"one.png"}
