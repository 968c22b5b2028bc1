"""The square of a face as something to take hold of: move, scale and turn it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from jmvae_studio.language import tr
from jmvae_studio.ui.theme import ACCENT
from trainer.data.face_crop import FaceCrop

Grip = Literal["move", "scale", "turn"]

SMALLEST = 16.0
"""Least side of a square in pixels of the photograph; a smaller one drawn by hand is taken for a slip."""

_REACH = 9.0
"""Pixels of the screen around a grip in which it is taken."""
_STALK = 22.0
"""Length of the stalk with the knob that turns the square, in pixels of the screen."""

ToWidget = Callable[[float, float], QPointF]


def polygon(crop: FaceCrop, to_widget: ToWidget) -> QPolygonF:
    """The square on the screen."""
    return QPolygonF([to_widget(x, y) for x, y in crop.corners()])


def knob(crop: FaceCrop, to_widget: ToWidget) -> QPointF:
    """The knob that turns the square, above the middle of its upper side."""
    corners = polygon(crop, to_widget)
    top = (corners.at(0) + corners.at(1)) / 2
    middle = (corners.at(0) + corners.at(2)) / 2
    up = top - middle
    length = math.hypot(up.x(), up.y()) or 1.0
    return top + up * (_STALK / length)


def grip_at(point: QPointF, crop: FaceCrop, to_widget: ToWidget) -> Grip | None:
    """What of the square is under a point of the screen."""
    corners = polygon(crop, to_widget)
    if _near(point, knob(crop, to_widget)):
        return "turn"
    if any(_near(point, corners.at(index)) for index in range(4)):
        return "scale"
    return "move" if corners.containsPoint(point, Qt.FillRule.OddEvenFill) else None


def dragged(crop: FaceCrop, grip: Grip, start: QPointF, now: QPointF, size: tuple[int, int]) -> FaceCrop:
    """The square after a drag, its centre kept on the photograph.

    Args:
        crop: As it was when the drag began.
        grip: What was taken.
        start: Where, in pixels of the photograph.
        now: Where the mouse is.
        size: Width and height of the photograph.
    """
    if grip == "move":
        x, y = crop.center_x + now.x() - start.x(), crop.center_y + now.y() - start.y()
        return replace(crop, center_x=min(max(x, 0.0), size[0]), center_y=min(max(y, 0.0), size[1]))
    centre = QPointF(crop.center_x, crop.center_y)
    before, after = start - centre, now - centre
    if grip == "scale":
        grown = math.hypot(after.x(), after.y()) / (math.hypot(before.x(), before.y()) or 1.0)
        return replace(crop, side=min(max(crop.side * grown, SMALLEST), 2.0 * max(size)))
    turn = math.degrees(math.atan2(after.y(), after.x()) - math.atan2(before.y(), before.x()))
    roll = (crop.roll + turn + 180) % 360 - 180
    return replace(crop, roll=0.0 if abs(roll) < 1.0 else roll)


def draw(painter: QPainter, crop: FaceCrop, to_widget: ToWidget, colour: QColor, grips: bool) -> None:
    """Outline the square, with its grips if it can be moved."""
    outline = polygon(crop, to_widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, crop.roll != 0 or grips)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    shadow, line = QPen(QColor(0, 0, 0, 110), 3), QPen(colour, 1.5)
    for pen in (shadow, line):
        painter.setPen(pen)
        painter.drawPolygon(outline)
    if not grips:
        return
    turning = knob(crop, to_widget)
    top = (outline.at(0) + outline.at(1)) / 2
    for pen in (shadow, line):
        painter.setPen(pen)
        painter.drawLine(top, turning)
    painter.setBrush(QColor("#ffffff"))
    painter.setPen(line)
    for index in range(4):
        painter.drawEllipse(outline.at(index), 4.5, 4.5)
    painter.setBrush(colour)
    painter.drawEllipse(turning, 5.0, 5.0)


@dataclass
class Meter:
    """How plausible the square is to the model, 0…1; ``before`` is what it was when the drag began."""

    now: float | None = None
    before: float | None = None

    @property
    def text(self) -> str:
        """For the eye."""
        if self.now is None:
            return tr("Plausibility …")
        if self.before is None:
            return tr("Plausibility {now:.0%}", now=self.now)
        return tr("Plausibility {now:.0%} (was {before:.0%})", now=self.now, before=self.before)

    def draw(self, painter: QPainter, crop: FaceCrop, to_widget: ToWidget, view: QRectF) -> None:
        """A bar with its words under the square, or above its lower side where there is no room."""
        bounds = polygon(crop, to_widget).boundingRect()
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(f"{self.text}00") + 12
        plate = QRectF(0, 0, width, metrics.height() + 12)
        plate.moveCenter(QPointF(bounds.center().x(), bounds.bottom() + plate.height() / 2 + 10))
        plate.moveBottom(min(plate.bottom(), view.bottom() - 4))
        plate.moveLeft(min(max(plate.left(), view.left() + 4), view.right() - plate.width() - 4))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 170))
        painter.drawRoundedRect(plate, 4, 4)
        groove = QRectF(plate.left() + 6, plate.bottom() - 7, plate.width() - 12, 3)
        painter.fillRect(groove, QColor(255, 255, 255, 70))
        if self.now is not None:
            painter.fillRect(QRectF(groove.topLeft(), QSizeF(groove.width() * self.now, 3)), ACCENT)
        if self.before is not None:
            x = groove.left() + groove.width() * self.before
            painter.fillRect(QRectF(x - 1, groove.top() - 2, 2, 7), QColor("#ffffff"))
        painter.setPen(QColor("#ffffff"))
        painter.drawText(plate.adjusted(6, 2, -6, -8), Qt.AlignmentFlag.AlignCenter, self.text)


def _near(one: QPointF, other: QPointF) -> bool:
    return math.hypot(one.x() - other.x(), one.y() - other.y()) <= _REACH
