"""A list to choose from that the mouse wheel passes over."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QWidget


class ChoiceBox(QComboBox):
    """A list to choose from that leaves the wheel to the page around it: scrolling must not choose."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # Qt's own takes the keyboard with the wheel

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
