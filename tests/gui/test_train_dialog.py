"""“Train a Model…” as a user meets it: keys, folders, presets, refusals."""

import json
import re
import shlex
from pathlib import Path

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from jmvae_studio.app import Studio
from jmvae_studio.training.run import State
from jmvae_studio.training.trainings import Trainings
from jmvae_studio.ui.train_dialog import TrainDialog
from tests.gui.conftest import turn_wheel
from trainer.config import PRESETS, TrainConfig, load_config

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(autouse=True)
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are made and wait; what becomes of them then is tested elsewhere."""
    monkeypatch.setattr(Trainings, "_serve", lambda self: None)


@pytest.fixture
def dialog(studio: Studio, qtbot: QtBot) -> TrainDialog:
    QTest.keyClick(studio.window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    opened = studio.training.dialog
    assert opened is not None
    qtbot.waitExposed(opened)
    return opened


def write(editor: object, text: str) -> None:
    assert isinstance(editor, QLineEdit)
    editor.setFocus()
    editor.selectAll()
    QTest.keyClick(editor, Qt.Key.Key_Delete)
    QTest.keyClicks(editor, text)


def choose(editor: object, text: str) -> None:
    """With the keys, as far as the list goes."""
    assert isinstance(editor, QComboBox)
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_Home)
    while editor.currentText() != text:
        before = editor.currentIndex()
        QTest.keyClick(editor, Qt.Key.Key_Down)
        assert editor.currentIndex() == before + 1


def give(dialog: TrainDialog, folder: Path, qtbot: QtBot, found: str) -> None:
    write(dialog.data, str(folder))
    qtbot.waitUntil(lambda: found in dialog.found.text() + dialog.problem.text(), timeout=10_000)


def test_a_folder_is_recognised_and_a_run_is_made(
    studio: Studio, dialog: TrainDialog, qtbot: QtBot, tiny_celeba: Path, tmp_path: Path
) -> None:
    assert not dialog.train_button.isEnabled()
    assert dialog.problem.text() == "Choose the folder of the pictures."
    give(dialog, tiny_celeba, qtbot, "CelebA: 48 pictures with 40 attributes, 32 of them for training.")
    assert "fewer training pictures (32) than one batch takes (64)" in dialog.warning.text()
    write(dialog.fields["batch_size"].widget, "8")
    assert "32 training pictures are few" in dialog.warning.text()
    assert dialog.train_button.text() == "Train Anyway"
    write(dialog.name, "Faces of mine")
    write(dialog.fields["epochs"].widget, "3")
    choose(dialog.fields["system"].widget, "vae")
    assert dialog.system_note.text() == "VAE of the pictures alone (Kingma and Welling 2014)."
    QTest.mouseClick(dialog.copy_button, LEFT)
    command = shlex.split(QGuiApplication.clipboard().text())
    assert command[:6] == ["python", "-m", "trainer", "train", "--out", "RUN"]
    assert {"system=vae", "epochs=3", "batch_size=8"} <= set(command)
    QTest.mouseClick(dialog.train_button, LEFT)
    folder = tmp_path / "config" / "runs" / "Faces of mine"
    expected = {"data": tiny_celeba, "system": "vae", "epochs": 3, "batch_size": 8}
    assert load_config(folder / "config.json") == TrainConfig(**expected)
    assert [run.state for run in studio.trainings.runs] == [State.WAITING]
    assert studio.settings.training_data == str(tiny_celeba)
    qtbot.waitUntil(lambda: studio.training.dialog is None)
    with qtbot.waitActive(studio.window):
        studio.window.activateWindow()
    QTest.keyClick(studio.window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    again = studio.training.dialog
    assert again is not None
    assert (again.data.text(), again.name.text()) == (str(tiny_celeba), "My model")
    QTest.keyClick(again, Qt.Key.Key_Escape)


def test_digits_bring_their_preset_and_what_was_typed_stays(
    dialog: TrainDialog, qtbot: QtBot, tiny_mnist: Path, tiny_celeba: Path
) -> None:
    write(dialog.fields["alpha"].widget, "0.5")
    give(dialog, tiny_mnist, qtbot, "MNIST: 72 pictures with 10 classes, 50 of them for training.")
    values = {name: field.value for name, field in dialog.fields.items()}
    assert values["preset"] == "mnist"
    for name, value in PRESETS["mnist"].items():
        assert type(value)(values[name]) == value
    assert values["alpha"] == "0.5"
    give(dialog, tiny_celeba, qtbot, "CelebA")
    assert (dialog.fields["preset"].value, dialog.fields["image_size"].value) == ("faces", "64")
    choose(dialog.fields["preset"].widget, "studio")
    assert dialog.fields["system"].value == "jmvae-kl-studio"
    assert dialog.config is not None
    assert (dialog.config.alpha, dialog.config.edit_epochs) == (0.5, PRESETS["studio"]["edit_epochs"])


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("batch_size", "1", "Setting “batch_size”: Input should be greater than or equal to 2 (given: '1')."),
        ("epochs", "many", "Setting “epochs”: Input should be a valid integer"),
        ("edit_epochs", "2", "“jmvae-kl” has no editor to train"),
        ("parent", "/nowhere/model.safetensors", "There is no checkpoint /nowhere/model.safetensors"),
    ],
)
def test_a_bad_value_is_refused_in_place(
    dialog: TrainDialog, qtbot: QtBot, tiny_celeba: Path, name: str, text: str, sentence: str
) -> None:
    give(dialog, tiny_celeba, qtbot, "CelebA")
    editor = dialog.fields[name].widget
    assert isinstance(editor, QLineEdit)
    good, colour = editor.text(), editor.palette().text().color()
    write(editor, text)
    assert dialog.problem.text().startswith(sentence)
    assert dialog.problem.isVisible()
    assert editor.palette().text().color() != colour
    assert not dialog.train_button.isEnabled()
    write(editor, good)
    assert not dialog.problem.isVisible()
    assert editor.palette().text().color() == colour
    assert dialog.train_button.isEnabled()


def test_folders_and_names_that_cannot_be(
    dialog: TrainDialog, qtbot: QtBot, tiny_celeba: Path, tmp_path: Path
) -> None:
    give(dialog, tmp_path / "nowhere", qtbot, f"There is no folder {tmp_path / 'nowhere'}.")
    give(dialog, tmp_path, qtbot, "is no data set that can be trained on")
    assert not dialog.train_button.isEnabled()
    give(dialog, tiny_celeba, qtbot, "CelebA")
    write(dialog.name, "a/b")
    assert "leave out '/'" in dialog.problem.text()
    assert not dialog.train_button.isEnabled()
    choose(dialog.fields["dataset"].widget, "lfw")
    assert dialog.problem.text().startswith("The preset and the folder do not fit: “lfw”")


def test_every_setting_is_there_with_its_meaning(
    dialog: TrainDialog, qtbot: QtBot, tiny_celeba: Path
) -> None:
    give(dialog, tiny_celeba, qtbot, "CelebA")
    assert not dialog.rest.isVisible()
    QTest.mouseClick(dialog.advanced, LEFT)
    assert dialog.rest.isVisible()
    said = {label.text() for label in dialog.rest.findChildren(QLabel)}
    for name, field in TrainConfig.model_fields.items():
        if name != "data":
            editor = dialog.fields[name].widget
            meaning = (field.description or "").replace("``", "")
            assert meaning
            assert editor.toolTip() == meaning
            assert dialog.isAncestorOf(editor)
            assert meaning in said or not dialog.rest.isAncestorOf(editor)
    flip = dialog.fields["flip"].widget
    assert isinstance(flip, QCheckBox)
    dialog.rest.ensureWidgetVisible(flip)
    QTest.keyClick(flip, Qt.Key.Key_Space)
    write(dialog.fields["gradient_clip"].widget, "2.5")
    assert dialog.config is not None
    assert (dialog.config.flip, dialog.config.gradient_clip) == (False, 2.5)
    write(dialog.fields["gradient_clip"].widget, "")
    assert dialog.config.gradient_clip is None
    assert json.loads(dialog.config.model_dump_json())["dataset"] == "celeba"


def test_the_wheel_scrolls_the_settings_and_changes_none(
    dialog: TrainDialog, qtbot: QtBot, tiny_celeba: Path
) -> None:
    give(dialog, tiny_celeba, qtbot, "CelebA")
    QTest.mouseClick(dialog.advanced, LEFT)
    values = {name: field.value for name, field in dialog.fields.items()}
    for field in dialog.fields.values():
        for notches in (-1, 1):
            field.widget.setFocus()
            # What a widget leaves, Qt hands to the scroll area around it.
            assert not turn_wheel(field.widget, QPointF(field.widget.rect().center()), notches)
    assert {name: field.value for name, field in dialog.fields.items()} == values


def test_a_checkpoint_to_continue_from(
    dialog: TrainDialog, qtbot: QtBot, tiny_celeba: Path, checkpoint: Path, own_faces: Path, tmp_path: Path
) -> None:
    give(dialog, tiny_celeba, qtbot, "CelebA")
    write(dialog.fields["parent"].widget, str(checkpoint))
    qtbot.waitUntil(lambda: bool(dialog._of_parent))
    assert dialog.config is not None
    assert (dialog.config.parent, dialog.config.learn) == (checkpoint, "all")  # the same attributes
    assert dialog.train_button.isEnabled()
    give(dialog, own_faces, qtbot, "2 attributes")
    assert dialog.fields["preset"].value == "own-attributes"
    assert (dialog.config.system, dialog.config.latent, dialog.config.learn) == (
        "jmvae-kl",
        128,
        "attributes",
    )
    assert dialog.train_button.isEnabled()
    write(dialog.fields["parent"].widget, "")
    assert dialog.fields["preset"].value == "faces"
    assert dialog.config.learn == "all"
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"no model at all")
    write(dialog.fields["parent"].widget, str(damaged))
    qtbot.waitUntil(lambda: "damaged.safetensors" in dialog.problem.text())
    assert not dialog.train_button.isEnabled()


def test_the_model_in_the_editor_goes_on_with_own_attributes(
    studio: Studio, dialog: TrainDialog, qtbot: QtBot, own_faces: Path, checkpoint: Path
) -> None:
    give(dialog, own_faces, qtbot, "A folder of pictures: 12 pictures with 2 attributes")
    dialog.this_model.trigger()
    qtbot.waitUntil(lambda: dialog.fields["preset"].value == "own-attributes")
    assert dialog.config is not None
    assert dialog.config.parent == checkpoint
    choose(dialog.fields["system"].widget, "cvae")
    assert "“cvae” has no parts for the attributes alone" in dialog.problem.text()
    assert not dialog.train_button.isEnabled()


def test_time_and_memory_are_measured_in_the_background(
    studio: Studio, dialog: TrainDialog, qtbot: QtBot, tiny_mnist: Path
) -> None:
    assert not dialog.measure.button.isEnabled()
    give(dialog, tiny_mnist, qtbot, "MNIST")
    for name, value in {"hidden": "8", "latent": "4", "batch_size": "10", "epochs": "3"}.items():
        write(dialog.fields[name].widget, value)
    write(dialog.fields["image_size"].widget, "8")
    choose(dialog.fields["device"].widget, "cpu")
    measure = dialog.measure
    QTest.mouseClick(measure.button, LEFT)
    assert (measure.button.text(), measure.label.text()) == ("Cancel", "Measuring…")
    assert studio.training.is_measuring
    qtbot.waitUntil(lambda: measure.button.text() == "Measure", timeout=120_000)
    assert re.fullmatch(
        r"About \d+ s on cpu \([\d,]+ pictures/s\), 0\.\d GB of memory\. Reading the pictures .*",
        measure.label.text(),
    )
    QTest.mouseClick(measure.button, LEFT)
    write(dialog.fields["epochs"].widget, "4")  # what is measured is no longer what is asked
    assert "measured in a few seconds" in measure.label.text()
    assert not studio.training.is_measuring
    QTest.mouseClick(measure.button, LEFT)
    QTest.mouseClick(measure.button, LEFT)
    assert measure.label.text() == "Cancelled."
    assert not studio.training.is_measuring
