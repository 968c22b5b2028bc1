"""A folder edited alike: results, failures, what is there already, and cancelling."""

import hashlib
import re
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.presets import Preset, PresetFolder
from jmvae_studio.ui.batch_dialog import BatchDialog
from tests.gui.conftest import drag_slider, settle
from trainer.checkpoint import load_model, save_model
from trainer.data.images import open_image

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def folder(tmp_path: Path, astronaut: np.ndarray) -> Path:
    """Two photographs of a face, one without, and one file that is no picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.fromarray(astronaut).save(folder / "1 straight.png")
    (folder / "2 broken.jpg").write_text("no picture")
    Image.new("RGB", (300, 200), (90, 120, 150)).save(folder / "3 flat.png")
    Image.fromarray(astronaut[:, ::-1]).save(folder / "4 turned.png")
    return folder


def open_dialog(studio: Studio, folder: Path) -> BatchDialog:
    QTest.keyClick(studio.window, Qt.Key.Key_B, CONTROL | SHIFT)
    dialog = studio.batches.dialog
    assert dialog is not None
    assert dialog.isVisible()
    dialog.folder.selectAll()
    QTest.keyClicks(dialog.folder, str(folder))
    return dialog


def start(studio: Studio, dialog: BatchDialog, qtbot: QtBot) -> None:
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not studio.batches.is_busy, timeout=60_000)


def rows(dialog: BatchDialog) -> dict[str, str]:
    items = [dialog.results.topLevelItem(row) for row in range(dialog.results.topLevelItemCount())]
    return {item.text(0): item.text(1) for item in items if item is not None}


def test_a_folder_gets_the_current_edit(studio: Studio, qtbot: QtBot, folder: Path) -> None:
    originals = {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.iterdir()}
    drag_slider(studio, "Smiling", 0.95)
    settle(studio, qtbot)
    dialog = open_dialog(studio, folder)
    assert dialog.out.text() == str(folder / "edited")
    assert dialog.edit.currentText().startswith("As astronaut.jpg: Smiling +")
    start(studio, dialog, qtbot)
    said = rows(dialog)
    assert list(said)[:2] == ["1 straight.png", "4 turned.png"]
    assert list(said)[2:] == ["2 broken.jpg", "3 flat.png"]  # those that failed are last
    assert said["1 straight.png"] == "saved as 1 straight.png"
    assert "2 broken.jpg" in said["2 broken.jpg"]
    assert "no face was found" in said["3 flat.png"]
    assert dialog.note.text() == "Done: 2 saved, 2 failed, listed at the end."
    assert sorted(path.name for path in (folder / "edited").iterdir()) == ["1 straight.png", "4 turned.png"]
    result = open_image(folder / "edited" / "1 straight.png").pixels.astype(int)
    assert np.abs(result - open_image(folder / "1 straight.png").pixels).max() > 3
    assert {path: hashlib.sha256(path.read_bytes()).digest() for path in originals} == originals
    dialog.close()


def test_a_home_that_nobody_has_is_a_folder_that_is_missing(
    studio: Studio, qtbot: QtBot, folder: Path
) -> None:
    dialog = open_dialog(studio, Path("~nobody at all/pictures"))
    start(studio, dialog, qtbot)
    assert "“pictures” cannot be read" in dialog.note.text()
    dialog.close()


def test_the_edit_that_is_named_is_the_one_that_is_made(
    studio: Studio, qtbot: QtBot, folder: Path, tmp_path: Path, astronaut: np.ndarray
) -> None:
    drag_slider(studio, "Smiling", 0.95)
    settle(studio, qtbot)
    dialog = open_dialog(studio, folder)
    assert "Young" not in dialog.edit.currentText()
    drag_slider(studio, "Young", 0.05)
    settle(studio, qtbot)
    named = dialog.edit.currentText()
    assert re.fullmatch(r"As astronaut\.jpg: Smiling \+\d\.\d, Young -\d\.\d", named)
    other = tmp_path / "other.png"
    Image.fromarray(astronaut[:, ::-1]).save(other)
    studio.open_path(other)
    qtbot.waitUntil(lambda: studio.session.face is not None and len(studio.session.photos) == 2)
    assert dialog.edit.currentText() == "The current photograph's edit (nothing is changed yet)"
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    assert dialog.note.text().startswith("Nothing is changed")
    strip = studio.window.filmstrip
    place = strip.visualItemRect(strip.item(0)).center()
    QTest.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert dialog.edit.currentText() == named
    held = threading.Event()
    studio.renderer.with_engine(lambda engine: held.wait(30), lambda _: None)
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    drag_slider(studio, "Bald", 0.9)
    assert dialog.edit.currentText() == named  # the folder's, as long as it is under way
    held.set()
    qtbot.waitUntil(lambda: not studio.batches.is_busy, timeout=60_000)
    assert dialog.edit.currentText().startswith("As astronaut.jpg: Bald +")
    dialog.close()
    settle(studio, qtbot)


def test_results_that_are_there_stay_unless_asked(
    studio: Studio, qtbot: QtBot, folder: Path, tmp_path: Path
) -> None:
    PresetFolder(tmp_path / "config" / "presets").save(Preset(name="Grin", values={"Smiling": 3, "Wings": 1}))
    out = folder / "edited"
    out.mkdir()
    (out / "1 straight.png").write_bytes(b"mine")
    dialog = open_dialog(studio, folder)
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    assert dialog.note.text() == "Nothing is changed: move a slider first, or choose a preset."
    QTest.keyClicks(dialog.edit, "Preset")
    assert dialog.wish().edit == "Grin"
    start(studio, dialog, qtbot)
    assert (out / "1 straight.png").read_bytes() == b"mine"
    assert dialog.note.text() == "Done: 1 saved, 1 left as they were, 2 failed, listed at the end."
    QTest.keyClicks(dialog.existing, "Replace")
    start(studio, dialog, qtbot)
    assert open_image(out / "1 straight.png").pixels.shape == (512, 512, 3)
    assert studio.session.face is not None
    assert studio.session.face.edit.is_empty
    dialog.out.setText(str(folder))
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    assert "among the originals" in dialog.note.text()
    dialog.folder.setText(str(folder / "nowhere"))
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    assert "nowhere" in dialog.note.text()
    assert not studio.batches.is_busy
    dialog.close()


def test_a_folder_can_be_cancelled_and_the_window_goes_on(
    studio: Studio, qtbot: QtBot, tmp_path: Path, astronaut: np.ndarray
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        Image.fromarray(astronaut).save(folder / f"{number}.jpg")
    drag_slider(studio, "Young", 0.05)
    settle(studio, qtbot)
    dialog = open_dialog(studio, folder)
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    assert not dialog.start_button.isEnabled()
    qtbot.waitUntil(lambda: dialog.bar.value() >= 2, timeout=60_000)
    drag_slider(studio, "Smiling", 0.9)
    settle(studio, qtbot)  # a drag is served between the pictures
    assert studio.batches.is_busy
    QTest.mouseClick(dialog.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not studio.batches.is_busy, timeout=30_000)
    made = [path for path in (folder / "edited").iterdir() if path.suffix == ".jpg"]
    assert 2 <= len(made) < 40
    assert list((folder / "edited").iterdir()) == made  # nothing half written
    said = rows(dialog)
    assert dialog.note.text() == f"Cancelled: {len(made)} saved."
    assert said["39.jpg"] == "not reached"
    dialog.close()


def test_closing_stops_a_folder_after_the_picture_under_way(
    studio: Studio, qtbot: QtBot, folder: Path
) -> None:
    drag_slider(studio, "Young", 0.05)
    settle(studio, qtbot)
    dialog = open_dialog(studio, folder)
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    studio.window.close()
    assert not list((folder / "edited").glob(".*"))


def test_a_model_loaded_meanwhile_edits_nothing(
    studio: Studio, qtbot: QtBot, folder: Path, tmp_path: Path, checkpoint: Path
) -> None:
    loaded, header = load_model(checkpoint)
    with torch.no_grad():
        next(loaded.parameters()).add_(0.1)
    save_model(tmp_path / "other.safetensors", loaded, header.system, {}, header.crop)
    drag_slider(studio, "Smiling", 0.95)
    settle(studio, qtbot)
    dialog = open_dialog(studio, folder)
    held = threading.Event()
    studio.renderer.with_engine(lambda engine: held.wait(30), lambda _: None)
    studio.load_model(tmp_path / "other.safetensors")  # waits in the queue
    QTest.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)
    held.set()
    qtbot.waitUntil(lambda: not studio.batches.is_busy, timeout=60_000)
    assert "Another model was loaded meanwhile" in rows(dialog)["1 straight.png"]
    assert not list((folder / "edited").glob("*.png"))
    dialog.close()
    settle(studio, qtbot)
