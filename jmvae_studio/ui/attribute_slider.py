"""One attribute: its name, a slider with the inferred value marked, and a number to type."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
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
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QWidget,
)

from jmvae_studio.ui.theme import ACCENT

STEPS = 100
"""Slider positions per unit."""


class _Groove(QSlider):
    """A slider that jumps to the mouse, marks a value and leaves the wheel to the page around it."""

    gesture_ended = Signal()
    reset_asked = Signal()

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
        self.asked = False
        self._resetting = False

    def position(self, value: int) -> float:
        """Horizontal pixel of a slider value."""
        span = self.maximum() - self.minimum()
        return 8 + (value - self.minimum()) / span * (self.width() - 16)

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
            self.reset_asked.emit()
            event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset_asked.emit()
            self.gesture_ended.emit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        super().keyReleaseEvent(event)
        if not event.isAutoRepeat():
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
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 3, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(left, middle), QPointF(right, middle))
        painter.setPen(QPen(palette.color(QPalette.ColorRole.Mid), 1))
        for value in (-STEPS, 0, STEPS):
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
            painter.drawPolygon(
                QPolygonF(
                    [QPointF(mark - 4, 1), QPointF(mark + 4, 1), QPointF(mark, 7)]
                )  # points at the groove
            )
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


class AttributeSlider(QWidget):
    """A row of the attribute panel.

    A drag, a run of key presses or a typed number is one gesture: `value_changed` any number of times, then
    `gesture_ended`.
    """

    value_changed = Signal(str, float)
    reset_asked = Signal(str)
    gesture_ended = Signal()

    def __init__(
        self, name: str, title: str, lowest: float, highest: float, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.name = name
        self.label = QLabel(title, self)
        self.label.setFixedWidth(124)
        self.label.setToolTip(name)
        self.groove = _Groove(lowest, highest, self)
        self.groove.setAccessibleName(title)
        self.number = QDoubleSpinBox(self)
        self.number.setRange(lowest, highest)
        self.number.setDecimals(2)
        self.number.setSingleStep(0.1)
        self.number.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.number.setKeyboardTracking(False)
        self.number.setFixedWidth(52)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.number.setAccessibleName(f"{title}, number")
        self.number.installEventFilter(self)
        self.setToolTip("Double-click to reset; arrow keys for steps of 0.1")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 1, 6, 1)
        layout.setSpacing(6)
        layout.addWidget(self.label)
        layout.addWidget(self.groove, 1)
        layout.addWidget(self.number)
        self.groove.valueChanged.connect(self._slid)
        self.groove.gesture_ended.connect(self.gesture_ended)
        self.groove.reset_asked.connect(lambda: self.reset_asked.emit(self.name))
        self.number.valueChanged.connect(self._typed)
        # Return hands the keys back, so that Ctrl+Z undoes the edit and not the typing.
        self.number.lineEdit().returnPressed.connect(self.groove.setFocus)

    def show_value(self, value: float, inferred: float | None, asked: bool) -> None:
        """Show a value without telling anyone.

        Args:
            value: Where the handle stands.
            inferred: Where the model's own value is marked; None for no mark.
            asked: Whether the user set the value (then it is drawn in the accent colour).
        """
        state = (round(value * STEPS), None if inferred is None else round(inferred * STEPS), asked)
        if state == (self.groove.value(), self.groove.mark, self.groove.asked):
            return
        for widget in (self.groove, self.number):
            widget.blockSignals(True)
        self.groove.setValue(state[0])
        self.groove.mark, self.groove.asked = state[1], asked
        self.number.setValue(value)
        for widget in (self.groove, self.number):
            widget.blockSignals(False)
        font = self.label.font()
        if font.bold() != asked:
            font.setBold(asked)
            self.label.setFont(font)
        self.groove.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset_asked.emit(self.name)
        self.gesture_ended.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Wheel and watched is self.number:
            event.ignore()  # scrolling the page must not edit
            return True
        return super().eventFilter(watched, event)

    def _slid(self, position: int) -> None:
        value = position / STEPS
        self.value_changed.emit(self.name, value)  # first of all, so that the model begins
        self.number.blockSignals(True)
        self.number.setValue(value)
        self.number.blockSignals(False)

    def _typed(self, value: float) -> None:
        self.value_changed.emit(self.name, value)
        self.gesture_ended.emit()
