"""Many faces side by side with what is said of them; the keys say more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QImage, QKeyEvent, QPainter, QPalette, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from jmvae_studio.language import tr
from jmvae_studio.ui.theme import ACCENT

SIDE = 96
"""Of a face, in pixels."""
YES, NO = QColor("#3f9b57"), QColor("#b0413e")

_ENTRY = Qt.ItemDataRole.UserRole
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Entry:
    """A picture as the sheet shows it.

    Attributes:
        row: Which one.
        name: Shown on top of the mouse.
        image: None if it cannot be opened.
        tag: 1, -1 or 0.
        suggestion: -1…1, or NaN.
        caption: Below the picture.
    """

    row: int
    name: str
    image: QImage | None
    tag: int = 0
    suggestion: float = float("nan")
    caption: str = ""


class ContactSheet(QListView):
    """Y: has it. N: has it not. Space: as suggested. Backspace: not said. Each goes on to the next picture."""

    tagged = Signal(list, int)
    """Rows of the selected pictures, and 1, -1 or 0."""
    accepted = Signal(list)
    """Rows whose suggestion is right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Faces"))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self.setUniformItemSizes(True)
        self.setSpacing(4)
        self.setItemDelegate(_Face(self))
        self._model = _Entries(self)
        self.setModel(self._model)

    @property
    def entries(self) -> list[Entry]:
        """As they are shown."""
        return self._model.entries

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show these; the selection and the place stay where the pictures are the same ones."""
        same = [entry.row for entry in entries] == [entry.row for entry in self.entries]
        if same:
            self._model.renew(list(entries))
            return
        rows = set(self.selected())
        current = self.currentIndex().row()
        self._model.replace(list(entries))
        mode = QItemSelectionModel.SelectionFlag
        for place, entry in enumerate(entries):
            if entry.row in rows:
                self.selectionModel().select(self._model.index(place), mode.Select)
        if entries and not self.selected():
            self.setCurrentIndex(self._model.index(min(max(current, 0), len(entries) - 1)))

    def selected(self) -> list[int]:
        """Rows of the selected pictures."""
        return sorted(self.entries[index.row()].row for index in self.selectedIndexes())

    def go_on(self) -> None:
        """Select the picture after the current one."""
        place = self.currentIndex().row() + 1
        if 0 <= place < len(self.entries):
            self.setCurrentIndex(self._model.index(place))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        values = {Qt.Key.Key_Y: 1, Qt.Key.Key_N: -1, Qt.Key.Key_Backspace: 0}
        rows = self.selected()
        plain = not event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
        )
        if plain and rows and event.key() in values:
            self.say(rows, values[Qt.Key(event.key())])
        elif plain and rows and event.key() == Qt.Key.Key_Space:
            self._then_on(rows, lambda: self.accepted.emit(rows))
        else:
            super().keyPressEvent(event)

    def say(self, rows: Sequence[int], value: int) -> None:
        """Tell of the selected pictures, and go on to the next one if it was one alone."""
        self._then_on(rows, lambda: self.tagged.emit(list(rows), value))

    def _then_on(self, rows: Sequence[int], act: object) -> None:
        """Act; the next picture is that after the one which was current, be that still shown or not."""
        before = [entry.row for entry in self.entries]
        place = self.currentIndex().row()
        act()  # type: ignore[operator]
        if len(rows) == 1 and [entry.row for entry in self.entries] == before:
            self.setCurrentIndex(self._model.index(place))
            self.go_on()


class _Entries(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.entries: list[Entry] = []

    def rowCount(self, parent: Index | None = None) -> int:
        return len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        entry = self.entries[index.row()]
        if role == _ENTRY:
            return entry
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{entry.name}: {entry.caption}" if entry.caption else entry.name
        return None

    def replace(self, entries: list[Entry]) -> None:
        self.beginResetModel()
        self.entries = entries
        self.endResetModel()

    def renew(self, entries: list[Entry]) -> None:
        self.entries = entries
        if entries:
            self.dataChanged.emit(self.index(0), self.index(len(entries) - 1))


class _Face(QStyledItemDelegate):
    """The picture, what is said (a frame) or suggested (a dashed one), and a caption."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(SIDE + 12, SIDE + 14 + QFontMetrics(option.font).height())

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: Entry = index.data(_ENTRY)
        rect: QRect = option.rect
        palette: QPalette = option.palette
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, ACCENT)
        place = QRect(rect.x() + 6, rect.y() + 6, SIDE, SIDE)
        if entry.image is not None:
            size = entry.image.size().scaled(SIDE, SIDE, Qt.AspectRatioMode.KeepAspectRatio)
            shown = QRect(0, 0, size.width(), size.height())
            shown.moveCenter(place.center())
            painter.drawImage(shown, entry.image)
        else:
            painter.fillRect(place, palette.color(QPalette.ColorRole.AlternateBase))
        colour = None
        if entry.tag:
            colour = YES if entry.tag > 0 else NO
            painter.setPen(QPen(colour, 3))
        elif not np.isnan(entry.suggestion):
            colour = YES if entry.suggestion > 0 else NO
            painter.setPen(QPen(colour, 2, Qt.PenStyle.DotLine))
        if colour is not None:
            painter.drawRect(place.adjusted(-1, -1, 0, 0))
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        painter.setPen(palette.color(role))
        below = QRect(rect.x() + 4, place.bottom() + 2, rect.width() - 8, rect.bottom() - place.bottom() - 2)
        caption = painter.fontMetrics().elidedText(entry.caption, Qt.TextElideMode.ElideRight, below.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, caption)
        painter.restore()
