"""The settings: every change takes effect at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import mark, tr

THEMES = ((mark("System"), "system"), (mark("Light"), "light"), (mark("Dark"), "dark"))
DEVICES = (
    (mark("Automatic"), "auto"),
    (mark("CPU"), "cpu"),
    (mark("CUDA"), "cuda"),
    (mark("Apple GPU (MPS)"), "mps"),
)


@dataclass(frozen=True)
class Preferences:
    """What the dialog shows.

    Attributes:
        theme: One of `THEMES`.
        device: One of `DEVICES`.
        mode: Edit mode.
        settings: Whether exports carry their settings.
        exif: Whether exports keep the camera's data.
        autosave: Whether the session is kept in case of a crash.
        pause: Seconds between two such writes.
        memory: Megabytes of photographs that are not shown.
    """

    theme: str
    device: str
    mode: str
    settings: bool
    exif: bool
    autosave: bool
    pause: float
    memory: int


class SettingsDialog(QDialog):
    """Shows the settings and tells of each change."""

    changed = Signal(str, object)
    """Which field of `Preferences`, and its new value."""
    free_memory_asked = Signal()

    def __init__(self, parent: QWidget, modes: Sequence[tuple[str, str]]) -> None:
        """Args: ``modes`` are (name on the screen, value)."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Settings"))
        self.setAccessibleName(tr("Settings"))
        self.theme = self._choice("theme", THEMES)
        self.device = self._choice("device", DEVICES)
        self.mode = self._choice("mode", modes)
        self.settings = self._switch("settings", tr("Include the settings they were made with"))
        self.exif = self._switch("exif", tr("Keep the camera's data (time, place)"))
        self.autosave = self._switch("autosave", tr("Keep my work in case of a crash"))
        self.pause = QDoubleSpinBox()
        self.pause.setRange(0.3, 600)
        self.pause.setDecimals(1)
        self.pause.setSuffix(tr(" s after a change"))
        self.pause.valueChanged.connect(lambda value: self.changed.emit("pause", value))
        self.pause.setAccessibleName(tr("Keep it so many seconds after a change"))
        self.autosave.toggled.connect(self.pause.setEnabled)
        self.memory = QSpinBox()
        self.memory.setRange(100, 64_000)
        self.memory.setSingleStep(100)
        self.memory.setSuffix(tr(" MB"))
        self.memory.setToolTip(
            tr("Of photographs that are not shown; older ones are read from their files again")
        )
        self.memory.valueChanged.connect(lambda value: self.changed.emit("memory", value))
        self.free = QPushButton(tr("Free the Model's Memory Now"))
        self.free.clicked.connect(self.free_memory_asked)
        self.free.setAutoDefault(False)
        form = QFormLayout()
        form.setVerticalSpacing(10)
        form.addRow(tr("Theme"), self.theme)
        form.addRow(tr("Model runs on"), self.device)
        form.addRow(tr("Edit by"), self.mode)
        form.addRow(tr("Exports"), self.settings)
        form.addRow("", self.exif)
        form.addRow(tr("Session"), self.autosave)
        form.addRow("", self.pause)
        form.addRow(tr("Memory"), self.memory)
        form.addRow("", self.free)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addStretch(1)
        column.addWidget(buttons)

    def show_preferences(self, shown: Preferences) -> None:
        """Show these values; nothing is told of them."""
        self.blockSignals(True)
        for box, value in ((self.theme, shown.theme), (self.device, shown.device), (self.mode, shown.mode)):
            box.setCurrentIndex(box.findData(value))
        self.settings.setChecked(shown.settings)
        self.exif.setChecked(shown.exif)
        self.autosave.setChecked(shown.autosave)
        self.pause.setValue(shown.pause)
        self.pause.setEnabled(shown.autosave)
        self.memory.setValue(shown.memory)
        self.blockSignals(False)

    def _choice(self, field: str, entries: Sequence[tuple[str, str]]) -> QComboBox:
        box = QComboBox()
        for text, value in entries:
            box.addItem(tr(text), value)
        box.currentIndexChanged.connect(lambda index: self.changed.emit(field, box.itemData(index)))
        return box

    def _switch(self, field: str, text: str) -> QCheckBox:
        box = QCheckBox(text)
        box.toggled.connect(lambda on: self.changed.emit(field, on))
        return box
