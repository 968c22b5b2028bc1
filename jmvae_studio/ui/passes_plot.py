"""How the log-likelihood goes with the passes of iterative sampling."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPalette, QWheelEvent

from jmvae_studio.language import tr
from jmvae_studio.ui.theme import ACCENT


class PassesPlot(pyqtgraph.PlotWidget):  # type: ignore[misc]
    """A curve over the passes, and a line at the pass that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(tr("Log-likelihood after each pass"))
        self.setMinimumWidth(180)
        self.setMenuEnabled(False)
        self.setMouseEnabled(False, False)
        self.hideButtons()
        for side in ("left", "bottom"):
            self.getPlotItem().getAxis(side).enableAutoSIPrefix(False)
        self.setLabel("bottom", tr("passes"))
        self.curve = pyqtgraph.PlotDataItem(
            pen=pyqtgraph.mkPen(ACCENT, width=2), symbol="o", symbolBrush=ACCENT, symbolPen=None, symbolSize=6
        )
        self.line = pyqtgraph.InfiniteLine(0, pen=pyqtgraph.mkPen(ACCENT, style=Qt.PenStyle.DotLine))
        self.addItem(self.curve)
        self.addItem(self.line)
        self._dress()

    def show_curve(self, likelihoods: Sequence[float], passes: int) -> None:
        """Show nats after 0, 1, … passes, and which pass is looked at."""
        self.curve.setData(list(range(len(likelihoods))), list(likelihoods))
        self.line.setValue(passes)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "curve"):
            self._dress()

    def _dress(self) -> None:
        text = self.palette().color(QPalette.ColorRole.Text)
        self.setBackground(self.palette().color(QPalette.ColorRole.Base))
        self.setTitle(tr("log p(x|w) of this picture, nats"), color=text.name(), size="9pt")
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(self.palette().color(QPalette.ColorRole.Mid))
            axis.setTextPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
