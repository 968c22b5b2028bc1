"""The whole photograph with its faces: choose one, or mark one by hand; the edit is shown in place."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
    QTransform,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from jmvae_studio.ui.theme import ACCENT
from trainer.data.face_crop import FaceCrop

_SMALLEST_CROP = 16
"""Side in photograph pixels below which a square drawn by hand is taken for a slip."""


class PhotoView(QWidget):
    """Shows a photograph fitted to the widget, the square of every face, and the current face's edit in place."""

    face_clicked = Signal(int)
    crop_drawn = Signal(object)
    """A `FaceCrop` drawn by hand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Photograph")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._image: QImage | None = None
        self._size = (0, 0)
        self._scaled: QPixmap | None = None
        self._crops: list[FaceCrop] = []
        self._current = 0
        self._edited: dict[int, QImage] = {}
        self._hint = "Open a photograph, or drop one here"
        self._drawing = False
        self._first: QPointF | None = None
        self._last: QPointF | None = None

    def show_photo(self, image: QImage | None, size: tuple[int, int]) -> None:
        """Show another photograph, or the hint.

        Args:
            image: The photograph, possibly reduced for the screen.
            size: Width and height of the photograph itself, in whose pixels faces are given.
        """
        self._image = image
        self._size = size
        self._scaled = None
        self._edited = {}
        self._crops = []
        self.update()

    def show_faces(self, crops: Sequence[FaceCrop], current: int) -> None:
        """Outline the faces; the current one stands out."""
        self._crops = list(crops)
        self._current = current
        self._edited = {}
        self.update()

    def show_edited(self, images: dict[int, QImage]) -> None:
        """Lay edited crops over the faces with these indices; the others are shown as they are."""
        changed = self._edited.keys() | images.keys()
        self._edited = images
        for index in changed & set(range(len(self._crops))):  # a drag repaints the faces, not the photograph
            polygon = QPolygonF([self.to_widget(x, y) for x, y in self._crops[index].corners()])
            self.update(polygon.boundingRect().toAlignedRect().adjusted(-3, -3, 3, 3))

    def set_drawing(self, drawing: bool) -> None:
        """Whether a drag draws a new square around a face."""
        self._drawing = drawing
        self._first = self._last = None
        self.setCursor(Qt.CursorShape.CrossCursor if drawing else Qt.CursorShape.ArrowCursor)
        self.update()

    def photo_rect(self) -> QRectF:
        """Where the photograph lies on the widget."""
        if self._image is None:
            return QRectF()
        scale = min(self.width() / self._size[0], self.height() / self._size[1])
        width, height = self._size[0] * scale, self._size[1] * scale
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def to_widget(self, x: float, y: float) -> QPointF:
        """A point of the photograph on the widget."""
        rect = self.photo_rect()
        scale = rect.width() / self._size[0]
        return QPointF(rect.left() + x * scale, rect.top() + y * scale)

    def to_photo(self, point: QPointF) -> QPointF:
        """A point of the widget on the photograph, kept inside it."""
        rect = self.photo_rect()
        scale = self._size[0] / rect.width()
        x = min(max((point.x() - rect.left()) * scale, 0.0), float(self._size[0]))
        y = min(max((point.y() - rect.top()) * scale, 0.0), float(self._size[1]))
        return QPointF(x, y)

    def sizeHint(self) -> QSize:
        return QSize(480, 300)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._scaled = None
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._image is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if self._drawing:
            self._first = self._last = self.to_photo(event.position())
            return
        index = self._face_at(event.position())
        if index is not None:
            self.face_clicked.emit(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._first is not None:
            self._last = self.to_photo(event.position())
            self.update()
        elif not self._drawing and self._image is not None:
            over = self._face_at(event.position()) is not None and len(self._crops) > 1
            self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        crop = self._drawn_crop()
        self._first = self._last = None
        self.update()
        if crop is not None and crop.side >= _SMALLEST_CROP:
            self.crop_drawn.emit(crop)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._first is not None:
            self._first = self._last = None
            self.update()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if self._image is None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1.5, Qt.PenStyle.DashLine))
            painter.drawRoundedRect(self.rect().adjusted(8, 8, -8, -8), 8, 8)
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            centre = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(24, 24, -24, -24), centre, self._hint)
            return
        painter.drawPixmap(self.photo_rect().topLeft(), self._scaled_photo(self._image))
        for index, edited in self._edited.items():
            painter.save()
            painter.setClipRect(self.photo_rect())
            painter.setTransform(self._crop_transform(self._crops[index], edited.width()))
            painter.drawImage(0, 0, edited)
            painter.restore()
        for index, crop in enumerate(self._crops):
            self._draw_outline(painter, crop, ACCENT if index == self._current else QColor("#ffffff"))
        drawn = self._drawn_crop()
        if drawn is not None:
            self._draw_outline(painter, drawn, ACCENT)

    def _draw_outline(self, painter: QPainter, crop: FaceCrop, colour: QColor) -> None:
        polygon = QPolygonF([self.to_widget(x, y) for x, y in crop.corners()])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, crop.roll != 0)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 110), 3))
        painter.drawPolygon(polygon)
        painter.setPen(QPen(colour, 1.5))
        painter.drawPolygon(polygon)

    def _scaled_photo(self, image: QImage) -> QPixmap:
        """The photograph at the size it is painted, scaled once and not at every drag."""
        if self._scaled is None:
            ratio = self.devicePixelRatioF()
            size = (self.photo_rect().size() * ratio).toSize().expandedTo(QSize(1, 1))
            scaled = image.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            self._scaled = QPixmap.fromImage(scaled)
            self._scaled.setDevicePixelRatio(ratio)
        return self._scaled

    def _crop_transform(self, crop: FaceCrop, size: int) -> QTransform:
        corners = [self.to_widget(x, y) for x, y in crop.corners()]
        across, down = corners[1] - corners[0], corners[3] - corners[0]
        return QTransform(
            across.x() / size,
            across.y() / size,
            down.x() / size,
            down.y() / size,
            corners[0].x(),
            corners[0].y(),
        )

    def _face_at(self, point: QPointF) -> int | None:
        """The smallest face square under the point."""
        found: int | None = None
        for index, crop in enumerate(self._crops):
            polygon = QPolygonF([self.to_widget(x, y) for x, y in crop.corners()])
            inside = polygon.containsPoint(point, Qt.FillRule.OddEvenFill)
            if inside and (found is None or crop.side < self._crops[found].side):
                found = index
        return found

    def _drawn_crop(self) -> FaceCrop | None:
        if self._first is None or self._last is None:
            return None
        dx, dy = self._last.x() - self._first.x(), self._last.y() - self._first.y()
        side = max(abs(dx), abs(dy))
        if side == 0:
            return None
        left = self._first.x() - (side if dx < 0 else 0)
        top = self._first.y() - (side if dy < 0 else 0)
        return FaceCrop(left + side / 2, top + side / 2, side)
