"""What a dialog that opens while a mouse button is down means for the widget under it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from PySide6.QtWidgets import QWidget


@runtime_checkable
class Interruptible(Protocol):
    """A widget that does something for as long as a mouse button is down."""

    def interrupt(self) -> None:
        """End it, as if the button was up: a dialog has opened, and Qt keeps the release from blocked windows."""


def interrupt_all(window: QWidget) -> None:
    """Interrupt every widget of a window."""
    for widget in window.findChildren(QWidget):
        if isinstance(widget, Interruptible):
            widget.interrupt()
