"""Every action of the menus with its keys, found by typing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHeaderView,
    QLineEdit,
    QMenu,
    QMenuBar,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr

_MOVES = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True)
class Command:
    """An action, where it is in the menus and its keys, as the eye reads them."""

    action: QAction
    text: str
    menu: str
    keys: str

    def rank(self, query: str) -> int | None:
        """How well it answers a query, 0 best; None if a word of it is neither in its name, menu nor keys."""
        words = query.casefold().split()
        text, everything = self.text.casefold(), f"{self.menu} {self.text} {self.keys}".casefold()
        if not all(word in everything for word in words):
            return None
        if not words or text.startswith(words[0]):
            return 0
        return 1 if all(word in text for word in words) else 2


def commands(bar: QMenuBar) -> list[Command]:
    """The actions of a menu bar, in its order."""
    return [command for action in bar.actions() for command in _within(action, "")]


def _within(action: QAction, menu: str) -> Iterator[Command]:
    text = action.text().replace("&&", "\0").replace("&", "").replace("\0", "&")
    inside = cast("QMenu | None", action.menu())  # type: ignore[redundant-cast, unused-ignore]
    if inside is not None:
        for entry in inside.actions():
            yield from _within(entry, f"{menu} ▸ {text}" if menu else text)
    elif text and not action.isSeparator():
        keys = ", ".join(key.toString(QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts())
        yield Command(action, text, menu, keys)


class CommandPalette(QDialog):
    """A line to type in and what matches it; Enter runs the chosen action, Escape closes."""

    def __init__(self, parent: QWidget, bar: QMenuBar) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Commands"))
        self._commands = commands(bar)
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Type a command or its keys"))
        self.list = QTreeWidget()
        self.list.setAccessibleName(tr("Commands"))
        self.list.setColumnCount(3)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.header().setStretchLastSection(False)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.itemClicked.connect(lambda item: self._run(item))
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.search)
        column.addWidget(self.list)
        self.search.textChanged.connect(self._fill)
        self.search.installEventFilter(self)
        self.resize(min(620, parent.width() - 40), min(420, parent.height() - 40))
        self._fill("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The list moves while the line keeps the keyboard."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in _MOVES:
                self.list.keyPressEvent(event)
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(self.list.currentItem())
                return True
        return super().eventFilter(watched, event)

    def _fill(self, query: str) -> None:
        ranked = [(command.rank(query), number) for number, command in enumerate(self._commands)]
        found = sorted((rank, number) for rank, number in ranked if rank is not None)
        self.list.clear()
        for _, number in found:
            command = self._commands[number]
            mark = "✓ " if command.action.isChecked() else ""
            item = QTreeWidgetItem([mark + command.text, command.menu, command.keys])
            item.setData(0, Qt.ItemDataRole.UserRole, number)
            item.setForeground(1, self.palette().placeholderText())
            if not command.action.isEnabled():
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addTopLevelItem(item)
        rows = [self.list.topLevelItem(row) for row in range(self.list.topLevelItemCount())]
        enabled = [item for item in rows if item is not None and item.flags() != Qt.ItemFlag.NoItemFlags]
        if enabled:
            self.list.setCurrentItem(enabled[0])

    def _run(self, item: QTreeWidgetItem | None) -> None:
        if item is None or item.flags() == Qt.ItemFlag.NoItemFlags:
            return
        action = self._commands[item.data(0, Qt.ItemDataRole.UserRole)].action
        self.close()
        action.trigger()
