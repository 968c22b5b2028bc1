"""Which part of a picture is seen, and how large: shared by pictures that move in step."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QNativeGestureEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from jmvae_studio.language import mark

Comparison = Literal["edited", "wipe", "side", "difference"]
"""How the edited picture is shown: alone, behind a line that wipes, beside the original, or what differs."""

COMPARISONS: tuple[tuple[Comparison, str], ...] = (
    ("edited", mark("&Edited Only")),
    ("wipe", mark("&Wipe")),
    ("side", mark("&Side by Side")),
    ("difference", mark("&Difference")),
)

_NOTCH = 1.25
"""Zoom of one notch of the wheel."""


class Viewport(QObject):
    """A zoom, 1 where the whole picture fits, and the point of the picture in the middle of the view."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.zoom = 1.0
        self.smallest, self.largest = 1.0, 8.0
        self._x = self._y = 0.5
        """The middle of the view as a share of the picture's width and height."""

    def place(self, view: QRectF, fitted: QRectF) -> QRectF:
        """Where the whole picture lies when it would lie at ``fitted`` inside ``view`` without zoom."""
        width, height = fitted.width() * self.zoom, fitted.height() * self.zoom
        left = self._along(view.left(), view.width(), width, self._x)
        top = self._along(view.top(), view.height(), height, self._y)
        return QRectF(left, top, width, height)

    def zoom_at(self, point: QPointF, factor: float, view: QRectF, fitted: QRectF) -> None:
        """Zoom so that what is under ``point`` stays there."""
        before = self.place(view, fitted)
        zoom = min(max(self.zoom * factor, self.smallest), self.largest)
        if zoom == self.zoom:
            return
        x = (point.x() - before.left()) / before.width()
        y = (point.y() - before.top()) / before.height()
        self.zoom = zoom
        self._x = x + (view.center().x() - point.x()) / (fitted.width() * zoom)
        self._y = y + (view.center().y() - point.y()) / (fitted.height() * zoom)
        self._keep_inside(view, fitted)
        self.changed.emit()

    def pan(self, delta: QPointF, view: QRectF, fitted: QRectF) -> None:
        """Move the picture by ``delta`` in the view."""
        self._x -= delta.x() / (fitted.width() * self.zoom)
        self._y -= delta.y() / (fitted.height() * self.zoom)
        self._keep_inside(view, fitted)
        self.changed.emit()

    def fit(self) -> None:
        """Show the whole picture."""
        self.zoom, self._x, self._y = 1.0, 0.5, 0.5
        self.changed.emit()

    def _keep_inside(self, view: QRectF, fitted: QRectF) -> None:
        self._x = _within(self._x, view.width() / (fitted.width() * self.zoom))
        self._y = _within(self._y, view.height() / (fitted.height() * self.zoom))

    @staticmethod
    def _along(start: float, room: float, length: float, middle: float) -> float:
        if length <= room:
            return start + (room - length) / 2
        return start + room / 2 - _within(middle, room / length) * length


class Zoomable(QWidget):
    """A widget in whose picture the wheel and a pinch zoom."""

    def __init__(self, viewport: Viewport | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport = viewport or Viewport(self)

    @abstractmethod
    def _view(self) -> QRectF:
        """The part of the widget in which the picture is seen."""

    @abstractmethod
    def _fitted(self) -> QRectF | None:
        """Where the whole picture lies without zoom; None while there is none."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._zoom(event, event.position())
        event.accept()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.NativeGesture:
            self._zoom(event, QPointF(self.mapFromGlobal(self.cursor().pos())))
            return True
        return super().event(event)

    def _zoom(self, event: QEvent, place: QPointF) -> None:
        factor = _factor_of(event)
        if factor is not None:
            self._zoom_at(place, factor)

    def _zoom_at(self, place: QPointF, factor: float) -> None:
        fitted = self._fitted()
        if fitted is not None:
            self.viewport.zoom_at(place, factor, self._view(), fitted)

    def _pan(self, delta: QPointF) -> None:
        fitted = self._fitted()
        if fitted is not None:
            self.viewport.pan(delta, self._view(), fitted)


def _factor_of(event: QEvent) -> float | None:
    """How much a turn of the wheel or a pinch zooms; None for any other event."""
    if isinstance(event, QWheelEvent):
        return float(_NOTCH ** (event.angleDelta().y() / 120))
    if isinstance(event, QNativeGestureEvent) and (
        event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
    ):
        return 1.0 + event.value()
    return None


def _within(middle: float, seen: float) -> float:
    """A middle so that a view that sees this share of the picture stays inside it."""
    return 0.5 if seen >= 1 else min(max(middle, seen / 2), 1 - seen / 2)
