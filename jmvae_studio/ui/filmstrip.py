"""The open photographs in a row: click one to edit it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QMouseEvent, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.theme import ACCENT

_PICTURE = QSize(84, 56)
_EDITED = Qt.ItemDataRole.UserRole
_NUMBER = Qt.ItemDataRole.UserRole + 1
_PIXMAP = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True)
class Frame:
    """A photograph as the filmstrip shows it."""

    number: int
    name: str
    edited: bool
    thumbnail: QPixmap | None


class Filmstrip(QListWidget):
    """A row of small pictures with their names; a dot marks those with edits."""

    chosen = Signal(int)
    """The number of the photograph to show."""
    close_asked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Open photographs"))
        self.setFlow(QListWidget.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setAutoScroll(False)  # `show_frames` says when
        self.setItemDelegate(_FrameDelegate(self))
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Base, palette.color(QPalette.ColorRole.Window))
        self.setPalette(palette)
        self.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self._frames: list[Frame] = []
        self._current: int | None = None
        """Number of the photograph that stands out."""
        self.setMinimumHeight(self.sizeHint().height())
        self.setMaximumHeight(self.sizeHint().height())
        self.currentItemChanged.connect(self._choose)
        self.customContextMenuRequested.connect(self._show_menu)

    def sizeHint(self) -> QSize:
        return QSize(400, _PICTURE.height() + self.fontMetrics().height() + 32)

    def show_frames(self, frames: Sequence[Frame], current: int | None) -> None:
        """Show these photographs; the one with the number ``current`` stands out, in sight when it is another."""
        self.blockSignals(True)
        if [frame.number for frame in frames] != [frame.number for frame in self._frames]:
            there = self.horizontalScrollBar().value()
            self.clear()
            self._frames = []
            for frame in frames:
                item = QListWidgetItem()
                item.setSizeHint(QSize(_PICTURE.width() + 16, self.sizeHint().height() - 12))
                item.setData(_NUMBER, frame.number)
                self.addItem(item)
            self.visualItemRect(self.item(0))  # lays them all out, so that the strip is long enough again
            self.horizontalScrollBar().setValue(there)
        for index, frame in enumerate(frames):
            if index >= len(self._frames) or frame != self._frames[index]:
                item = self.item(index)
                item.setText(frame.name)
                item.setToolTip(tr("{name}, edited", name=frame.name) if frame.edited else frame.name)
                item.setData(_EDITED, frame.edited)
                item.setData(_PIXMAP, frame.thumbnail)
            if frame.number == current:
                self.setCurrentRow(index)
                if current != self._current:  # else the strip stays where the user scrolled it
                    self.scrollToItem(self.item(index))
        self._frames, self._current = list(frames), current
        self.blockSignals(False)
        self.viewport().update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:  # the others close a photograph or open its menu
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        item = self.itemAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.MiddleButton and item is not None:
            self.close_asked.emit(item.data(_NUMBER))
        super().mouseReleaseEvent(event)

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(_NUMBER))

    def _show_menu(self, place: QPoint) -> None:
        item = self.itemAt(place)
        if item is not None:
            number = item.data(_NUMBER)
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction(tr("Close Photograph")).triggered.connect(lambda: self.close_asked.emit(number))
            menu.popup(self.viewport().mapToGlobal(place))


class _FrameDelegate(QStyledItemDelegate):
    """Paints one photograph of the strip."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect: QRect = option.rect
        palette: QPalette = option.palette
        state: QStyle.StateFlag = option.state
        picture = QRect(QPoint(rect.center().x() - _PICTURE.width() // 2, rect.top() + 5), _PICTURE)
        selected = bool(state & QStyle.StateFlag.State_Selected)
        pixmap = index.data(_PIXMAP)
        if isinstance(pixmap, QPixmap):
            size = pixmap.size().scaled(_PICTURE, Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(picture.center())
            painter.drawPixmap(target, pixmap)
        else:
            target = picture
            painter.fillRect(target, palette.color(QPalette.ColorRole.AlternateBase))
        if selected:
            painter.setPen(QPen(ACCENT, 2))
            painter.drawRect(target.adjusted(-2, -2, 1, 1))
        metrics = QFontMetrics(painter.font())
        line = QRect(rect.left() + 4, picture.bottom() + 5, rect.width() - 8, metrics.height())
        edited = bool(index.data(_EDITED))
        room = line.width() - (12 if edited else 0)
        role = QPalette.ColorRole.WindowText if selected else QPalette.ColorRole.PlaceholderText
        line.adjust(12 if edited else 0, 0, 0, 0)  # the dot's place
        text = metrics.elidedText(index.data(), Qt.TextElideMode.ElideMiddle, room)
        painter.setPen(palette.color(role))
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, text)
        if edited:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ACCENT)
            left = line.center().x() - metrics.horizontalAdvance(text) / 2
            painter.drawEllipse(QRect(round(left) - 10, line.center().y() - 2, 6, 6))
        painter.restore()
