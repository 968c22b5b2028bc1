"""The list of runs: what each is doing, how far it is and how fast."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from jmvae_studio.language import mark, tr
from jmvae_studio.training.run import Run, State
from jmvae_studio.ui.theme import ACCENT

COLOURS = tuple(
    QColor(c) for c in ("#2f80c2", "#3f9b57", "#9a5fb4", "#c79a16", "#1f9e9e", "#c2477f", "#8a6d55")
)
"""Of the runs' curves, in turn."""

ROW = 25
"""Height of a row, in pixels."""
COLUMNS = (mark("Run"), mark("State"), mark("Left"), mark("Images/s"))
_RUN, _STATE, _LEFT, _SPEED = range(4)
_SHARE = Qt.ItemDataRole.UserRole
_STATES = {
    State.WAITING: mark("Waiting"),
    State.STARTING: mark("Starting"),
    State.RUNNING: mark("Running"),
    State.PAUSED: mark("Paused"),
    State.STOPPING: mark("Stopping"),
    State.STOPPED: mark("Stopped"),
    State.FINISHED: mark("Finished"),
    State.FAILED: mark("Failed"),
}


def duration(seconds: float) -> str:
    """For people: “4 s”, “12 min”, “3 h 05 min”, “2 d 4 h”."""
    seconds = round(seconds)
    if seconds < 60:
        return tr("{seconds} s", seconds=seconds)
    minutes = round(seconds / 60)
    if minutes < 60:
        return tr("{minutes} min", minutes=minutes)
    if minutes < 24 * 60:
        return tr("{hours} h {minutes:02d} min", hours=minutes // 60, minutes=minutes % 60)
    return tr("{days} d {hours} h", days=minutes // 1440, hours=minutes % 1440 // 60)


def state_text(run: Run) -> str:
    """What it is doing and in which epoch."""
    progress, state = run.progress, tr(_STATES[run.state])
    if run.state in (State.WAITING, State.STARTING) or not progress.epoch:
        return state
    return tr(
        "{state} · epoch {epoch} of {epochs}",
        state=state,
        epoch=progress.epoch,
        epochs=run.config.total_epochs,
    )


class RunTable(QTableWidget):
    """One row per run. Those that are selected are shown: several of them lie over each other."""

    chosen = Signal()
    """Other rows are selected."""
    opened = Signal(object)
    """A `Run` was double-clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setAccessibleName(tr("Runs"))
        self.setHorizontalHeaderLabels([tr(column) for column in COLUMNS])
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(_RUN, QHeaderView.ResizeMode.Stretch)
        for column in (_STATE, _LEFT, _SPEED):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.setItemDelegateForColumn(_STATE, _ShareBar(self))
        self.runs: list[Run] = []
        """As they are shown."""
        self._cells: list[list[QTableWidgetItem]] = []
        self._colours: dict[str, QColor] = {}
        self.itemSelectionChanged.connect(self.chosen)
        self.itemDoubleClicked.connect(lambda item: self.opened.emit(self.runs[item.row()]))

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Show these, and keep the selection; the first one is selected if none was."""
        selected = {run.folder for run in self.selected()}
        self.blockSignals(True)
        self.runs = list(runs)
        self.setRowCount(len(runs))
        self._cells = [[QTableWidgetItem() for _ in COLUMNS] for _ in runs]
        for row, run in enumerate(runs):
            for column, cell in enumerate(self._cells[row]):
                self.setItem(row, column, cell)
            swatch = QPixmap(10, 10)
            swatch.fill(self.colour(run))
            icon = QIcon(swatch)
            icon.addPixmap(swatch, QIcon.Mode.Selected)  # not tinted
            self._cells[row][_RUN].setIcon(icon)
            self._fill(row, run)
        self.clearSelection()
        rows = [row for row, run in enumerate(runs) if run.folder in selected] or list(
            range(min(1, len(runs)))
        )
        self._select(rows)
        self.blockSignals(False)
        self.chosen.emit()

    def show_news(self, run: Run) -> None:
        """What a run is doing has changed."""
        if run in self.runs:
            self._fill(self.runs.index(run), run)

    def select(self, run: Run) -> None:
        """Select this one alone."""
        if run in self.runs:
            self.clearSelection()
            self._select([self.runs.index(run)])

    def selected(self) -> list[Run]:
        """In the order of the list."""
        rows = {index.row() for index in self.selectionModel().selectedRows()}
        return [run for row, run in enumerate(self.runs) if row in rows]

    def colour(self, run: Run) -> QColor:
        """Of its curves; the same as long as the program runs."""
        return self._colours.setdefault(run.name, COLOURS[len(self._colours) % len(COLOURS)])

    def _select(self, rows: Sequence[int]) -> None:
        mode = self.selectionMode()
        self.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        for row in rows:
            self.selectRow(row)
        self.setSelectionMode(mode)

    def _fill(self, row: int, run: Run) -> None:
        progress, trains = run.progress, run.state is State.RUNNING
        left = progress.seconds_left if trains else None
        speed = progress.images_per_second if trains else None
        texts = (
            run.name,
            state_text(run),
            "" if left is None else duration(left),
            "" if speed is None else f"{speed:,.0f}",
        )
        cells = self._cells[row]
        for cell, text in zip(cells, texts, strict=True):
            cell.setText(text)
        cells[_STATE].setData(_SHARE, progress.step / progress.steps if progress.steps else 0.0)
        cells[_STATE].setToolTip(run.failure or "\n".join(progress.unsaved.values()))
        cells[_RUN].setToolTip(tr("{system} on {data}", system=run.config.system, data=run.config.data))


class _ShareBar(QStyledItemDelegate):
    """The words, and below them a line as long as the share of the run that is over."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().paint(painter, option, index)
        share = index.data(_SHARE) or 0.0
        rect = option.rect.adjusted(3, 0, -3, -2)
        rect.setTop(rect.bottom() - 1)
        palette: QPalette = option.palette
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.fillRect(rect, palette.color(QPalette.ColorRole.Mid))
        rect.setWidth(round(rect.width() * share))
        painter.fillRect(rect, palette.color(QPalette.ColorRole.HighlightedText) if selected else ACCENT)
