"""Questions about files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QWidget

from jmvae_studio.language import tr, trn


def ask_photographs(parent: QWidget, folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Let the user choose one or more photographs."""
    patterns = " ".join(f"*{suffix}" for suffix in sorted(suffixes))
    kinds = tr("Photographs ({patterns});;All files (*)", patterns=patterns)
    names, _ = QFileDialog.getOpenFileNames(parent, tr("Open Photographs"), str(folder), kinds)
    return [Path(name) for name in names]


def ask_folder(parent: QWidget, title: str, folder: Path) -> Path | None:
    """Let the user choose a folder."""
    name = QFileDialog.getExistingDirectory(parent, title, str(folder))
    return Path(name) if name else None


def ask_model(parent: QWidget, folder: Path) -> Path | None:
    """Let the user choose a model."""
    kinds = tr("Models (*.safetensors);;All files (*)")
    name, _ = QFileDialog.getOpenFileName(parent, tr("Open Model"), str(folder), kinds)
    return Path(name) if name else None


def ask_export(
    parent: QWidget,
    title: str,
    folder: str,
    name: str,
    kinds: dict[str, str],
    chosen: Callable[[Path], object],
) -> None:
    """Ask where to write a file, without waiting for the answer.

    Args:
        parent: The window.
        title: Of the dialog.
        folder: Where it begins; empty for where a file was chosen last.
        name: The name it proposes.
        kinds: Suffix → name of each format, the first one proposed.
        chosen: Gets the answer.
    """
    filters = {f"{kind} (*{suffix})": suffix for suffix, kind in kinds.items()}
    dialog = QFileDialog(parent, title, folder, ";;".join(filters))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setDefaultSuffix(next(iter(kinds))[1:])  # added before the dialog asks whether to replace a file
    dialog.filterSelected.connect(lambda kind: dialog.setDefaultSuffix(filters[kind][1:]))
    dialog.selectFile(name)
    dialog.fileSelected.connect(lambda path: chosen(Path(path)))
    dialog.open()


def ask_open(parent: QWidget, title: str, kinds: str) -> Path | None:
    """Let the user choose a file to read."""
    name, _ = QFileDialog.getOpenFileName(parent, title, "", kinds)
    return Path(name) if name else None


def ask_name(parent: QWidget, title: str, label: str, proposed: str, chosen: Callable[[str], None]) -> None:
    """Ask for a name, without waiting for the answer; ``chosen`` gets it."""
    dialog = QInputDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    dialog.setLabelText(label)
    dialog.setTextValue(proposed)
    dialog.textValueSelected.connect(chosen)
    dialog.open()


def ask_about_runs(
    parent: QWidget,
    under_way: Sequence[str],
    waiting: int,
    stop: Callable[[], None],
    go_on: Callable[[], None],
) -> QMessageBox:
    """Ask what becomes of the runs when the window closes, without waiting for the answer.

    Args:
        parent: The window.
        under_way: Names of the runs that train.
        waiting: How many more are in the queue.
        stop: Called if they are to stop.
        go_on: Called if they are to go on in the background; neither is called if the window is to stay.
    """
    names = ", ".join(under_way)
    box = QMessageBox(
        QMessageBox.Icon.Question,
        "JMVAE Studio",
        tr("Training goes on: {names}.", names=names),
        parent=parent,
    )
    told = [
        tr(
            "In the background it goes on without the window, and is found again at the next start. "
            "Stopped, it saves its state, and Resume goes on from there."
        )
    ]
    if waiting:
        told.append(
            trn(
                "{count} more in the queue begin when the program is open.",
                "{count} more in the queue begin when the program is open.",
                waiting,
            )
        )
    box.setInformativeText(" ".join(told))
    background = box.addButton(tr("&Go On in the Background"), QMessageBox.ButtonRole.AcceptRole)
    stopping = box.addButton(tr("&Stop"), QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(background)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

    def answer(button: object) -> None:
        if button is background:
            go_on()
        elif button is stopping:
            stop()

    box.buttonClicked.connect(answer)
    box.open()
    return box
