"""Two pictures in one place: a line that wipes between them, and what differs."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

_REACH = 12.0
_BOOSTS = 2
"""Doublings of a difference: an edit is soft, and four times as strong it can be seen."""


class Line:
    """A vertical line over a picture: the original lies left of it, the edited one right."""

    def __init__(self) -> None:
        self.share = 0.5
        self._held = False

    def x(self, rect: QRectF) -> float:
        """Where it is on the screen."""
        return rect.left() + self.share * rect.width()

    def covered(self, rect: QRectF) -> QRectF:
        """The part of the picture that shows the edit."""
        return QRectF(QPointF(self.x(rect), rect.top()), rect.bottomRight())

    def near(self, place: QPointF, rect: QRectF) -> bool:
        """Whether a point can take hold of it."""
        return abs(place.x() - self.x(rect)) <= _REACH and rect.contains(place)

    def press(self, place: QPointF, rect: QRectF) -> bool:
        """Take hold of it if the mouse is near; says whether it did."""
        self._held = self.near(place, rect)
        return self._held

    def move(self, place: QPointF, rect: QRectF) -> bool:
        """Move it with the mouse if it is held; says whether it is."""
        if self._held:
            self.share = min(max((place.x() - rect.left()) / max(1.0, rect.width()), 0.0), 1.0)
        return self._held

    def release(self) -> None:
        """Let go of it."""
        self._held = False

    def draw(self, painter: QPainter, rect: QRectF) -> None:
        """Paint it with its knob."""
        x = self.x(rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pen in (QPen(QColor(0, 0, 0, 110), 3), QPen(QColor("#ffffff"), 1.5)):
            painter.setPen(pen)
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
        painter.setBrush(QColor("#ffffff"))
        painter.setPen(QPen(QColor(0, 0, 0, 110), 1))
        painter.drawEllipse(QPointF(x, rect.center().y()), 6, 6)


def difference(one: QImage, other: QImage) -> QImage:
    """What differs between two pictures of one size, four times as strong, on black."""
    result = one.convertToFormat(QImage.Format.Format_RGB32)
    painter = QPainter(result)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Difference)
    painter.drawImage(result.rect(), other, other.rect(), Qt.ImageConversionFlag.AutoColor)
    painter.end()
    for _ in range(_BOOSTS):
        painter = QPainter(result)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Plus)
        painter.drawImage(0, 0, result.copy())
        painter.end()
    return result
