"""Help on the screen: keys and gestures, and what the program is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from jmvae_studio.language import mark, tr

GUIDE = (
    (mark("Drag a slider"), mark("Change an attribute; the mark shows what the model read")),
    (mark("Double-click a slider, or Delete"), mark("Give the attribute back to the model")),
    (mark("W on a slider"), mark("The model read this attribute wrongly; again: it did not")),
    (mark("← →, Page Up, Page Down"), mark("Move the focused slider")),
    (mark("Ctrl+O, drop, Ctrl+V"), mark("Open a photograph")),
    (mark("Click a face"), mark("Edit another face of the photograph")),
    (mark("Ctrl+M, then drag"), mark("Mark a face by hand; Ctrl+Backspace dismisses one")),
    (mark("Hold the mouse on “Edited”, or Ctrl+D"), mark("Compare with the original")),
    (mark("Alt+1 … Alt+4"), mark("The edit alone, a wipe, side by side, what differs")),
    (mark("Wheel, drag, Ctrl+0, Ctrl+1"), mark("Zoom, pan, fit, actual pixels")),
    (mark("Ctrl+Shift+M"), mark("Move, scale and turn the face's square")),
    (mark("Ctrl+Page Up, Ctrl+Page Down"), mark("The photograph before, the next one")),
    (mark("Ctrl+W, Ctrl+Shift+T"), mark("Close a photograph, bring it back")),
    (mark("Ctrl+H"), mark("The history of this photograph")),
    (mark("Ctrl+Z, Ctrl+Shift+Z"), mark("Undo and redo; one drag is one step")),
    (mark("Ctrl+Shift+K"), mark("Keep a version of this photograph under a name")),
    (mark("Ctrl+S"), mark("Export the photograph; Ctrl+Shift+S the face only")),
    (mark("Ctrl+Shift+B"), mark("Edit a folder of pictures alike")),
    (mark("Ctrl+,"), mark("Settings")),
    (mark("Ctrl+F"), mark("Search the attributes")),
    (mark("Ctrl+K"), mark("Every command, found by typing")),
    (mark("Ctrl+Shift+L"), mark("Average and random faces of the edit's attributes")),
    (mark("Ctrl+T"), mark("Train a model; Ctrl+Shift+R shows the runs")),
    (mark("Ctrl+Alt+T"), mark("Prepare a folder of pictures: find faces, say attributes")),
)


def show_guide(parent: QWidget) -> None:
    """The keys and gestures."""
    whole = "style='white-space: nowrap'"
    rows = "".join(
        f"<tr><td {whole}><b>{tr(keys)}</b>&nbsp;&nbsp;</td><td {whole}>{tr(does)}</td></tr>"
        for keys, does in GUIDE
    )
    _inform(parent, tr("Keys and Gestures"), f"<table cellpadding=3>{rows}</table>")


def show_about(parent: QWidget, version: str) -> None:
    """What the program is and where its model comes from."""
    _inform(
        parent,
        tr("About JMVAE Studio"),
        tr(
            "<h3>JMVAE Studio {version}</h3><p>A live attribute editor for faces, built on joint multimodal "
            "variational autoencoders (Suzuki, Nakayama and Matsuo, 2016 and 2018).</p><p>The face model was "
            "trained on CelebA, which is for non-commercial research; its biases are the data's.</p>",
            version=version,
        ),
    )


def _inform(parent: QWidget, heading: str, text: str) -> None:
    box = QMessageBox(QMessageBox.Icon.NoIcon, heading, text, QMessageBox.StandardButton.Close, parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
