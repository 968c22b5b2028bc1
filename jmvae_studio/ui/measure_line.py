"""A line of the dialog of a new run: how long it would take, measured when asked for."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from jmvae_studio.language import tr
from jmvae_studio.training.measuring import Measured
from jmvae_studio.ui.run_table import duration


class MeasureLine(QWidget):
    """A button that asks, and cancels what it asked for; beside it the answer."""

    asked = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button, self.label = QPushButton(tr("Measure")), QLabel()
        self.button.setAutoDefault(False)
        self.button.setToolTip(tr("Do a few steps of this run in the background, to see what it takes"))
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
        self._rest(tr("Time and memory: measured in a few seconds."))

    def show_measured(self, found: Measured, others: int) -> None:
        """The answer; ``others`` runs were under way meanwhile."""
        took = {
            "time": duration(found.seconds),
            "device": found.device,
            "speed": found.images_per_second,
            "memory": found.memory / 1e9,
        }
        told = [
            tr("About {time} on {device} ({speed:,.0f} pictures/s), {memory:.1f} GB of memory.", **took)
            if found.memory
            else tr("About {time} on {device} ({speed:,.0f} pictures/s).", **took),
            tr("Reading the pictures the first time comes on top."),
        ]
        if others:
            told.append(tr("Measured beside a run that goes on: alone it is faster."))
        self._rest(" ".join(told))

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
        self.button.setText(tr("Measure"))
        self.label.setText(text)
        self._make_room()

    def _click(self) -> None:
        if self._is_measuring:
            self.cancelled.emit()
            self._rest(tr("Cancelled."))
        else:
            self._is_measuring = True
            self.button.setText(tr("Cancel"))
            self.label.setText(tr("Measuring…"))
            self.asked.emit()
