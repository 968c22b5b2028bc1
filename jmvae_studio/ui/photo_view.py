"""The whole photograph with its faces: choose one, mark or move one by hand; the edit is shown in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
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
    QResizeEvent,
    QTransform,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from jmvae_studio.language import tr
from jmvae_studio.ui import crop_box, wiping
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.overlays import Overlay
from jmvae_studio.ui.theme import ACCENT
from jmvae_studio.ui.viewport import Comparison, Zoomable
from trainer.data.face_crop import FaceCrop

_LARGEST_PIXEL = 8.0
"""Pixels of the screen that one of the photograph may take."""
_SLIP = 5
"""Pixels that the mouse may move in a click."""
_GAP = 12
"""Pixels of the screen between two pictures side by side."""


class PhotoView(Zoomable):
    """Shows a photograph, the square of every face, and every face's edit in place; the wheel zooms, a drag pans."""

    face_clicked = Signal(int)
    crop_drawn = Signal(object)
    """A `FaceCrop` drawn by hand."""
    crop_moved = Signal(object)
    """The `FaceCrop` to which the current face's square was moved; any number of times in a drag."""
    crop_released = Signal()
    """The drag of a square is over."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(None, parent)
        self.setAccessibleName(tr("Photograph"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(120, 90)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport.changed.connect(self._view_changed)
        self._image: QImage | None = None
        self._pixels: npt.NDArray[np.uint8] | None = None
        self._size = (1, 1)
        self._scaled: tuple[QRect, QPixmap] | None = None
        self._crops: list[FaceCrop] = []
        self._current = 0
        self._edited: Mapping[int, Overlay] = {}
        self._hint = tr("Open a photograph, or drop one here")
        self._drawing = False
        self._adjusting = False
        self._first: QPointF | None = None
        self._last: QPointF | None = None
        self._grip: tuple[crop_box.Grip, FaceCrop, QPointF] | None = None
        self._meter = crop_box.Meter()
        self._panned_from: QPointF | None = None
        self._clicked: QPointF | None = None
        self.outlined = True
        """Whether the faces' squares are drawn."""
        self._comparison: Comparison = "edited"
        self._wipe = wiping.Line()

    def show_photo(
        self, image: QImage | None, size: tuple[int, int], pixels: npt.NDArray[np.uint8] | None = None
    ) -> None:
        """Show another photograph, or the hint.

        Args:
            image: The photograph, possibly reduced for the screen.
            size: Width and height of the photograph itself, in whose pixels faces are given.
            pixels: The photograph itself, height × width × 3, for a close look.
        """
        self._image, self._pixels = image, pixels
        self._size = (max(1, size[0]), max(1, size[1]))
        self._edited = {}
        self._crops = []
        self.let_go()
        self.viewport.fit()

    def show_faces(self, crops: Sequence[FaceCrop], current: int) -> None:
        """Outline the faces; the current one stands out."""
        self._crops = list(crops)
        self._current = current
        self._edited = {}
        self.update()

    def show_edited(self, overlays: Mapping[int, Overlay]) -> None:
        """Lay edits over the faces with these indices; the others are shown as they are."""
        changed = self._edited.keys() | overlays.keys()
        self._edited = overlays
        if self._comparison != "edited":
            self.update()
            return
        for index in changed & set(range(len(self._crops))):
            bounds = crop_box.polygon(self._crops[index], self.to_widget).boundingRect()
            self.update(bounds.toAlignedRect().adjusted(-4, -4, 4, 4))

    def set_drawing(self, drawing: bool) -> None:
        """Let the next drag mark a face."""
        self._drawing = drawing
        self._first = self._last = None
        self.setCursor(Qt.CursorShape.CrossCursor if drawing else Qt.CursorShape.ArrowCursor)
        self.update()

    def set_adjusting(self, adjusting: bool) -> None:
        """Let drags move, scale and turn the current face's square."""
        self._adjusting = adjusting
        self._end_grip()
        self.update()

    def let_go(self) -> None:
        """End a drag of the square, which is of a face that is no longer shown."""
        self._grip = self._meter.before = None

    def show_plausibility(self, plausibility: float | None) -> None:
        """Show how plausible the current face's square is while it can be moved, 0…1; None while not known."""
        if plausibility != self._meter.now:
            self._meter.now = plausibility
            if self._adjusting:
                self.update()

    def set_comparison(self, comparison: Comparison) -> None:
        """Show the edited photograph in another way."""
        self._comparison = comparison
        self._scaled = None
        self.update()

    def zoom_by(self, factor: float) -> None:
        """Zoom around the middle."""
        self._zoom_at(self._view().center(), factor)

    def zoom_to_pixels(self) -> None:
        """Show one pixel of the photograph as one of the screen."""
        if self._image is not None:
            self.zoom_by(self._pixel_zoom() / self.viewport.zoom)

    def photo_rect(self) -> QRectF:
        """Where the (edited) photograph is painted; larger than the widget when zoomed in."""
        return self.viewport.place(self._view(), self._whole())

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

    # What the user does ----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._view_changed()
        super().resizeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if self._image is None or event.button() not in (
            Qt.MouseButton.LeftButton,
            Qt.MouseButton.MiddleButton,
        ):
            return
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panned_from = place
            return
        if self._drawing:
            self._first = self._last = self.to_photo(place)
            return
        if self._comparison == "wipe" and self._wipe.press(place, self._wiped()):
            return
        if self._adjusting and self._crops:
            crop = self._crops[self._current]
            grip = crop_box.grip_at(place, crop, self.to_widget)
            if grip is not None:
                self._grip = (grip, crop, self._unbounded(place))
                self._meter.before = self._meter.now
                return
        self._clicked = self._panned_from = place

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if self._first is not None:
            self._last = self.to_photo(place)
            self.update()
        elif self._grip is not None:
            grip, crop, start = self._grip
            self.crop_moved.emit(crop_box.dragged(crop, grip, start, self._unbounded(place), self._size))
        elif self._comparison == "wipe" and self._wipe.move(place, self._wiped()):
            self.update()
        elif self._panned_from is not None:
            self._pan(place - self._panned_from)
            self._panned_from = place
        elif not self._drawing and self._image is not None:
            self.setCursor(self._cursor_at(place))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        crop = self._drawn_crop()
        clicked = self._clicked
        self.interrupt()
        if clicked is not None and (event.position() - clicked).manhattanLength() < _SLIP:
            index = self._face_at(clicked)
            if index is not None:
                self.face_clicked.emit(index)
        if crop is not None and crop.side >= crop_box.SMALLEST:
            self.crop_drawn.emit(crop)

    def interrupt(self) -> None:
        """See `Interruptible`."""
        self._clicked = self._first = self._last = self._panned_from = None
        self._wipe.release()
        self._end_grip()
        self.update()

    def _end_grip(self) -> None:
        if self._grip is not None:
            self.let_go()
            self.crop_released.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._image is None or self._drawing or self._adjusting:
            return
        if self.viewport.zoom > 1:
            self.viewport.fit()
        else:
            factor = self._pixel_zoom() / self.viewport.zoom
            self._zoom_at(event.position(), max(factor, 2.0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._first is not None:
            self._first = self._last = None
            self.update()
        else:
            super().keyPressEvent(event)

    # Painting --------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._image is None:
            self._paint_hint(painter)
            return
        view = self._view()
        painter.setClipRect(view)
        if self._comparison == "difference":
            painter.drawImage(view.topLeft(), self._difference())
        elif self._comparison == "wipe":
            self._paint_photo(painter, edited=False)
            painter.save()
            painter.setClipRect(self._wipe.covered(self._wiped()), Qt.ClipOperation.IntersectClip)
            self._paint_photo(painter, edited=True)
            painter.restore()
            self._wipe.draw(painter, self._wiped())
        else:
            self._paint_photo(painter, edited=True)
        if self.outlined:
            self._paint_outlines(painter)
        if self._comparison == "side":
            shift = view.left() - _GAP - view.width()
            painter.setClipRect(view.translated(shift - view.left(), 0))
            painter.translate(shift - view.left(), 0)
            self._paint_photo(painter, edited=False)

    def _paint_hint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Mid), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(8, 8, -8, -8), 8, 8)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        centre = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(24, 24, -24, -24), centre, self._hint)

    def _paint_photo(self, painter: QPainter, edited: bool) -> None:
        assert self._image is not None
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        seen, pixmap = self._scaled_photo(self._image)
        painter.drawPixmap(seen, pixmap)
        if not edited:
            return
        for index, overlay in self._edited.items():
            if index >= len(self._crops):  # of a face that has gone
                continue
            painter.save()
            painter.setClipRect(self.photo_rect(), Qt.ClipOperation.IntersectClip)
            painter.setTransform(
                self._crop_transform(self._crops[index], overlay.edited.width()), combine=True
            )
            overlay.paint(painter)
            painter.restore()

    def _paint_outlines(self, painter: QPainter) -> None:
        for index, crop in enumerate(self._crops):
            current = index == self._current
            colour = ACCENT if current else QColor("#ffffff")
            crop_box.draw(painter, crop, self.to_widget, colour, grips=current and self._adjusting)
            if current and self._adjusting:
                self._meter.draw(painter, crop, self.to_widget, self._view())
        drawn = self._drawn_crop()
        if drawn is not None:
            crop_box.draw(painter, drawn, self.to_widget, ACCENT, grips=False)

    def _difference(self) -> QImage:
        view = self._view()
        pictures = []
        for edited in (False, True):
            picture = QImage(view.size().toSize(), QImage.Format.Format_RGB32)
            picture.fill(Qt.GlobalColor.black)
            painter = QPainter(picture)
            painter.translate(-view.topLeft())
            self._paint_photo(painter, edited)
            painter.end()
            pictures.append(picture)
        return wiping.difference(*pictures)

    def _scaled_photo(self, image: QImage) -> tuple[QRect, QPixmap]:
        """What is seen of the photograph at the size it is painted, scaled once and not at every drag."""
        if self._scaled is None:
            rect, ratio = self.photo_rect(), self.devicePixelRatioF()
            seen = rect.intersected(self._view()).toAlignedRect()
            scale = self._size[0] / rect.width()  # pixels of the photograph to one of the widget
            source = QRectF(
                (seen.left() - rect.left()) * scale,
                (seen.top() - rect.top()) * scale,
                seen.width() * scale,
                seen.height() * scale,
            )
            part = self._part(image, source, close=scale / ratio < self._size[0] / image.width())
            scaled = part.scaled(
                (QSize(seen.size()) * ratio).expandedTo(QSize(1, 1)),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            pixmap = QPixmap.fromImage(scaled)
            pixmap.setDevicePixelRatio(ratio)
            self._scaled = (seen, pixmap)
        return self._scaled

    def _part(self, image: QImage, source: QRectF, close: bool) -> QImage:
        """A part of the photograph; from its own pixels where the screen shows more than the reduced copy has."""
        if close and self._pixels is not None:
            area = source.toAlignedRect().intersected(QRect(0, 0, *self._size))
            return to_qimage(self._pixels[area.top() : area.bottom() + 1, area.left() : area.right() + 1])
        share = image.width() / self._size[0]
        reduced = QRectF(source.topLeft() * share, source.size() * share).toAlignedRect()
        return image.copy(reduced.intersected(image.rect()))

    # Geometry --------------------------------------------------------------------------------------

    def _view(self) -> QRectF:
        """The part of the widget that belongs to the edited photograph."""
        whole = QRectF(self.rect())
        if self._comparison == "side":
            width = (whole.width() - _GAP) / 2
            return QRectF(whole.right() - width, whole.top(), width, whole.height())
        return whole

    def _fitted(self) -> QRectF | None:
        return self._whole() if self._image is not None else None

    def _whole(self) -> QRectF:
        """Where the photograph lies without zoom."""
        view = self._view()
        width, height = self._size
        scale = min(view.width() / width, view.height() / height)
        fitted = QRectF(0, 0, width * scale, height * scale)
        fitted.moveCenter(view.center())
        return fitted

    def _wiped(self) -> QRectF:
        return self.photo_rect().intersected(self._view())

    def _pixel_zoom(self) -> float:
        return self._size[0] / (self._whole().width() * self.devicePixelRatioF())

    def _view_changed(self) -> None:
        pixels = self._pixel_zoom()
        self.viewport.smallest = min(1.0, pixels)  # of a picture that is enlarged to fit
        self.viewport.largest = max(4.0, _LARGEST_PIXEL * pixels)
        self._scaled = None
        self.update()

    def _crop_transform(self, crop: FaceCrop, size: int) -> QTransform:
        corners = [self.to_widget(x, y) for x, y in crop.corners()]
        across, down = (corners[1] - corners[0]) / size, (corners[3] - corners[0]) / size
        return QTransform(across.x(), across.y(), down.x(), down.y(), corners[0].x(), corners[0].y())

    def _unbounded(self, point: QPointF) -> QPointF:
        """A point of the widget on the photograph's plane, also beyond its borders."""
        rect = self.photo_rect()
        return (point - rect.topLeft()) * (self._size[0] / rect.width())

    def _face_at(self, point: QPointF) -> int | None:
        """The smallest face square under the point."""
        found: int | None = None
        for index, crop in enumerate(self._crops):
            outline = crop_box.polygon(crop, self.to_widget)
            inside = outline.containsPoint(point, Qt.FillRule.OddEvenFill)
            if inside and (found is None or crop.side < self._crops[found].side):
                found = index
        return found

    def _cursor_at(self, place: QPointF) -> Qt.CursorShape:
        if self._adjusting and self._crops:
            grip = crop_box.grip_at(place, self._crops[self._current], self.to_widget)
            if grip is not None:
                return {
                    "move": Qt.CursorShape.SizeAllCursor,
                    "scale": Qt.CursorShape.SizeFDiagCursor,
                    "turn": Qt.CursorShape.CrossCursor,
                }[grip]
        if self._comparison == "wipe" and self._wipe.near(place, self._wiped()):
            return Qt.CursorShape.SplitHCursor
        if self._face_at(place) is not None and len(self._crops) > 1:
            return Qt.CursorShape.PointingHandCursor
        return Qt.CursorShape.OpenHandCursor if self.viewport.zoom > 1 else Qt.CursorShape.ArrowCursor

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
