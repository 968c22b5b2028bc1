"""Make the pictures of training-in-the-window.md, by doing what that page says in the real window.

``python docs/training_pictures.py`` takes some minutes. It needs no data: the model that is shipped generates
the faces, so that the pictures show nobody.
"""

from __future__ import annotations

import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PySide6.QtCore import Qt  # noqa: E402
from PySide6.QtTest import QTest  # noqa: E402
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QWidget  # noqa: E402

from jmvae_studio.app import Studio, make_application  # noqa: E402
from jmvae_studio.resources import default_model, samples  # noqa: E402
from jmvae_studio.settings import Settings, SettingsFile  # noqa: E402
from jmvae_studio.training.run import State  # noqa: E402
from jmvae_studio.ui.training_panel import SAMPLES  # noqa: E402
from trainer.checkpoint import load_model  # noqa: E402
from trainer.samples import make_samples  # noqa: E402

OUT = ROOT / "docs" / "training"
COUNT = 90
EPOCHS = 8
PATIENCE = 600.0
LEFT = Qt.MouseButton.LeftButton


def main() -> None:
    """Prepare, train, watch, load and edit; a picture of each."""
    application = make_application()
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = make_faces(folder / "faces")
        file = SettingsFile(folder / "settings.json")
        file.save(Settings(theme="light", device="cpu"))
        studio = Studio(application, file)
        studio.window.resize(1280, 800)
        studio.start([samples()[3]])
        until(studio.is_settled)
        prepare(studio, folder / "faces", truth)
        ask(studio)
        watch(studio)
        edit(studio)
        studio.window.close()


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
                shoot(window, "prepare", {window.folder: "faces"})
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
    shoot(dialog, "dialog", {dialog.data: "faces", parent: "faces.safetensors"})
    QTest.mouseClick(dialog.train_button, LEFT)


def watch(studio: Studio) -> None:
    """The dock, while the run goes on and when it has ended."""
    run = studio.trainings.runs[0]
    until(lambda: run.progress.epoch >= EPOCHS or run.state in (State.FAILED, State.FINISHED))
    panel = studio.runs.panel
    assert panel is not None
    settle(1)
    shoot(studio.window, "curves")
    until(lambda: not run.is_under_way)
    if run.state is not State.FINISHED:
        raise SystemExit(run.failure)
    panel.tabs.setCurrentIndex(SAMPLES)
    settle(1)
    shoot(studio.window, "samples")


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
    studio.session.preview_value("Eyeglasses", 2.0)
    until(studio.is_settled)
    settle(0.5)
    shoot(studio.window, "edit")


def type_in(line: QLineEdit, text: str) -> None:
    """As a user does, with Return at the end."""
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def shoot(widget: QWidget, name: str, shown: dict[QLineEdit, str] | None = None) -> None:
    """A picture of a window; ``shown`` stands in lines that hold the paths of this machine."""
    held = {line: line.text() for line in shown or {}}
    _write(shown or {})
    path = OUT / f"{name}.png"
    widget.grab().save(str(path))
    _write(held)
    print(path.relative_to(ROOT), flush=True)


def _write(texts: dict[QLineEdit, str]) -> None:
    """What lines show; nobody is told."""
    for line, text in texts.items():
        line.blockSignals(True)
        line.setText(text)
        line.blockSignals(False)


def settle(seconds: float) -> None:
    """Let the window work."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.03)


def until(reached: Callable[[], bool]) -> None:
    """Let the window work until something is so."""
    end = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > end:
            raise SystemExit("The window did not come to where the next picture is taken.")
        settle(0.05)


if __name__ == "__main__":
    main()
