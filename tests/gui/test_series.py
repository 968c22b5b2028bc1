"""Grids, strips and animations in the export dialog."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.inference.seen_faces import SeenFaces
from jmvae_studio.ui.export_dialog import ExportDialog
from tests.gui.conftest import drag_slider, pixels, settle
from trainer.data.images import open_image

CONTROL = Qt.KeyboardModifier.ControlModifier


def open_dialog(studio: Studio, what: str) -> ExportDialog:
    studio.window.activateWindow()
    assert QTest.qWaitForWindowActive(studio.window)
    QTest.keyClick(studio.window, Qt.Key.Key_S, CONTROL)
    dialog = studio.exports.dialog
    assert dialog is not None
    dialog.what.setFocus()
    QTest.keyClicks(dialog.what, what)
    return dialog


def save_as(dialog: ExportDialog, target: Path) -> str:
    """Returns the name that is proposed."""
    QTest.mouseClick(dialog.save_button, Qt.MouseButton.LeftButton)
    asking = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible())
    proposed = Path(asking.selectedFiles()[0]).name
    asking.fileSelected.emit(str(target))
    asking.close()
    return proposed


def test_an_animation_is_previewed_and_written(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    drag_slider(studio, "Male", 0.8)
    settle(studio, qtbot)
    dialog = open_dialog(studio, "Animation")
    assert dialog.wish().what == "animation"
    assert dialog.wish().suffix == ".gif"
    assert dialog.animation.attribute.currentData() == "Male"
    dialog.animation.frames.selectAll()
    QTest.keyClicks(dialog.animation.frames, "8")
    qtbot.waitUntil(lambda: len(dialog.flipbook.frames) == 8, timeout=30_000)
    first, middle = pixels(dialog.flipbook.frames[0]), pixels(dialog.flipbook.frames[4])
    assert np.abs(first.astype(int) - middle).max() > 3
    assert np.array_equal(pixels(dialog.flipbook.frames[1]), pixels(dialog.flipbook.frames[7]))
    shown = dialog.flipbook.current
    qtbot.waitUntil(lambda: dialog.flipbook.current != shown, timeout=5000)
    dialog.name.selectAll()
    QTest.keyClicks(dialog.name, "{{name}-{{attributes}")
    assert not dialog.save_button.isEnabled()
    assert "brace" in dialog.note.text()
    dialog.name.selectAll()
    QTest.keyClicks(dialog.name, "{name}-{attributes}-{number}")
    target = tmp_path / "moving.gif"
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        name = save_as(dialog, target)
    assert name.startswith("astronaut-Male+")
    assert name.endswith("-1.gif")
    assert studio.settings.export_name == "{name}-{attributes}-{number}"
    with Image.open(target) as picture:
        assert picture.n_frames == 8
        assert sum(_durations(picture)) == 2000
    assert not studio.window.series_progress.isVisible()


def test_a_long_animation_can_be_cancelled(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    settle(studio, qtbot)
    dialog = open_dialog(studio, "Animation")
    for box, text in ((dialog.animation.frames, "120"), (dialog.animation.seconds, "9")):
        box.selectAll()
        QTest.keyClicks(box, f"{text}")
    target = tmp_path / "long.gif"
    save_as(dialog, target)
    line = studio.window.series_progress
    qtbot.waitUntil(lambda: line.isVisible() and line.bar.value() > 1, timeout=30_000)
    assert line.bar.maximum() == 61
    QTest.mouseClick(line.cancel, Qt.MouseButton.LeftButton)
    assert not line.isVisible()
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    assert not target.exists()
    assert "not written" in studio.window.statusBar().currentMessage()


def test_a_photograph_exported_meanwhile_leaves_an_animation_alone(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    settle(studio, qtbot)
    dialog = open_dialog(studio, "Animation")
    for box, text in ((dialog.animation.frames, "120"), (dialog.animation.seconds, "9")):
        box.selectAll()
        QTest.keyClicks(box, text)
    save_as(dialog, tmp_path / "long.gif")
    animation, photograph = studio.window.series_progress, studio.window.progress
    qtbot.waitUntil(lambda: animation.isVisible() and animation.bar.value() > 1, timeout=30_000)
    held = threading.Event()
    studio.renderer.with_engine(lambda engine: held.wait(30), lambda _: None)
    studio.export(tmp_path / "cancelled.png")
    qtbot.waitUntil(photograph.isVisible)
    QTest.mouseClick(photograph.cancel, Qt.MouseButton.LeftButton)
    studio.export(tmp_path / "wanted.png")
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        held.set()
    assert not photograph.isVisible()
    assert not (tmp_path / "cancelled.png").exists()
    assert animation.isVisible()
    assert animation.label.text() == "Making long.gif"
    QTest.mouseClick(animation.cancel, Qt.MouseButton.LeftButton)
    assert not animation.isVisible()
    settle(studio, qtbot)
    assert not (tmp_path / "long.gif").exists()


def test_a_grid_shows_what_the_sliders_would(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    settle(studio, qtbot)
    dialog = open_dialog(studio, "Grid")
    grid = dialog.grid
    assert grid.across.attribute.currentData() == "Smiling"
    grid.across.steps.selectAll()
    QTest.keyClicks(grid.across.steps, "3")
    QTest.keyClicks(grid.down.attribute, "Smiling")
    assert "same attribute" in dialog.note.text()
    assert not dialog.save_button.isEnabled()
    qtbot.wait(QApplication.keyboardInputInterval() + 50)  # a new word, not more of the last one
    QTest.keyClicks(grid.down.attribute, "Bald")
    assert dialog.save_button.isEnabled()
    grid.down.steps.selectAll()
    QTest.keyClicks(grid.down.steps, "2")
    qtbot.waitUntil(lambda: bool(dialog.flipbook.frames), timeout=30_000)
    target = tmp_path / "grid.png"
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        assert save_as(dialog, target) == "astronaut grid.png"
    sheet = open_image(target).pixels
    cells = [
        sheet[sheet.shape[0] - 270 - row * 260 :, sheet.shape[1] - 270 - column * 260 :][:256, :256]
        for row in (1, 0)
        for column in (2, 1, 0)
    ]
    assert np.abs(cells[0].astype(int) - cells[2]).max() > 3  # across: Smiling
    assert np.abs(cells[0].astype(int) - cells[3]).max() > 3  # down: Bald
    assert studio.session.face is not None
    assert studio.session.face.edit.is_empty  # nothing of the edit was touched


def test_a_strip_has_a_column_for_every_change(studio: Studio, qtbot: QtBot, tmp_path: Path) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)
    dialog = open_dialog(studio, "Papers")
    assert dialog.strip.list.count() == 1
    QTest.keyClicks(dialog.strip.attribute, "Bald")
    QTest.mouseClick(dialog.strip.add_button, Qt.MouseButton.LeftButton)
    assert dialog.strip.list.item(1).text() == "Bald +2.00"
    targets = [tmp_path / "two.png", tmp_path / "one.png"]
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        save_as(dialog, targets[0])
    dialog = open_dialog(studio, "Papers")
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        save_as(dialog, targets[1])
    two, one = (open_image(target).pixels for target in targets)
    assert two.shape[1] - one.shape[1] == 202  # one more column
    assert np.array_equal(two[:, : one.shape[1] - 10], one[:, :-10])
    dialog = open_dialog(studio, "Whole")
    assert dialog.wish().what == "photograph"
    dialog.reject()


def test_a_face_that_the_renderer_has_forgotten_is_looked_at_again(
    studio: Studio, qtbot: QtBot, tmp_path: Path
) -> None:
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)

    def forget() -> None:
        """As when many other faces are looked at."""
        kept, done = studio.renderer._seen, threading.Event()
        studio.renderer.with_engine(
            lambda engine: vars(kept).update(vars(SeenFaces())), lambda outcome: done.set()
        )
        assert done.wait(10)

    dialog = open_dialog(studio, "Papers")
    assert dialog.wish().what == "strip"
    forget()
    with qtbot.waitSignal(studio.exported, timeout=30_000):
        save_as(dialog, tmp_path / "strip.png")
    forget()
    drag_slider(studio, "Male", 0.9)
    settle(studio, qtbot)


def test_closing_finishes_a_series(
    start_studio: Callable[[Path, Path], Studio],
    checkpoint: Path,
    photograph: Path,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    studio = start_studio(checkpoint, photograph)
    settle(studio, qtbot)
    target = tmp_path / "late.webp"
    dialog = open_dialog(studio, "Animation")
    dialog.format.setFocus()
    QTest.keyClicks(dialog.format, "WebP")
    assert dialog.wish().suffix == ".webp"
    save_as(dialog, target)
    studio.window.close()
    with Image.open(target) as picture:
        assert picture.n_frames > 4  # equal frames are joined
        assert sum(_durations(picture)) == 2000


def _durations(picture: Image.Image) -> list[int]:
    times = []
    for number in range(picture.n_frames):  # type: ignore[attr-defined]
        picture.seek(number)
        picture.load()
        times.append(picture.info["duration"])
    return times
