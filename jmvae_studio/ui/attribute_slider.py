"""One attribute: its name, a slider with the inferred value marked, and a number to type."""

from __future__ import annotations

from typing import Literal

import qtawesome
from PySide6.QtCore import QEvent, QObject, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QFont,
    QFontMetrics,
    QIcon,
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
    QToolButton,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.theme import ACCENT

State = Literal["held", "locked", "free"]

STEPS = 100
"""Slider positions per unit."""


LABEL_WIDTH, WIDEST_LABEL = 124, 190
"""Pixels of the titles: at least, and at most where longer ones are among them."""


class _Groove(QSlider):
    """A slider that jumps to the mouse, marks a value and leaves the wheel to the page around it."""

    gesture_ended = Signal()
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
        elif event.key() == Qt.Key.Key_W:
            self.wrong_asked.emit()
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


class _Mark(QToolButton):
    """Shows what is special about an attribute, and offers more under the mouse."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoRaise(True)
        self.setFixedSize(20, 20)
        self.setIconSize(QSize(14, 14))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.shown: tuple[State, bool] = ("held", False)
        self._hovered = False

    def show_state(self, state: State, favourite: bool) -> None:
        """Show this state, and a star for a favourite that is held."""
        self.shown = (state, favourite)
        tips = {
            "held": tr("Lock this attribute, or let it follow"),
            "locked": tr("Locked: nothing moves this attribute"),
            "free": tr("Follows what the model believes once another attribute is set"),
        }
        self.setToolTip(tips[state])
        self._choose_icon()

    def set_hovered(self, hovered: bool) -> None:
        """The mouse is over the row."""
        self._hovered = hovered
        self._choose_icon()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._choose_icon()
        super().changeEvent(event)

    def _choose_icon(self) -> None:
        state, favourite = self.shown
        if state != "held":
            name = "mdi6.lock" if state == "locked" else "mdi6.link-variant"
        elif favourite:
            name = "mdi6.star"
        else:
            name = "mdi6.dots-vertical" if self._hovered else ""
        dim = name == "mdi6.dots-vertical"
        role = QPalette.ColorRole.PlaceholderText if dim else QPalette.ColorRole.WindowText
        self.setIcon(qtawesome.icon(name, color=self.palette().color(role)) if name else QIcon())


class AttributeSlider(QWidget):
    """A row of the attribute panel.

    A drag, a run of key presses or a typed number is one gesture: `value_changed` any number of times, then
    `gesture_ended`.
    """

    value_changed = Signal(str, float)
    reset_asked = Signal(str)
    gesture_ended = Signal()
    pointed = Signal(str, bool)
    """The mouse is over the row, or has left it."""
    wrong_asked = Signal(str)
    """The model has read the attribute wrongly."""
    menu_asked = Signal(str)
    """The small button was pressed: what may become of this attribute?"""

    def __init__(
        self, name: str, title: str, lowest: float, highest: float, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.name = name
        self._active = True
        self.title = title
        self.label = QLabel(title, self)
        self.label.setToolTip(name)
        self.set_label_width(LABEL_WIDTH)
        self.mark = _Mark(self)
        self.mark.setAccessibleName(tr("{title}, options", title=title))
        self.mark.clicked.connect(lambda: self.menu_asked.emit(self.name))
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
        self.number.setAccessibleName(tr("{title}, number", title=title))
        self.number.installEventFilter(self)
        self._explain()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 1, 6, 1)
        layout.setSpacing(6)
        layout.addWidget(self.mark)
        layout.addWidget(self.label)
        layout.addWidget(self.groove, 1)
        layout.addWidget(self.number)
        self.groove.valueChanged.connect(self._slid)
        self.groove.gesture_ended.connect(self.gesture_ended)
        self.groove.reset_asked.connect(lambda: self.reset_asked.emit(self.name))
        self.groove.wrong_asked.connect(lambda: self.wrong_asked.emit(self.name))
        self.number.valueChanged.connect(self._typed)
        # Return hands the keys back, so that Ctrl+Z undoes the edit and not the typing.
        self.number.lineEdit().returnPressed.connect(self.groove.setFocus)

    @property
    def label_width(self) -> int:
        """Pixels that the title takes when it is bold."""
        return self._bold().horizontalAdvance(self.title) + 2

    def set_label_width(self, width: int) -> None:
        """Give the title so many pixels; what does not fit is cut short and stands in the tip."""
        self.label.setFixedWidth(width)
        self.label.setText(self._bold().elidedText(self.title, Qt.TextElideMode.ElideRight, width))
        if self.label.text() != self.title:
            self.label.setToolTip(self.title)

    def _bold(self) -> QFontMetrics:
        font = QFont(self.label.font())
        font.setBold(True)
        return QFontMetrics(font)

    @property
    def stops(self) -> tuple[QWidget, ...]:
        """What takes the keyboard, from left to right."""
        return self.mark, self.groove, self.number

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

    def show_beliefs(self, spread: tuple[float, float] | None, obtained: float | None) -> None:
        """Show how sure the model is, and what it reads from the result.

        Args:
            spread: From where to where the attribute of the photograph may well lie; None for no band.
            obtained: What the edited face shows, as the model reads it; None for no mark.
        """
        groove = self.groove
        edges = None if spread is None else (self._step(spread[0]), self._step(spread[1]))
        found = None if obtained is None else self._step(obtained)
        if (edges, found) != (groove.spread, groove.obtained):
            groove.spread, groove.obtained = edges, found
            groove.update()
            self._explain()

    def show_told(self, told: bool) -> None:
        """Show whether the user says what is true of the attribute, and not the model."""
        if told != self.groove.told:
            self.groove.told = told
            self.groove.update()
            self._explain()

    def show_coupling(self, move: float | None) -> None:
        """Show how far the attribute would move with the one under the mouse; None for not at all."""
        coupled = None if move is None else round(move * STEPS)
        if coupled != self.groove.coupled:
            self.groove.coupled = coupled
            self.groove.update()

    def _step(self, value: float) -> int:
        return min(max(round(value * STEPS), self.groove.minimum()), self.groove.maximum())

    def _explain(self) -> None:
        """Say in words what the marks show."""
        groove, lines = self.groove, [tr("Double-click to reset; arrow keys for steps of 0.1")]
        if groove.told:
            lines.append(tr("You say what is true of this face (the circle above); W takes it back"))
        if groove.spread is not None:
            low, high = (edge / STEPS for edge in groove.spread)
            lines.append(
                tr("In two cases of three between {low:.2f} and {high:.2f} (the band)", low=low, high=high)
            )
        if groove.obtained is not None:
            lines.append(
                tr(
                    "The edited face reads as {obtained:.2f} (the mark below)",
                    obtained=groove.obtained / STEPS,
                )
            )
        self.setToolTip("\n".join(lines))

    def explain(self, text: str) -> None:
        """What it does, in place of its name; for a slider that is no attribute's."""
        self.setToolTip(text)
        self.label.setToolTip(text)

    def set_state(self, state: State, favourite: bool) -> None:
        """Show whether the attribute is locked (then it does not move), free or held, and a favourite."""
        if (state, favourite) != self.mark.shown:
            self.mark.show_state(state, favourite)
            self.set_active(self._active)

    def set_active(self, active: bool) -> None:
        """Let the slider act, unless it is locked."""
        self._active = active
        usable = active and self.mark.shown[0] != "locked"
        for widget in (self.groove, self.number):
            if widget.isEnabled() != usable:
                widget.setEnabled(usable)
        self.mark.setEnabled(active)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._active:
            self.menu_asked.emit(self.name)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.mark.set_hovered(True)
        self.pointed.emit(self.name, True)

    def leaveEvent(self, event: QEvent) -> None:
        self.mark.set_hovered(False)
        self.pointed.emit(self.name, False)

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
