"""What a grid, a strip or an animation shows: the options of the export dialog that belong to each."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.document.series import MOST_FRAMES, MOST_STEPS, Animation, Grid, Strip, Sweep, Values
from jmvae_studio.language import tr

Attributes = Sequence[tuple[str, str]]
"""Name and name for the eye."""


class SweepOptions(QWidget):
    """One attribute, from and to, and in how many steps."""

    changed = Signal()

    def __init__(
        self, attributes: Attributes, chosen: str, span: tuple[float, float], steps: int, none: str = ""
    ) -> None:
        """Args: ``none`` is the text of a first entry that means no attribute; without it there is none."""
        super().__init__()
        self.attribute = attribute_box(attributes, chosen, none)
        self.low, self.high = value_box(span, span[0], tr("From")), value_box(span, span[1], tr("To"))
        self.steps = QSpinBox()
        self.steps.setRange(2, MOST_STEPS)
        self.steps.setValue(steps)
        self.steps.setAccessibleName(tr("Steps"))
        self._numbers = QWidget()
        row = QHBoxLayout(self._numbers)
        row.setContentsMargins(0, 0, 0, 0)
        for widget in (self.low, QLabel(tr("to")), self.high, QLabel(tr("in")), self.steps):
            row.addWidget(widget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.attribute)
        column.addWidget(self._numbers)
        self.attribute.currentIndexChanged.connect(self._choose)
        for box in (self.low, self.high, self.steps):
            box.valueChanged.connect(lambda _: self.changed.emit())
        self._choose()

    def sweep(self) -> Sweep | None:
        """What is chosen; None for no attribute."""
        name = self.attribute.currentData()
        if not name:
            return None
        return Sweep(name, self.low.value(), self.high.value(), self.steps.value())

    def _choose(self) -> None:
        self._numbers.setEnabled(bool(self.attribute.currentData()))
        self.changed.emit()


class GridOptions(QWidget):
    """One or two attributes of a grid."""

    changed = Signal()

    def __init__(self, attributes: Attributes, chosen: Sequence[str], span: tuple[float, float]) -> None:
        super().__init__()
        first = chosen[0] if chosen else attributes[0][0]
        self.across = SweepOptions(attributes, first, span, 5)
        self.down = SweepOptions(
            attributes, chosen[1] if len(chosen) > 1 else "", span, 3, tr("No second attribute")
        )
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(tr("Across"), self.across)
        form.addRow(tr("Down"), self.down)
        self.across.changed.connect(self.changed)
        self.down.changed.connect(self.changed)

    def series(self) -> Grid:
        """What is chosen."""
        across = self.across.sweep()
        assert across is not None
        return Grid(across, self.down.sweep())

    def problem(self) -> str:
        """Why this cannot be made, or nothing."""
        grid = self.series()
        if grid.down is not None and grid.down.name == grid.across.name:
            return tr("Both directions show the same attribute: choose another one for “Down”.")
        return ""


class StripOptions(QWidget):
    """The columns of a strip, each an attribute with its value or several."""

    changed = Signal()

    def __init__(
        self, attributes: Attributes, columns: Sequence[Values], chosen: str, span: tuple[float, float]
    ) -> None:
        """Args: ``columns`` are those it begins with."""
        super().__init__()
        self._titles = dict(attributes)
        self.list = _Columns()
        self.list.setAccessibleName(tr("Columns"))
        self.list.removed.connect(self.changed)
        self.attribute = attribute_box(attributes, chosen)
        self.value = value_box(span, span[1] * 2 / 3, tr("Value"))
        self.add_button = QPushButton(tr("Add"))
        self.add_button.clicked.connect(self._add_chosen)
        remove = QPushButton(tr("Remove"))
        remove.clicked.connect(self.list.remove)
        row = QHBoxLayout()
        row.addWidget(self.attribute, 1)
        row.addWidget(self.value)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add_button)
        buttons.addWidget(remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(QLabel(tr("Columns")))
        column.addWidget(self.list, 1)
        column.addLayout(row)
        column.addLayout(buttons)
        for values in columns:
            self._add(values)

    def series(self) -> Strip:
        """What is chosen."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return Strip(tuple(tuple(item.data(Qt.ItemDataRole.UserRole)) for item in items))

    def problem(self) -> str:
        """Why this cannot be made, or nothing."""
        if self.list.count() > MOST_STEPS:
            return tr("The strip has more than {most} columns: remove some.", most=MOST_STEPS)
        return ""

    def _add_chosen(self) -> None:
        self._add(((self.attribute.currentData(), self.value.value()),))
        self.changed.emit()

    def _add(self, values: Values) -> None:
        item = QListWidgetItem(", ".join(f"{self._titles.get(n, n)} {value:+.2f}" for n, value in values))
        item.setData(Qt.ItemDataRole.UserRole, [tuple(pair) for pair in values])
        self.list.addItem(item)


class AnimationOptions(QWidget):
    """Which attribute moves, how far and how long."""

    changed = Signal()

    def __init__(self, attributes: Attributes, chosen: str, span: tuple[float, float]) -> None:
        super().__init__()
        self.attribute = attribute_box(attributes, chosen)
        self.low, self.high = value_box(span, span[0], tr("From")), value_box(span, span[1], tr("To"))
        self.frames = QSpinBox()
        self.frames.setRange(2, MOST_FRAMES)
        self.frames.setValue(24)
        self.seconds = QDoubleSpinBox()
        self.seconds.setRange(0.2, 20)
        self.seconds.setDecimals(1)
        self.seconds.setSingleStep(0.5)
        self.seconds.setValue(2)
        self.seconds.setSuffix(tr(" s"))
        self.back = QCheckBox(tr("There and back"))
        self.back.setChecked(True)
        ends = QHBoxLayout()
        for widget in (self.low, QLabel(tr("to")), self.high):
            ends.addWidget(widget)
        ends.addStretch(1)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(tr("Attribute"), self.attribute)
        form.addRow(tr("From"), ends)
        form.addRow(tr("Frames"), self.frames)
        form.addRow(tr("Length"), self.seconds)
        form.addRow("", self.back)
        self.attribute.currentIndexChanged.connect(lambda _: self.changed.emit())
        for box in (self.low, self.high, self.frames, self.seconds):
            box.valueChanged.connect(lambda _: self.changed.emit())
        self.back.toggled.connect(lambda _: self.changed.emit())

    def series(self) -> Animation:
        """What is chosen."""
        return Animation(
            self.attribute.currentData(),
            self.low.value(),
            self.high.value(),
            self.frames.value(),
            self.seconds.value(),
            self.back.isChecked(),
        )

    def problem(self) -> str:
        """Why this cannot be made, or nothing."""
        if self.frames.value() > 50 * self.seconds.value():
            return tr("More than 50 frames a second cannot be shown: take fewer frames or more time.")
        return ""


class _Columns(QListWidget):
    """A list from which Delete removes."""

    removed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove()
        else:
            super().keyPressEvent(event)

    def remove(self) -> None:
        """Remove the current column."""
        if self.currentRow() >= 0:
            self.takeItem(self.currentRow())
            self.removed.emit()


def attribute_box(attributes: Attributes, chosen: str, none: str = "") -> QComboBox:
    """A choice of an attribute; ``none`` is the text of a first entry that means none."""
    box = QComboBox()
    box.setAccessibleName(tr("Attribute"))
    box.setMaxVisibleItems(16)
    if none:
        box.addItem(none, "")
    for name, text in attributes:
        box.addItem(text, name)
    box.setCurrentIndex(max(0, box.findData(chosen)))
    return box


def value_box(span: tuple[float, float], value: float, name: str) -> QDoubleSpinBox:
    """A choice of an attribute's value."""
    box = QDoubleSpinBox()
    box.setRange(*span)
    box.setSingleStep(0.5)
    box.setValue(value)
    box.setAccessibleName(name)
    return box
