"""One attribute: its name, a slider with the inferred value marked, and a number to type."""

from __future__ import annotations

from typing import Literal

import qtawesome
from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFont,
    QFontMetrics,
    QIcon,
    QMouseEvent,
    QPalette,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QToolButton,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.groove import STEPS, Groove

State = Literal["held", "locked", "free"]

LABEL_WIDTH, WIDEST_LABEL = 124, 190
"""Pixels of the titles: at least, and at most where longer ones are among them."""


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
    click_withdrawn = Signal()
    """The gesture that ended last was the first click of two: it is not to count."""
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
        self.groove = Groove(lowest, highest, self)
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
        self.groove.click_withdrawn.connect(self.click_withdrawn)
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
