"""The window in which a folder of pictures is edited alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.dialogs import ask_folder


@dataclass(frozen=True)
class BatchWish:
    """What the window was left with when it was started."""

    folder: str
    out: str
    edit: str
    """Name of the preset; empty is the current photograph's edit."""
    every_face: bool
    replace: bool


class BatchDialog(QDialog):
    """Asks what to do with which folder, and shows what becomes of each picture."""

    start_asked = Signal(object)
    """A `BatchWish`."""
    cancel_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Edit a Folder"))
        self.folder, self.out = QLineEdit(), QLineEdit()
        self.folder.setPlaceholderText(tr("Folder of pictures"))
        self.out.setPlaceholderText(tr("Folder of the results"))
        self.edit = QComboBox()
        self.faces = QComboBox()
        self.faces.addItem(tr("The largest and most central face"), False)
        self.faces.addItem(tr("Every face"), True)
        self.existing = QComboBox()
        self.existing.addItem(tr("Leave it as it is"), False)
        self.existing.addItem(tr("Replace it"), True)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.results = QTreeWidget()
        self.results.setAccessibleName(tr("Results"))
        self.results.setHeaderLabels([tr("Picture"), tr("Result")])
        self.results.setRootIsDecorated(False)
        self.results.setUniformRowHeights(True)
        self.results.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.start_button, self.cancel_button = QPushButton(tr("Start")), QPushButton(tr("Cancel"))
        self.close_button = QPushButton(tr("Close"))
        self._rows: dict[Path, QTreeWidgetItem] = {}
        self._lay_out()
        self.folder.textChanged.connect(self._propose_out)
        self.start_button.clicked.connect(lambda: self.start_asked.emit(self.wish()))
        self.cancel_button.clicked.connect(self.cancel_asked)
        self.close_button.clicked.connect(self.close)
        self.set_running(False)
        self.resize(640, 520)

    def wish(self) -> BatchWish:
        """What is chosen."""
        return BatchWish(
            self.folder.text().strip(),
            self.out.text().strip(),
            self.edit.currentData() or "",
            self.faces.currentData(),
            self.existing.currentData(),
        )

    def show_edits(self, current: str, presets: Sequence[str]) -> None:
        """Fill the choice of edits; ``current`` describes the present photograph's."""
        chosen = self.edit.currentData()
        self.edit.clear()
        self.edit.addItem(current, "")
        for name in presets:
            self.edit.addItem(tr("Preset: {name}", name=name), name)
        self.edit.setCurrentIndex(max(0, self.edit.findData(chosen)))

    def show_current(self, current: str) -> None:
        """Describe the present photograph's edit anew; the choice stays."""
        self.edit.setItemText(0, current)

    def say(self, text: str) -> None:
        """A sentence above the results."""
        self.note.setText(text)

    def set_running(self, running: bool) -> None:
        """Enable what can be done while pictures are edited, or while none is."""
        for widget in (self.folder, self.out, self.edit, self.faces, self.existing, *self._browsers):
            widget.setEnabled(not running)
        self.start_button.setEnabled(not running)
        self.cancel_button.setEnabled(running)

    def show_files(self, files: Sequence[Path]) -> None:
        """List the pictures that wait."""
        self.results.clear()
        self._rows = {}
        for path in files:
            self._rows[path] = QTreeWidgetItem([path.name, tr("waiting")])
        self.results.addTopLevelItems(list(self._rows.values()))
        self.bar.setRange(0, max(1, len(files)))
        self.bar.setValue(0)

    def show_result(self, path: Path, text: str, done: int) -> None:
        """What became of a picture."""
        row = self._rows[path]
        row.setText(1, text)
        row.setToolTip(1, text)
        self.results.scrollToItem(row)
        self.bar.setValue(done)

    def show_failures(self, failures: Sequence[tuple[Path, str]]) -> None:
        """Put the pictures that failed at the end of the list, each with its sentence."""
        colour = self.palette().brush(QPalette.ColorRole.Accent)
        for path, text in failures:
            row = self._rows[path]
            self.results.takeTopLevelItem(self.results.indexOfTopLevelItem(row))
            self.results.addTopLevelItem(row)
            row.setText(1, text)
            row.setToolTip(1, text)
            row.setForeground(1, colour)
        if failures:
            self.results.scrollToBottom()

    def mark_waiting(self, text: str) -> None:
        """Say of the pictures that were not reached that they stay."""
        for row in self._rows.values():
            if row.text(1) == tr("waiting"):
                row.setText(1, text)

    def _lay_out(self) -> None:
        self._browsers: list[QPushButton] = []
        form = QFormLayout()
        form.addRow(tr("Pictures"), self._with_browser(self.folder, tr("Choose the Folder of Pictures")))
        form.addRow(tr("Edit"), self.edit)
        form.addRow(tr("Of"), self.faces)
        form.addRow(tr("Results"), self._with_browser(self.out, tr("Choose the Folder of the Results")))
        form.addRow(tr("If a result is there"), self.existing)
        buttons = QHBoxLayout()
        buttons.addWidget(self.bar, 1)
        for button in (self.start_button, self.cancel_button, self.close_button):
            button.setAutoDefault(button is self.start_button)
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.note)
        column.addWidget(self.results, 1)
        column.addLayout(buttons)

    def _with_browser(self, line: QLineEdit, title: str) -> QHBoxLayout:
        button = QPushButton(tr("Browse…"))
        self._browsers.append(button)

        def browse() -> None:
            chosen = ask_folder(self, title, Path(line.text() or "."))
            if chosen is not None:
                line.setText(str(chosen))

        button.setAutoDefault(False)
        button.clicked.connect(browse)
        row = QHBoxLayout()
        row.addWidget(line, 1)
        row.addWidget(button)
        return row

    def _propose_out(self, folder: str) -> None:
        if folder.strip():
            self.out.setText(str(Path(folder.strip()) / "edited"))
