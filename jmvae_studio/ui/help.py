"""Help on the screen: keys and gestures, and what the program is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

GUIDE = (
    ("Drag a slider", "Change an attribute; the mark shows what the model read"),
    ("Double-click a slider, or Delete", "Give the attribute back to the model"),
    ("← →, Page Up, Page Down", "Move the focused slider"),
    ("Ctrl+O, drop, Ctrl+V", "Open a photograph"),
    ("Click a face", "Edit another face of the photograph"),
    ("Ctrl+M, then drag", "Mark a face by hand; Ctrl+Backspace dismisses one"),
    ("Hold the mouse on “Edited”, or Ctrl+D", "Compare with the original"),
    ("Alt+1 … Alt+4", "The edit alone, a wipe, side by side, what differs"),
    ("Wheel, drag, Ctrl+0, Ctrl+1", "Zoom, pan, fit, actual pixels"),
    ("Ctrl+Shift+M", "Move, scale and turn the face's square"),
    ("Ctrl+Page Up, Ctrl+Page Down", "The photograph before, the next one"),
    ("Ctrl+W, Ctrl+Shift+T", "Close a photograph, bring it back"),
    ("Ctrl+H", "The history of this photograph"),
    ("Ctrl+Z, Ctrl+Shift+Z", "Undo and redo; one drag is one step"),
    ("Ctrl+Shift+K", "Keep a version of this photograph under a name"),
    ("Ctrl+S", "Export the photograph; Ctrl+Shift+S the face only"),
    ("Ctrl+Shift+B", "Edit a folder of pictures alike"),
    ("Ctrl+,", "Settings"),
    ("Ctrl+F", "Search the attributes"),
    ("Ctrl+K", "Every command, found by typing"),
    ("Ctrl+Shift+L", "Average and random faces of the edit's attributes"),
    ("Ctrl+T", "Train a model"),
    ("Ctrl+T", "Train a model; Ctrl+Shift+R shows the runs"),
    ("Ctrl+Alt+T", "Prepare a folder of pictures: find faces, say attributes"),
)


def show_guide(parent: QWidget) -> None:
    """The keys and gestures."""
    whole = "style='white-space: nowrap'"
    rows = "".join(
        f"<tr><td {whole}><b>{keys}</b>&nbsp;&nbsp;</td><td {whole}>{does}</td></tr>" for keys, does in GUIDE
    )
    _inform(parent, "Keys and Gestures", f"<table cellpadding=3>{rows}</table>")


def show_about(parent: QWidget, version: str) -> None:
    """What the program is and where its model comes from."""
    _inform(
        parent,
        "About JMVAE Studio",
        f"<h3>JMVAE Studio {version}</h3><p>A live attribute editor for faces, built on joint multimodal "
        "variational autoencoders (Suzuki, Nakayama and Matsuo, 2016 and 2018).</p><p>The face model was "
        "trained on CelebA, which is for non-commercial research; its biases are the data's.</p>",
    )


def _inform(parent: QWidget, heading: str, text: str) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, heading, text, QMessageBox.StandardButton.Close, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
