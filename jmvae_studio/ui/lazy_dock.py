"""A dock whose content is made when it is first seen, so that the window starts as fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDockWidget, QWidget

W = TypeVar("W", bound=QWidget)


class LazyDock(QDockWidget, Generic[W]):
    """Empty until it is first shown."""

    made = Signal(object)
    """The content is there."""
    seen = Signal(bool)

    def __init__(self, title: str, name: str, make: Callable[[], W], parent: QWidget | None = None) -> None:
        """Args: ``name`` finds the dock in a kept layout; ``make`` imports what the content needs."""
        super().__init__(title, parent)
        self.setObjectName(name)
        self._make = make
        self.content: W | None = None
        self.visibilityChanged.connect(self._seen)

    def fill_screen(self, wanted: bool) -> None:
        """Fill the screen, or go back into the window."""
        self.setFloating(wanted)
        if wanted:
            self.setGeometry(self.screen().availableGeometry())

    def _seen(self, visible: bool) -> None:
        if visible and self.content is None:
            self.content = self._make()
            self.setWidget(self.content)
            self.made.emit(self.content)
        self.seen.emit(visible)
