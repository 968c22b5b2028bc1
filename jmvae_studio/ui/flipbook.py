"""A picture that may move: the preview of a sheet or an animation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QWidget

from jmvae_studio.language import tr


class Flipbook(QWidget):
    """Shows one picture, or several in turn, as large as fits; over it, while it is made, how far that is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Preview"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.frames: list[QImage] = []
        self.note = ""
        self.current = 0
        """Index of the frame on the screen."""
        self._times: list[int] = []
        self._turn = QTimer(self, singleShot=True)
        self._turn.timeout.connect(self._go_on)

    def sizeHint(self) -> QSize:
        return QSize(320, 320)

    def show_frames(self, frames: Sequence[QImage], milliseconds: Sequence[int] = ()) -> None:
        """Show these pictures, each for its time; one stands still."""
        self.frames, self._times, self.current, self.note = list(frames), list(milliseconds), 0, ""
        self._turn.stop()
        if len(self.frames) > 1 and self._times:
            self._turn.start(self._times[0])
        self.update()

    def say(self, note: str) -> None:
        """A line over the picture."""
        self.note = note
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        room = QRectF(self.rect())
        if self.frames:
            image = self.frames[self.current]
            scale = min(room.width() / image.width(), room.height() / image.height())
            place = QRectF(0, 0, image.width() * scale, image.height() * scale)
            place.moveCenter(room.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(place, image)
        else:
            painter.fillRect(room, self.palette().color(QPalette.ColorRole.AlternateBase))
        if self.note:
            line = QRectF(0, room.bottom() - 26, room.width(), 26)
            painter.fillRect(line, self.palette().color(QPalette.ColorRole.Window))
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, self.note)
        painter.end()

    def _go_on(self) -> None:
        self.current = (self.current + 1) % len(self.frames)
        self._turn.start(self._times[self.current])
        self.update()
