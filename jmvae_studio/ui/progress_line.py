"""How far long work is, in the status bar, and a button that stops it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QToolButton, QWidget

from jmvae_studio.language import tr


class ProgressLine(QWidget):
    """Hidden while nothing is under way."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label, self.bar = QLabel(), QProgressBar()
        self.bar.setFixedWidth(120)
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(12)
        self.cancel = QToolButton()
        self.cancel.setText(tr("Cancel"))
        self.cancel.setAutoRaise(True)
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        for widget in (self.label, self.bar, self.cancel):
            row.addWidget(widget)
        self.hide()

    def show_progress(self, text: str, done: int, total: int) -> None:
        """Say what is under way and how far it is."""
        self.label.setText(text)
        self.bar.setRange(0, max(1, total))
        self.bar.setValue(done)
        self.show()

    def show_busy(self, text: str) -> None:
        """Say what is under way, of which nobody knows how far it is."""
        self.label.setText(text)
        self.bar.setRange(0, 0)
        self.show()
