"""Make the pictures of training-in-the-window.md, by doing what that page says in the real window.

``python docs/training_pictures.py`` takes some minutes. It needs no data: the model that is shipped generates
the faces, so that the pictures show nobody.
"""

from __future__ import annotations

import math
import random
import tempfile
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit
from window_pictures import ROOT, open_window, settle, shoot, type_in, until

from jmvae_studio.app import Studio
from jmvae_studio.resources import default_model, samples
from jmvae_studio.training.run import State
from jmvae_studio.ui.training_panel import SAMPLES
from trainer.checkpoint import load_model
from trainer.samples import make_samples

OUT = ROOT / "docs" / "training"
COUNT = 90
EPOCHS = 8
LEFT = Qt.MouseButton.LeftButton


def main() -> None:
    """Prepare, train, watch, load and edit; a picture of each."""
    with tempfile.TemporaryDirectory() as name:
        faces = Path(name) / "faces"
        truth = make_faces(faces)
        with open_window(samples()[3]) as studio:
            prepare(studio, faces, truth)
            ask(studio)
            watch(studio)
            edit(studio)


def make_faces(folder: Path) -> dict[str, tuple[str, ...]]:
    """Faces of nobody, with and without what is to be learnt: file name → attributes that are present."""
    model, _ = load_model(default_model())
    chance = random.Random(3)
    faces = {}
    for number in range(COUNT):
        male = chance.random() < 0.5
        hair = chance.choice(("Black_Hair", "Brown_Hair", "Blond_Hair"))
        present = [hair, "Young", "No_Beard", *(["Male"] if male else ["Wearing_Lipstick"])]
        present += ["Smiling", "High_Cheekbones", "Mouth_Slightly_Open"] if chance.random() < 0.5 else []
        present += ["Eyeglasses"] if chance.random() < 0.4 else []
        faces[f"face {number + 1:03d}"] = tuple(present)
    make_samples(model, folder, faces=faces)
    return {f"{name}.png": present for name, present in faces.items()}


def prepare(studio: Studio, folder: Path, truth: dict[str, tuple[str, ...]]) -> None:
    """Find the faces, say two attributes of them with the keys, save."""
    studio.window.prepare_asked.emit()
    window = studio.tagging.window
    assert window is not None
    type_in(window.folder, str(folder))
    until(lambda: window.bar.isVisible())
    until(lambda: not window.bar.isVisible())
    settle(0.5)
    for name in ("Eyeglasses", "Smiling"):
        type_in(window.new_name, name)
        until(lambda: not any(math.isnan(entry.suggestion) for entry in window.sheet.entries))
        QTest.keyClick(window.sheet, Qt.Key.Key_Home)
        for number, entry in enumerate(window.sheet.entries):
            if name == "Smiling" and number == 14:
                settle(0.5)
                shoot(window, OUT / "prepare.png", {window.folder: "faces"})
            QTest.keyClick(window.sheet, Qt.Key.Key_Y if name in truth[entry.name] else Qt.Key.Key_N)
    settle(0.5)
    QTest.mouseClick(window.train, LEFT)


def ask(studio: Studio) -> None:
    """The dialog of the run: continue from the model in the editor, measured."""
    until(lambda: studio.training.dialog is not None)
    dialog = studio.training.dialog
    assert dialog is not None
    until(lambda: "attributes" in dialog.found.text())
    dialog.this_model.trigger()
    until(lambda: dialog.fields["preset"].value == "own-attributes")
    name = dialog.name
    name.selectAll()
    QTest.keyClicks(name, "Glasses and smiles")
    device = dialog.fields["device"].widget
    assert isinstance(device, QComboBox)
    device.setCurrentText("cpu")
    epochs = dialog.fields["epochs"].widget
    assert isinstance(epochs, QLineEdit)
    epochs.selectAll()
    QTest.keyClicks(epochs, str(EPOCHS))
    QTest.mouseClick(dialog.measure.button, LEFT)
    until(lambda: not dialog.measure.is_measuring)
    parent = dialog.fields["parent"].widget
    assert isinstance(parent, QLineEdit)
    shoot(dialog, OUT / "dialog.png", {dialog.data: "faces", parent: "faces.safetensors"})
    QTest.mouseClick(dialog.train_button, LEFT)


def watch(studio: Studio) -> None:
    """The dock, while the run goes on and when it has ended."""
    run = studio.trainings.runs[0]
    until(lambda: run.progress.epoch >= EPOCHS or run.state in (State.FAILED, State.FINISHED))
    panel = studio.runs.panel
    assert panel is not None
    settle(1)
    shoot(studio.window, OUT / "curves.png")
    until(lambda: not run.is_under_way)
    if run.state is not State.FINISHED:
        raise SystemExit(run.failure)
    panel.tabs.setCurrentIndex(SAMPLES)
    settle(1)
    shoot(studio.window, OUT / "samples.png")


def edit(studio: Studio) -> None:
    """The best model in the editor, with its own two sliders."""
    run = studio.trainings.runs[0]
    panel = studio.runs.panel
    assert panel is not None
    panel.load_best.trigger()
    until(lambda: studio.model is not None and studio.model.path == run.best)
    until(studio.is_settled)
    studio.window.training_dock.hide()
    studio.window.messages.hide()
    studio.session.preview_value("Eyeglasses", 1.0)
    until(studio.is_settled)
    settle(0.5)
    shoot(studio.window, OUT / "edit.png")


if __name__ == "__main__":
    main()
