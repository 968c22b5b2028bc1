"""A line of advice in the status bar that stays while it holds, and gives way to whatever is said there."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent, Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget


class HintLine(QLabel):
    """One line, cut short where there is no room for it; the tooltip has the whole."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setContentsMargins(6, 0, 6, 0)
        # Never asks for room: what stands beside it, and the window's smallest size, come first.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._whole = ""

    @property
    def hint(self) -> str:
        """The whole advice; empty without one."""
        return self._whole

    def show_hint(self, text: str) -> None:
        """Give this advice; an empty one takes it back."""
        if text != self._whole:
            self._whole = text
            self.setToolTip(text)
            self._cut()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._cut()

    def _cut(self) -> None:
        room = self.contentsRect().width()
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room))
