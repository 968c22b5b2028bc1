"""Curves of runs: a small plot for every loss term and metric, several runs over each other."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPalette, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from jmvae_studio.language import tr
from jmvae_studio.training.progress import Curve
from jmvae_studio.training.run import Run

SMALLEST = (230, 150)
"""Width and height that a plot has at least, in pixels."""

_FIRST = ("loss", "balanced_accuracy", "accuracy")
_LAST = ("images_per_second", "beta")
_DOTS = 60
"""So many epochs are marked with dots; more are a line alone."""


def quantities(runs: Sequence[Run]) -> list[str]:
    """Names of all that any of the runs has curves of: the loss and the accuracies first, speed and beta last."""
    found = dict.fromkeys(name for run in runs for name in (*run.progress.terms, *run.progress.metrics))
    order = {**{name: place - len(_FIRST) for place, name in enumerate(_FIRST)}, **dict.fromkeys(_LAST, 1)}
    return sorted(found, key=lambda name: order.get(name, 0))


class CurvePlots(QWidget):
    """Training batches are thin lines, the validation partition thick ones with dots."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.log_scale = QCheckBox(tr("Log scale"))
        self.log_scale.setToolTip(tr("Quantities that reach zero or below stay linear"))
        self.log_scale.toggled.connect(lambda _: self.refresh())
        self.note = QLabel(
            tr("Thin: training batches · dots: validation · drag to move, double-click to fit")
        )
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.plots: dict[str, _Plot] = {}
        """By quantity."""
        self._runs: list[tuple[Run, QColor]] = []
        self._columns = 0
        self._inside = QWidget()
        self._grid = QGridLayout(self._inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QScrollArea.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(self._inside)
        head = QGridLayout()
        head.addWidget(self.log_scale, 0, 0)
        head.addWidget(self.note, 0, 1)
        head.setColumnStretch(1, 1)
        self.note.setMinimumWidth(1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(4, 4, 4, 4)
        rows.addLayout(head)
        rows.addWidget(self._area, 1)

    def show_runs(self, runs: Sequence[tuple[Run, QColor]]) -> None:
        """Show the curves of these runs, each in its colour."""
        self._runs = list(runs)
        self.refresh()

    def refresh(self) -> None:
        """Draw what is new of the shown runs."""
        wanted = quantities([run for run, _ in self._runs])
        if wanted != list(self.plots):
            for name in self.plots.keys() - set(wanted):
                plot = self.plots.pop(name)
                self._grid.removeWidget(plot)
                plot.close()
                plot.deleteLater()
            self.plots = {name: self.plots.get(name) or _Plot(name) for name in wanted}
            self._columns = 0
        self._arrange()
        for name, plot in self.plots.items():
            plot.show_curves(
                [
                    (run.name, colour, run.progress.terms.get(name), run.progress.metrics.get(name))
                    for run, colour in self._runs
                ],
                self.log_scale.isChecked(),
            )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = max(1, self._area.viewport().width() // SMALLEST[0])
        if columns == self._columns:
            return
        self._columns = columns
        for place, plot in enumerate(self.plots.values()):
            self._grid.addWidget(plot, place // columns, place % columns)


class _Plot(pyqtgraph.PlotWidget):  # type: ignore[misc]
    """One quantity over the updates."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.setAccessibleName(name)
        self.setMinimumSize(*SMALLEST)
        self.setMenuEnabled(False)
        self.hideButtons()
        self.getPlotItem().getAxis("left").setWidth(52)
        self.getPlotItem().getAxis("bottom").enableAutoSIPrefix(False)
        self.getPlotItem().getAxis("left").enableAutoSIPrefix(False)
        self.lines: dict[tuple[str, str], pyqtgraph.PlotDataItem] = {}
        """By run and ``train`` or ``validation``."""
        self.is_log = False
        self._dress()

    def show_curves(
        self, curves: Sequence[tuple[str, QColor, Curve | None, Curve | None]], log_scale: bool
    ) -> None:
        """Show (run, colour, of training, of validation)."""
        wanted = {
            (run, kind): (colour, curve)
            for run, colour, *kinds in curves
            for kind, curve in zip(("train", "validation"), kinds, strict=True)
            if curve is not None and curve.values
        }
        for key in self.lines.keys() - wanted.keys():
            self.removeItem(self.lines.pop(key))
        log = log_scale and all(min(curve.values) > 0 for _, curve in wanted.values())
        if log != self.is_log:
            self.is_log = log
            self.clear_lines()
            self.setLogMode(y=log)
        for key, (colour, curve) in wanted.items():
            if key not in self.lines:
                self.lines[key] = self._line(colour, key[1] == "validation")
                self.addItem(self.lines[key])
            line = self.lines[key]
            line.setSymbol("o" if key[1] == "validation" and len(curve.steps) <= _DOTS else None)
            line.setData(curve.steps, curve.values)

    def clear_lines(self) -> None:
        """Take all curves away."""
        for line in self.lines.values():
            self.removeItem(line)
        self.lines.clear()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the list of plots scrolls

    def mouseDoubleClickEvent(self, event: object) -> None:
        self.getPlotItem().enableAutoRange()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_name"):
            self._dress()

    def _line(self, colour: QColor, validation: bool) -> pyqtgraph.PlotDataItem:
        line = pyqtgraph.PlotDataItem(
            pen=pyqtgraph.mkPen(colour if validation else _faded(colour), width=2 if validation else 1),
            symbolBrush=colour,
            symbolPen=None,
            symbolSize=6,
        )
        line.setDownsampling(auto=True, method="peak")
        line.setClipToView(True)
        return line

    def _dress(self) -> None:
        text = self.palette().color(QPalette.ColorRole.Text)
        self.setBackground(self.palette().color(QPalette.ColorRole.Base))
        self.setTitle(self._name, color=text.name(), size="9pt")
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(self.palette().color(QPalette.ColorRole.Mid))
            axis.setTextPen(self.palette().color(QPalette.ColorRole.PlaceholderText))


def _faded(colour: QColor) -> QColor:
    faded = QColor(colour)
    faded.setAlpha(130)
    return faded
