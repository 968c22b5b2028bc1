"""The dialog of exports, and what exported pictures carry."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.document.records import FaceRecord, PictureSettings
from jmvae_studio.document.saving import Saving, save_picture
from jmvae_studio.ui.export_dialog import ExportDialog
from tests.gui.conftest import (
    asked_for_a_file,
    drag,
    drag_slider,
    name_file,
    said,
    settle,
    type_number,
    values,
    visible,
)
from trainer.data.images import open_image

CONTROL = Qt.KeyboardModifier.ControlModifier


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
    number = type_number(studio, "Smiling", "2")
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


def test_other_faces_or_another_model_close_the_dialog(
    studio: Studio, qtbot: QtBot, other_model: Path
) -> None:
    settle(studio, qtbot)
    face = studio.session.face
    assert face is not None

    def beside() -> None:
        studio.session.add_crop(replace(face.crop, center_x=face.crop.center_x + 40))
        studio.session.choose_face(1)
        studio.session.change(lambda edit: edit.with_value("Smiling", 2.0))

    for change in (beside, lambda: studio.load_model(other_model)):
        studio.window.activateWindow()
        assert QTest.qWaitForWindowActive(studio.window)
        QTest.keyClick(studio.window, Qt.Key.Key_S, CONTROL)
        dialog = studio.exports.dialog
        assert dialog is not None
        closed = []
        dialog.finished.connect(closed.append)
        change()
        qtbot.waitUntil(lambda closed=closed: bool(closed), timeout=30_000)
        assert "look at them, then export" in said(studio)
        settle(studio, qtbot)
