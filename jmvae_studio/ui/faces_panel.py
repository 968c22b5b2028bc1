"""Average and random faces of some attributes, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from jmvae_studio.language import tr
from jmvae_studio.ui.attribute_slider import AttributeSlider
from jmvae_studio.ui.face_grid import FaceGrid


class FacesPanel(QWidget):
    """The grid of faces; above it the columns, the spread, and two buttons."""

    column_toggled = Signal(str, bool)
    """An attribute's column is wanted, or not any more."""
    spread_changed = Signal(float)
    draw_asked = Signal()
    save_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid = FaceGrid(self)
        self.columns = QToolButton(self)
        self.columns.setText(tr("Columns"))
        self.columns.setToolTip(tr("Which attributes are changed, one in each column"))
        self.columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.columns.setMenu(QMenu(self.columns))
        self.spread = AttributeSlider("spread", tr("Spread"), 0, 2, self)
        self.spread.explain(tr("How far the random faces lie from the average one, in standard deviations"))
        self.spread.mark.hide()
        self.spread.value_changed.connect(lambda _, value: self.spread_changed.emit(value))
        self.spread.reset_asked.connect(lambda: self.spread_changed.emit(1.0))
        self.draw = QPushButton(tr("&Draw Again"), self)
        self.draw.clicked.connect(self.draw_asked)
        self.save = QPushButton(tr("Sa&ve…"), self)
        self.save.setToolTip(tr("Save these faces as one picture, as the papers show them"))
        self.save.clicked.connect(self.save_asked)
        self._note = QLabel(tr("Open a photograph to begin."), self)
        top = QHBoxLayout()
        for widget in (self.columns, self.spread, self.draw, self.save):
            top.addWidget(widget, 1 if widget is self.spread else 0)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 6)
        rows.addLayout(top)
        rows.addWidget(self._note)
        rows.addWidget(self.grid, 1)

    def offer_columns(
        self, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], chosen: Collection[str]
    ) -> None:
        """Offer attributes, as headings with (name, title), of which ``chosen`` are shown; none hides the button."""
        menu = self.columns.menu()
        menu.clear()
        for heading, members in groups:
            entries = menu.addMenu(tr(heading))
            for name, title in members:
                action = entries.addAction(title)
                action.setCheckable(True)
                action.setChecked(name in chosen)
                action.toggled.connect(lambda on, name=name: self.column_toggled.emit(name, on))
        self.columns.setVisible(bool(groups))

    def say(self, text: str) -> None:
        """A line above the faces; hidden without a text."""
        self._note.setText(text)
        self._note.setVisible(bool(text))
