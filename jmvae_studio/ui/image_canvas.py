"""A captioned square picture that grows with the window."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from jmvae_studio.ui import wiping
from jmvae_studio.ui.viewport import Comparison, Viewport, Zoomable


class ImageCanvas(Zoomable):
    """Paints one square picture as large as fits, with a caption above and a hint while there is none.

    The wheel zooms and a drag pans, in step with every canvas of the same viewport.
    """

    painted = Signal()
    """A new picture has reached the window's backing store; once per `show_image`."""
    pressed = Signal(bool)
    """The mouse button went down (True) or up (False) on the picture."""

    def __init__(
        self, caption: str, hint: str = "", viewport: Viewport | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(viewport, parent)
        self.setAccessibleName(caption)
        self._caption = caption
        self._hint = hint
        self._image: QImage | None = None
        self._reference: QImage | None = None
        self._note = self._detail = ""
        self._fresh = False
        self._comparison: Comparison = "edited"
        self._wipe = wiping.Line()
        self._panned_from: QPointF | None = None
        self._held = False
        """Whether the left button is down."""
        self.viewport.changed.connect(self.update)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(72, 72 + self._caption_height())

    @property
    def image(self) -> QImage | None:
        """The picture shown."""
        return self._image

    @property
    def caption(self) -> str:
        """The words above the picture."""
        return self._note or self._caption

    def show_image(self, image: QImage | None) -> None:
        """Show a picture, or the hint."""
        self._image = image
        self._fresh = image is not None
        self.update()

    def set_note(self, note: str) -> None:
        """Another caption for now; empty brings the first back."""
        self._note = note
        self.update()

    def set_detail(self, detail: str) -> None:
        """Some words at the right of the caption."""
        if detail != self._detail:
            self._detail = detail
            self.update()

    def set_reference(self, image: QImage | None) -> None:
        """The picture to compare with."""
        self._reference = image
        self.update()

    def set_comparison(self, comparison: Comparison) -> None:
        """Show the picture in another way; side by side there is another canvas beside it."""
        self._comparison = comparison
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(320, 320 + self._caption_height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panned_from = event.position()
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        if self._compares("wipe") and self._wipe.press(event.position(), self._view()):
            return
        self._held = True
        self.pressed.emit(True)
        self._panned_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._wipe.move(event.position(), self._view()):
            self.update()
        elif self._panned_from is not None and self.viewport.zoom > 1:
            self._pan(event.position() - self._panned_from)
            self._panned_from = event.position()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._wipe.release()
        self._panned_from = None
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = False
            self.pressed.emit(False)

    def interrupt(self) -> None:
        """See `Interruptible`."""
        self._wipe.release()
        self._panned_from = None
        if self._held:
            self._held = False
            self.pressed.emit(False)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        square = self._square()
        caption = QRect(
            square.left(), square.top() - self._caption_height(), square.width(), self._caption_height()
        )
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        font = painter.font()
        font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        text = painter.fontMetrics().elidedText(self.caption, Qt.TextElideMode.ElideRight, caption.width())
        painter.drawText(caption, flags, text)
        taken = painter.fontMetrics().horizontalAdvance(text) + 8
        font.setWeight(font.Weight.Normal)
        painter.setFont(font)
        if taken + painter.fontMetrics().horizontalAdvance(self._detail) < caption.width():
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(caption, flags, self._detail)
        if self._image is None:
            painter.fillRect(square, self.palette().color(QPalette.ColorRole.AlternateBase))
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            centre = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(square.adjusted(12, 12, -12, -12), centre, self._hint)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            self._paint_picture(painter, square, self._image)
        painter.end()
        if self._fresh:
            self._fresh = False
            self.painted.emit()

    def _paint_picture(self, painter: QPainter, square: QRect, image: QImage) -> None:
        whole = QRectF(square)
        place = self.viewport.place(whole, whole)
        painter.setClipRect(square)
        reference = self._reference
        if self._compares("difference") and reference is not None:
            painter.drawImage(place, wiping.difference(reference, image))
        elif self._compares("wipe") and reference is not None:
            painter.drawImage(place, reference)
            painter.setClipRect(self._wipe.covered(whole))
            painter.drawImage(place, image)
            painter.setClipRect(square)
            self._wipe.draw(painter, whole)
        elif place == whole:
            painter.drawImage(square, image)
        else:
            painter.drawImage(place, image)

    def _compares(self, comparison: Comparison) -> bool:
        return self._comparison == comparison and self._reference is not None

    def _view(self) -> QRectF:
        return QRectF(self._square())

    def _fitted(self) -> QRectF | None:
        return self._view() if self._image is not None else None

    def _caption_height(self) -> int:
        return self.fontMetrics().height() + 8

    def _square(self) -> QRect:
        top = self._caption_height()
        side = max(1, min(self.width(), self.height() - top))
        return QRect((self.width() - side) // 2, top, side, side)
