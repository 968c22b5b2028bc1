"""A line of the dialog of a new run: how long it would take, measured when asked for."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from jmvae_studio.training.measuring import Measured
from jmvae_studio.ui.run_table import duration


class MeasureLine(QWidget):
    """A button that asks, and cancels what it asked for; beside it the answer."""

    asked = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button, self.label = QPushButton("Measure"), QLabel()
        self.button.setAutoDefault(False)
        self.button.setToolTip("Do a few steps of this run in the background, to see what it takes")
        self.button.clicked.connect(self._click)
        self.label.setWordWrap(True)
        self.label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.button)
        row.addWidget(self.label, 1)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setSizePolicy(policy)
        self._is_measuring = False
        self.forget()

    @property
    def is_measuring(self) -> bool:
        """Whether an answer is awaited."""
        return self._is_measuring

    def forget(self) -> None:
        """The settings have changed: an answer to the old ones is worth nothing."""
        if self._is_measuring:
            self.cancelled.emit()
        self._rest("Time and memory: measured in a few seconds.")

    def show_measured(self, found: Measured, others: int) -> None:
        """The answer; ``others`` runs were under way meanwhile."""
        memory = f", {found.memory / 1e9:.1f} GB of memory" if found.memory else ""
        beside = " Measured beside a run that goes on: alone it is faster." if others else ""
        self._rest(
            f"About {duration(found.seconds)} on {found.device} ({found.images_per_second:,.0f} pictures/s)"
            f"{memory}. Reading the pictures the first time comes on top.{beside}"
        )

    def show_failure(self, reason: str) -> None:
        """Why there is no answer."""
        self._rest(reason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """As high as the words need at this width."""
        width = max(1, self.width() - self.button.sizeHint().width() - 8)
        self.setMinimumHeight(max(self.button.sizeHint().height(), self.label.heightForWidth(width)))

    def _rest(self, text: str) -> None:
        self._is_measuring = False
        self.button.setText("Measure")
        self.label.setText(text)
        self._make_room()

    def _click(self) -> None:
        if self._is_measuring:
            self.cancelled.emit()
            self._rest("Cancelled.")
        else:
            self._is_measuring = True
            self.button.setText("Cancel")
            self.label.setText("Measuring…")
            self.asked.emit()
