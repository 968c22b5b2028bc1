"""Things with names at the end of a menu, and a submenu that removes them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu


class NamedEntries(QObject):
    """Lists names in a menu."""

    chosen = Signal(str)
    removed = Signal(str)

    def __init__(self, menu: QMenu, removing: str) -> None:
        """Args: ``removing`` is the title of the submenu."""
        super().__init__(menu)
        self._menu, self._removing = menu, menu.addMenu(removing)
        menu.addSeparator()
        self.actions: list[QAction] = []

    def show(self, names: Sequence[str], current: str | None = None) -> None:
        """Show these names, the ``current`` one checked."""
        for action in self.actions:
            self._menu.removeAction(action)
            action.deleteLater()
        self.actions.clear()
        self._removing.clear()
        for name in names:
            text = name.replace("&", "&&")
            action = self._menu.addAction(text)
            action.setCheckable(current is not None)
            action.setChecked(name == current)
            action.triggered.connect(lambda _=False, name=name: self.chosen.emit(name))
            self.actions.append(action)
            removing = self._removing.addAction(text)
            removing.triggered.connect(lambda _=False, name=name: self.removed.emit(name))
        self._removing.setEnabled(bool(names))
