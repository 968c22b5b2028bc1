"""A button with attributes to choose from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from jmvae_studio.language import tr


class AttributeMenu(QToolButton):
    """Opens a menu in which attributes are checked."""

    toggled_name = Signal(str, bool)
    """An attribute is wanted, or not any more."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))

    def offer(self, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], chosen: Collection[str]) -> None:
        """Offer attributes, as headings with (name, title), of which ``chosen`` are checked."""
        menu = self.menu()
        menu.clear()
        for heading, members in groups:
            entries = menu.addMenu(tr(heading))
            for name, title in members:
                action = entries.addAction(title)
                action.setCheckable(True)
                action.setChecked(name in chosen)
                action.toggled.connect(lambda on, name=name: self.toggled_name.emit(name, on))
