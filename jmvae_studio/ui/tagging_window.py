"""The window that makes a data set of a folder of pictures: faces found, attributes said, counts, warnings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import mark, tr, trn
from jmvae_studio.ui.contact_sheet import ContactSheet, Entry
from trainer.files import typed_path

FACES, OPEN, REJECTED = mark("Faces"), mark("Not said yet"), mark("Rejected")
"""What the sheet can show."""


@dataclass(frozen=True)
class Count:
    """An attribute and how many pictures have it, have it not, and are open."""

    name: str
    yes: int
    no: int
    open: int


class TaggingWindow(QDialog):
    """Shows and asks; `control.tagging` decides."""

    folder_given = Signal(Path)
    cancelled = Signal()
    """The search for faces is to stop."""
    table_given = Signal(Path)
    folders_asked = Signal()
    """Subfolders are to be attributes."""
    attribute_named = Signal(str)
    attribute_removed = Signal(int)
    chosen = Signal()
    """Another attribute or other pictures are to be shown."""
    suggestions_accepted = Signal()
    """Every sure suggestion for the attribute is right."""
    undo_asked = Signal()
    redo_asked = Signal()
    save_asked = Signal()
    train_asked = Signal()
    closing = Signal()

    def __init__(self, parent: QWidget, folder: str) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setWindowTitle(tr("Prepare Pictures for Training"))
        self.folder, self.choose = QLineEdit(folder), QPushButton(tr("Choose…"))
        self.folder.setAccessibleName(tr("Folder of pictures"))
        self.folder.setPlaceholderText(tr("Folder of pictures; they are only read"))
        self.bar, self.cancel = QProgressBar(), QPushButton(tr("Cancel"))
        self.note = _line()
        self.show_box = QComboBox()
        for kind in (FACES, OPEN, REJECTED):
            self.show_box.addItem(tr(kind), kind)
        self.show_box.setAccessibleName(tr("Pictures shown"))
        self.sheet = ContactSheet()
        self.keys = QLabel(
            tr("Y has it · N has it not · Space as suggested · Backspace not said · Ctrl+Z undo")
        )
        self.keys.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.attributes = QTableWidget(0, 4)
        self.attributes.setAccessibleName(tr("Attributes"))
        self.new_name, self.add = QLineEdit(), QPushButton(tr("Add"))
        self.new_name.setPlaceholderText(tr("New attribute, for instance Smiling"))
        self.new_name.setAccessibleName(tr("New attribute"))
        self.remove = QPushButton(tr("Remove"))
        self.yes, self.no = QPushButton(tr("Has It (Y)")), QPushButton(tr("Has It Not (N)"))
        self.accept_all = QPushButton(tr("Accept Sure Suggestions"))
        self.from_table, self.from_folders = (
            QPushButton(tr("From a Table…")),
            QPushButton(tr("From Subfolders")),
        )
        self.undo, self.redo = QToolButton(), QToolButton()
        self.warnings, self.problem = _line(), _line()
        self.problem.setForegroundRole(QPalette.ColorRole.Accent)
        self.save, self.train = QPushButton(tr("Save attributes.csv")), QPushButton(tr("Save and Train…"))
        self.has_unsaved = False
        """Whether closing, or another folder, loses something."""
        self._begun = folder
        """The folder whose pictures are shown."""
        self._is_asking = False
        self._lay_out()
        self._connect()
        self.show_searching(0, 0)
        self.resize(1060, 720)

    @property
    def column(self) -> int:
        """The attribute that is being said; -1 if there is none."""
        return self.attributes.currentRow()

    def show_searching(self, done: int, total: int) -> None:
        """How far the search for faces is; nothing of it when it has ended."""
        for widget in (self.bar, self.cancel):
            widget.setVisible(done < total)
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)

    def show_counts(self, counts: Sequence[Count]) -> None:
        """Show the attributes; the chosen one stays chosen."""
        table, before = self.attributes, self.column
        table.blockSignals(True)
        table.setRowCount(len(counts))
        for row, count in enumerate(counts):
            for column, text in enumerate((count.name, count.yes, count.no, count.open)):
                item = QTableWidgetItem(str(text))
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                table.setItem(row, column, item)
        if counts:
            table.setCurrentCell(min(max(before, 0), len(counts) - 1), 0)
        table.blockSignals(False)
        for button in (self.remove, self.yes, self.no):
            button.setEnabled(bool(counts))

    def choose_attribute(self, row: int) -> None:
        """Show this one."""
        self.attributes.setCurrentCell(row, 0)

    def show_suggestions(self, sure: int) -> None:
        """How many pictures have a sure suggestion and nothing said."""
        self.accept_all.setText(
            trn("Accept {count:,} Sure Suggestions", "Accept {count:,} Sure Suggestions", sure)
            if sure
            else tr("No Sure Suggestions Yet")
        )
        self.accept_all.setEnabled(bool(sure))

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Fill the sheet."""
        self.sheet.show_entries(entries)

    def show_texts(self, note: str, warnings: Sequence[str]) -> None:
        """What was found, and what speaks against training on it."""
        self.note.setText(note)
        self.warnings.setText("\n".join(warnings))

    def say_problem(self, text: str) -> None:
        """Something cannot be done; empty takes it away."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.has_unsaved:
            self.closing.emit()
            event.accept()  # QDialog's own would ask `reject` again
            return
        event.ignore()
        self.ask_about_unsaved(self.close)

    def ask_about_unsaved(self, go_on: Callable[[], object]) -> None:
        """Ask what becomes of unsaved tags, without waiting for the answer; ``go_on`` is called unless they stay."""
        self.raise_()
        self.activateWindow()
        if self._is_asking:
            return
        self._is_asking = True
        kinds = QMessageBox.StandardButton
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "JMVAE Studio",
            tr("Save what was said of these pictures?"),
            kinds.Save | kinds.Discard | kinds.Cancel,
            self,
        )
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.finished.connect(lambda answer: self._go_on_after(kinds(answer), go_on))
        box.open()

    def reject(self) -> None:
        self.close()  # Escape asks too

    def _go_on_after(self, answer: QMessageBox.StandardButton, go_on: Callable[[], object]) -> None:
        self._is_asking = False
        if answer == QMessageBox.StandardButton.Save:
            self.save_asked.emit()
        elif answer == QMessageBox.StandardButton.Discard:
            self.has_unsaved = False
        else:
            return
        if not self.has_unsaved:
            go_on()

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("Folder of Pictures"), self.folder.text())
        if name:
            self.folder.setText(name)
            self._give_folder()

    def _give_folder(self) -> None:
        given = self.folder.text().strip()
        if given and self.has_unsaved:
            self.folder.setText(self._begun)  # whose pictures these are, until the answer
            # Once Return is dealt with: the dialog hands it on to the default button, which would be the question's.
            QTimer.singleShot(0, self, lambda: self.ask_about_unsaved(lambda: self._begin(given)))
        elif given:
            self._begin(given)

    def _begin(self, given: str) -> None:
        self._begun = given
        self.folder.setText(given)
        self.folder_given.emit(typed_path(given).absolute())

    def _ask_table(self) -> None:
        kinds = tr("Tables (*.csv *.tsv);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self, tr("Table of Attributes"), self.folder.text(), kinds)
        if name:
            self.table_given.emit(Path(name))

    def _name_attribute(self) -> None:
        self.attribute_named.emit(self.new_name.text())

    def _connect(self) -> None:
        self.choose.clicked.connect(self._ask_folder)
        self.folder.returnPressed.connect(self._give_folder)
        self.cancel.clicked.connect(self.cancelled)
        self.from_table.clicked.connect(self._ask_table)
        self.from_folders.clicked.connect(self.folders_asked)
        self.add.clicked.connect(self._name_attribute)
        self.new_name.returnPressed.connect(self._name_attribute)
        self.remove.clicked.connect(lambda: self.attribute_removed.emit(self.column))
        self.attributes.currentCellChanged.connect(lambda *_: self.chosen.emit())
        self.show_box.currentIndexChanged.connect(lambda _: self.chosen.emit())
        self.yes.clicked.connect(lambda: self.sheet.say(self.sheet.selected(), 1))
        self.no.clicked.connect(lambda: self.sheet.say(self.sheet.selected(), -1))
        self.accept_all.clicked.connect(self.suggestions_accepted)
        self.undo.clicked.connect(self.undo_asked)
        self.redo.clicked.connect(self.redo_asked)
        self.save.clicked.connect(self.save_asked)
        self.train.clicked.connect(self.train_asked)

    def _lay_out(self) -> None:
        for tool, text, keys in ((self.undo, tr("Undo"), "Ctrl+Z"), (self.redo, tr("Redo"), "Ctrl+Shift+Z")):
            tool.setText(text)
            tool.setShortcut(QKeySequence(keys))
            tool.setToolTip(f"{text} ({keys})")
        table = self.attributes
        table.setHorizontalHeaderLabels([tr("Attribute"), tr("With"), tr("Without"), tr("Open")])
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        top = QHBoxLayout()
        top.addWidget(QLabel(tr("Pictures")))
        top.addWidget(self.folder, 1)
        for beside in (self.choose, self.bar, self.cancel):
            top.addWidget(beside)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        shown = QHBoxLayout()
        shown.addWidget(self.show_box)
        shown.addWidget(self.note, 1)
        column.addLayout(shown)
        column.addWidget(self.sheet, 1)
        column.addWidget(self.keys)
        right = QWidget()
        grid = QGridLayout(right)
        grid.setContentsMargins(0, 0, 0, 0)
        rows: list[tuple[QWidget, ...]] = [
            (self.from_table, self.from_folders),
            (self.new_name, self.add),
            (table,),
            (self.yes, self.no),
            (self.accept_all, self.remove),
            (self.undo, self.redo),
            (self.warnings,),
        ]
        for number, widgets in enumerate(rows):
            for place, widget in enumerate(widgets):
                grid.addWidget(widget, number, place, 1, 2 if len(widgets) == 1 else 1)
        grid.setRowStretch(2, 1)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(0, 1)
        split.setSizes([700, 340])
        split.setChildrenCollapsible(False)
        bottom = QHBoxLayout()
        bottom.addWidget(self.problem, 1)
        bottom.addWidget(self.save)
        bottom.addWidget(self.train)
        lines = QVBoxLayout(self)
        lines.addLayout(top)
        lines.addWidget(split, 1)
        lines.addLayout(bottom)
        policy = self.problem.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.problem.setSizePolicy(policy)
        self.problem.hide()
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Return belongs to the lines


def _line() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
