"""Average and random faces of some attributes, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.attribute_menu import AttributeMenu
from jmvae_studio.ui.attribute_slider import AttributeSlider
from jmvae_studio.ui.face_grid import FaceGrid
from jmvae_studio.ui.groove import STEPS

if TYPE_CHECKING:
    from jmvae_studio.ui.passes_plot import PassesPlot


class FacesPanel(QWidget):
    """The grid of faces; above it what it shows, the columns, two buttons, and a slider."""

    view_chosen = Signal(str)
    """Which faces are to be shown."""
    evidence_changed = Signal(float)
    """How much of the photograph counts, 0…1."""
    column_toggled = Signal(str, bool)
    """An attribute's column is wanted, or not any more."""
    spread_changed = Signal(float)
    passes_changed = Signal(float)
    """After how many passes the picture is shown."""
    deviation_wanted = Signal(bool)
    """The first row is to show how far the random faces differ, or not any more."""
    draw_asked = Signal()
    save_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.grid = FaceGrid(self)
        self.grid.setMinimumHeight(130)  # with what is above it, the dock fits into a small window
        self.columns = AttributeMenu(tr("Columns"), self)
        self.columns.setToolTip(tr("Which attributes are changed, one in each column"))
        self.columns.toggled_name.connect(self.column_toggled)
        self.spread = AttributeSlider("spread", tr("Spread"), 0, 2, self)
        self.spread.explain(tr("How far the random faces lie from the first one, in standard deviations"))
        self.spread.mark.hide()
        self.spread.value_changed.connect(lambda _, value: self.spread_changed.emit(value))
        self.spread.reset_asked.connect(lambda: self.spread_changed.emit(1.0))
        self.evidence = AttributeSlider("evidence", tr("Evidence"), 0, 1, self)
        self.evidence.explain(tr("1 is all of the photograph, 0 nothing but its attributes"))
        self.evidence.mark.hide()
        self.evidence.groove.setSingleStep(STEPS // 10)
        self.evidence.value_changed.connect(lambda _, value: self.evidence_changed.emit(value))
        self.evidence.reset_asked.connect(lambda: self.evidence_changed.emit(1.0))
        self.evidence.hide()
        self.passes = AttributeSlider("passes", tr("Passes"), 0, 10, self)
        self.passes.explain(tr("Passes of iterative sampling; with 0 the picture is zeros to the encoder"))
        self.passes.mark.hide()
        self.passes.number.setDecimals(0)
        self.passes.number.setSingleStep(1)
        self.passes.groove.setSingleStep(STEPS)
        self.passes.groove.setPageStep(STEPS)
        self.passes.value_changed.connect(lambda _, value: self.passes_changed.emit(value))
        self.passes.reset_asked.connect(lambda: self.passes_changed.emit(10.0))
        self.passes.hide()
        self.curve: PassesPlot | None = None
        """Made when it is first seen."""
        self._has_columns = False
        self._view = ""
        self.view = QComboBox(self)
        self.view.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.view.setAccessibleName(tr("Which faces"))
        self.view.activated.connect(lambda index: self.view_chosen.emit(self.view.itemData(index)))
        self.deviation = QCheckBox(tr("D&eviation"), self)
        self.deviation.setToolTip(tr("Where random faces differ the most, as colours over the first row"))
        self.deviation.toggled.connect(self.deviation_wanted)
        self.draw = QPushButton(tr("&Draw Again"), self)
        self.draw.clicked.connect(self.draw_asked)
        self.save = QPushButton(tr("Sa&ve…"), self)
        self.save.setToolTip(tr("Save these faces as one picture, as the papers show them"))
        self.save.clicked.connect(self.save_asked)
        self._note = QLabel(tr("Open a photograph to begin."), self)
        self._note.setWordWrap(True)
        top = QHBoxLayout()
        for widget in (self.view, self.columns, self.deviation):
            top.addWidget(widget)
        top.addStretch(1)
        for button in (self.draw, self.save):
            top.addWidget(button)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 6)
        rows.addLayout(top)
        rows.addWidget(self.spread)
        rows.addWidget(self.evidence)
        rows.addWidget(self.passes)
        rows.addWidget(self._note)
        self._pictures = QHBoxLayout()
        self._pictures.addWidget(self.grid, 1)
        rows.addLayout(self._pictures, 1)

    def offer_columns(
        self, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], chosen: Collection[str]
    ) -> None:
        """Offer attributes, as headings with (name, title), of which ``chosen`` are shown; none hides the button."""
        self.columns.offer(groups, chosen)
        self._has_columns = bool(groups)
        self._arrange()

    def offer_views(self, views: Sequence[tuple[str, str, str]], chosen: str) -> None:
        """Offer what the grid can show, as (view, title, explanation)."""
        self.view.clear()
        for place, (view, title, explanation) in enumerate(views):
            self.view.addItem(title, view)
            self.view.setItemData(place, explanation, Qt.ItemDataRole.ToolTipRole)
        self.view.setCurrentIndex(self.view.findData(chosen))
        self._view = chosen
        self._arrange()

    def show_view(self, view: str) -> None:
        """Show the controls of a view."""
        self._view = view
        self.view.setCurrentIndex(self.view.findData(view))
        self._arrange()

    def show_likelihoods(self, likelihoods: Sequence[float], passes: int) -> None:
        """Show how the log-likelihood goes with the passes, and where the slider is; nothing without any."""
        if likelihoods and self.curve is None:
            from jmvae_studio.ui.passes_plot import PassesPlot  # brings pyqtgraph, which takes its time

            self.curve = PassesPlot()
            self._pictures.addWidget(self.curve, 1)
        if self.curve is not None:
            self.curve.setVisible(bool(likelihoods))
            self.curve.show_curve(likelihoods, passes)

    def _arrange(self) -> None:
        fades, iterates = self._view == "evidence", self._view == "passes"
        drawn = not fades and not iterates
        self.columns.setVisible(self._has_columns and drawn)
        self.spread.setVisible(drawn)
        self.deviation.setVisible(drawn)
        self.draw.setVisible(not fades)
        self.evidence.setVisible(fades)
        self.passes.setVisible(iterates)

    @property
    def note(self) -> str:
        """The line above the faces."""
        return self._note.text()

    def say(self, text: str) -> None:
        """A line above the faces; hidden without a text."""
        self._note.setText(text)
        self._note.setVisible(bool(text))
