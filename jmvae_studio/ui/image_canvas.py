"""A captioned square picture that grows with the window."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget


class ImageCanvas(QWidget):
    """Paints one square picture as large as fits, with a caption above and a hint while there is none."""

    painted = Signal()
    """A new picture has reached the window's backing store; once per `show_image`."""
    pressed = Signal(bool)
    """The mouse button went down (True) or up (False) on the picture."""

    def __init__(self, caption: str, hint: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(caption)
        self._caption = caption
        self._hint = hint
        self._image: QImage | None = None
        self._note = ""
        self._fresh = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(96, 96 + self._caption_height())

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

    def sizeHint(self) -> QSize:
        return QSize(320, 320 + self._caption_height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.pressed.emit(True)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
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
        if self._image is None:
            painter.fillRect(square, self.palette().color(QPalette.ColorRole.AlternateBase))
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            font.setWeight(font.Weight.Normal)
            painter.setFont(font)
            centre = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(square.adjusted(12, 12, -12, -12), centre, self._hint)
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(square, self._image)
        painter.end()
        if self._fresh:
            self._fresh = False
            self.painted.emit()

    def _caption_height(self) -> int:
        return self.fontMetrics().height() + 8

    def _square(self) -> QRect:
        top = self._caption_height()
        side = max(1, min(self.width(), self.height() - top))
        return QRect((self.width() - side) // 2, top, side, side)
