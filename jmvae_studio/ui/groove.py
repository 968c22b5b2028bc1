"""The groove of an attribute: it jumps to the mouse, and is marked with what the model believes."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from jmvae_studio.ui.theme import ACCENT

STEPS = 100
"""Slider positions per unit."""


class Groove(QSlider):
    """A slider that jumps to the mouse, marks a value and leaves the wheel to the page around it."""

    gesture_ended = Signal()
    click_withdrawn = Signal()
    """The last click was the first of two: it is not to count, and a reset follows."""
    reset_asked = Signal()
    wrong_asked = Signal()

    def __init__(self, lowest: float, highest: float, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(round(lowest * STEPS), round(highest * STEPS))
        self.setSingleStep(STEPS // 10)
        self.setPageStep(STEPS // 2)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(90)
        self.setMinimumHeight(22)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.mark: int | None = None
        self.told = False
        """Whether the user and not the model says where the mark is."""
        self.asked = False
        self.spread: tuple[int, int] | None = None
        """From where to where the attribute may well lie."""
        self.obtained: int | None = None
        """What the model reads from the result."""
        self.coupled: int | None = None
        """How far the attribute would move with another one."""
        self._resetting = False

    def position(self, value: int) -> float:
        """Horizontal pixel of a slider value."""
        span = self.maximum() - self.minimum()
        return 8 + (value - self.minimum()) / span * (self.width() - 16)

    def let_go(self) -> None:
        """Follow the mouse no more until its button is pressed again."""
        self.setSliderDown(False)

    def interrupt(self) -> None:
        """See `Interruptible`."""
        if self.isSliderDown() or self._resetting:
            self._resetting = False
            self.let_go()
            self.gesture_ended.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.setSliderPosition(self._value_at(event.position().x()))
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown() and not self._resetting:
            self.setSliderPosition(self._value_at(event.position().x()))
            event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)
            self._resetting = False
            self.gesture_ended.emit()
            event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._resetting = True  # until the button is up again
            self.click_withdrawn.emit()
            self.reset_asked.emit()
            event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.isSliderDown():  # the mouse has it
            event.accept()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_asked.emit()
            self.gesture_ended.emit()
        elif event.key() == Qt.Key.Key_W:
            self.wrong_asked.emit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        super().keyReleaseEvent(event)
        if not event.isAutoRepeat() and not self.isSliderDown():
            self.gesture_ended.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.gesture_ended.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        palette = self.palette()
        middle = self.height() / 2
        left, right = self.position(self.minimum()), self.position(self.maximum())
        if self.spread is not None:
            band = palette.color(QPalette.ColorRole.WindowText)
            band.setAlpha(48)
            painter.setPen(QPen(band, 9, c=Qt.PenCapStyle.FlatCap))
            low, high = (self.position(edge) for edge in self.spread)
            painter.drawLine(QPointF(low - 1, middle), QPointF(high + 1, middle))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 3, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(left, middle), QPointF(right, middle))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
        for value in range(max(-STEPS, self.minimum()), min(STEPS, self.maximum()) + 1, STEPS):
            x = self.position(value)
            painter.drawLine(QPointF(x, middle + 4), QPointF(x, middle + 7))
        handle = self.position(self.sliderPosition())
        enabled = self.isEnabled()
        colour = ACCENT if self.asked and enabled else palette.color(QPalette.ColorRole.PlaceholderText)
        if self.mark is not None:
            mark = self.position(self.mark)
            if self.asked:
                painter.setPen(QPen(colour, 3, c=Qt.PenCapStyle.RoundCap))
                painter.drawLine(QPointF(mark, middle), QPointF(handle, middle))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.WindowText))
            if self.told:
                painter.setBrush(palette.color(QPalette.ColorRole.Base))
                painter.setPen(QPen(palette.color(QPalette.ColorRole.WindowText), 1.6))
                painter.drawEllipse(QPointF(mark, 3.5), 2.7, 2.7)
            else:
                ends = [QPointF(mark - 4, 1), QPointF(mark + 4, 1), QPointF(mark, 7)]  # points at the groove
                painter.drawPolygon(QPolygonF(ends))
        if self.obtained is not None:
            found = self.position(self.obtained)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ACCENT)
            bottom = self.height() - 1
            painter.drawPolygon(  # from below, as the inferred value from above
                QPolygonF(
                    [QPointF(found - 4, bottom), QPointF(found + 4, bottom), QPointF(found, bottom - 6)]
                )
            )
        if self.coupled is not None:
            pen = QPen(ACCENT, 2, Qt.PenStyle.DotLine)
            painter.setPen(pen)
            end = self.position(
                min(max(self.sliderPosition() + self.coupled, self.minimum()), self.maximum())
            )
            painter.drawLine(QPointF(handle, middle), QPointF(end, middle))
            painter.setPen(QPen(ACCENT, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QPointF(end, middle), 4, 4)
        if enabled:
            ring = palette.color(QPalette.ColorRole.Base)
            if self.hasFocus():
                halo = QColor(ACCENT)
                halo.setAlpha(90)
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(halo)
                painter.drawEllipse(QPointF(handle, middle), 9, 9)
            painter.setPen(QPen(ring, 1.5))
            painter.setBrush(colour)
            painter.drawEllipse(QPointF(handle, middle), 6, 6)

    def _value_at(self, x: float) -> int:
        share = (x - 8) / max(1, self.width() - 16)
        return round(self.minimum() + min(max(share, 0.0), 1.0) * (self.maximum() - self.minimum()))
