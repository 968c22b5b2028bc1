"""All runs: their list with what can be done, and curves, samples and details of those that are selected."""

from __future__ import annotations

from collections.abc import Sequence

import qtawesome
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QIcon, QPalette
from PySide6.QtWidgets import (
    QLabel,
    QMenu,
    QSplitter,
    QTabWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.training.processes import CAN_PAUSE
from jmvae_studio.training.run import Run, State
from jmvae_studio.ui.curve_plots import CurvePlots
from jmvae_studio.ui.run_details import RunDetails
from jmvae_studio.ui.run_table import RunTable
from jmvae_studio.ui.sample_timeline import SampleTimeline

LIST_WIDTH = 430
"""Of the list of runs at first, in pixels."""

CURVES, SAMPLES, DETAILS = range(3)
"""The tabs."""


class TrainingPanel(QWidget):
    """Shows runs and asks for what the user wants with them."""

    new_asked = Signal()
    pause_asked = Signal(object)
    resume_asked = Signal(object)
    stop_asked = Signal(object)
    newest_asked = Signal(object)
    """Load the newest model of a `Run`."""
    best_asked = Signal(object)
    """Load the best model of a `Run`."""
    duplicate_asked = Signal(object)
    delete_asked = Signal(object)
    folder_asked = Signal(object)
    evaluate_asked = Signal(object)
    export_asked = Signal(object)
    command_asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table, self.curves = RunTable(), CurvePlots()
        self.samples, self.details = SampleTimeline(), RunDetails()
        self.note = QLabel(tr("No run yet: “Train a Model…” (Ctrl+T) begins one."))
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.note.setWordWrap(True)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for widget, text in (
            (self.curves, tr("Curves")),
            (self.samples, tr("Samples")),
            (self.details, tr("Details")),
        ):
            self.tabs.addTab(widget, text)
        self.bar = QToolBar()
        self._make_actions()
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(4, 2, 0, 4)
        column.setSpacing(2)
        column.addWidget(self.bar)
        column.addWidget(self.note)
        column.addWidget(self.table)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.addWidget(left)
        self.split.addWidget(self.tabs)
        self.split.setStretchFactor(1, 1)
        self.split.setSizes([LIST_WIDTH, 2 * LIST_WIDTH])
        self.split.setChildrenCollapsible(False)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addWidget(self.split)
        self.setMinimumHeight(180)
        self._connect()
        self.show_runs([])

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Show these in the list."""
        self.note.setVisible(not runs)
        self.table.show_runs(runs)

    def show_news(self, run: Run) -> None:
        """What a run is doing, or its curves, have changed."""
        self.table.show_news(run)
        chosen = self.table.selected()
        if run not in chosen:
            return
        self._offer()
        if self.tabs.currentIndex() == CURVES:
            self.curves.refresh()
        elif self.tabs.currentIndex() == DETAILS:
            self.details.refresh()
        if chosen[0] is run:
            self.samples.show_sheets(run.sheets(), anew=False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "bar"):
            for action in self.bar.actions():
                if name := action.property("icon_name"):
                    action.setIcon(self._icon(name))

    def _show_chosen(self) -> None:
        chosen = self.table.selected()
        self.curves.show_runs([(run, self.table.colour(run)) for run in chosen])
        self.details.show_runs(chosen)
        self.samples.show_sheets(chosen[0].sheets() if chosen else {}, anew=True)
        self.tabs.setTabText(DETAILS, tr("Comparison") if len(chosen) > 1 else tr("Details"))
        self._offer()

    def _show_tab(self, tab: int) -> None:
        if tab == CURVES:
            self.curves.refresh()
        elif tab == DETAILS:
            self.details.refresh()

    def _offer(self) -> None:
        """Enable what can be done with the selected runs."""
        chosen = self.table.selected()
        run = chosen[0] if len(chosen) == 1 else None
        state = run.state if run else None
        resting = state in (State.STOPPED, State.FAILED)
        self.pause.setEnabled(CAN_PAUSE and state in (State.RUNNING, State.STARTING))
        self.resume.setEnabled(state is State.PAUSED or resting)
        self.stop.setEnabled(state in (State.RUNNING, State.STARTING, State.PAUSED, State.WAITING))
        self.load.setEnabled(run is not None and run.model is not None)
        self.load_best.setEnabled(run is not None and run.best is not None)
        if run is not None and run.progress.best:
            self.load_best.setText(tr("Load &Best Model (Epoch {epoch})", epoch=run.progress.best))
        else:
            self.load_best.setText(tr("Load &Best Model"))
        for action in (self.evaluate, self.export):
            action.setEnabled(run is not None and run.model is not None)
        self.copy_command.setEnabled(run is not None)
        self.duplicate.setEnabled(run is not None)
        self.delete.setEnabled(run is not None and not run.is_under_way)
        self.open_folder.setEnabled(run is not None)
        self.compare.setEnabled(len(chosen) > 1)

    def _make_actions(self) -> None:
        self.bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        new = self._action(tr("&New Run…"), "mdi6.plus", tr("Train another model"))
        new.triggered.connect(lambda: self.new_asked.emit())
        self.pause = self._action(tr("&Pause"), "mdi6.pause", tr("Halt the run; its memory stays"))
        self.resume = self._action(tr("&Resume"), "mdi6.play", tr("Go on where it was paused or stopped"))
        self.stop = self._action(
            tr("&Stop"), "mdi6.stop", tr("Save its state and end; Resume goes on from there")
        )
        self.bar.addSeparator()
        self.load = self._action(
            tr("&Load Newest Model"), "mdi6.tray-arrow-down", tr("Edit with its newest model")
        )
        self.load_best = QAction(tr("Load &Best Model"), self)
        self.load_best.setToolTip(tr("The epoch that read the validation pictures' attributes best"))
        self.evaluate = QAction(tr("&Evaluate Best Model"), self)
        self.evaluate.setToolTip(tr("On the test pictures of the run's data"))
        self.export = QAction(tr("E&xport Best Model…"), self)
        self.copy_command = QAction(tr("Copy Co&mmand"), self)
        self.copy_command.setToolTip(tr("The line that begins such a run in a terminal"))
        self.compare = self._action(
            tr("&Compare"),
            "mdi6.compare-horizontal",
            tr("In what the selected runs differ (Ctrl+click selects several)"),
        )
        self.duplicate = self._action(
            tr("&Duplicate…"), "mdi6.content-copy", tr("A new run with these settings")
        )
        self.open_folder = self._action(
            tr("Open &Folder"), "mdi6.folder-outline", tr("What the trainer wrote")
        )
        self.delete = self._action(tr("Move to &Trash"), "mdi6.trash-can-outline", "Del")
        self.delete.setShortcut("Del")
        self.delete.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.table.addAction(self.delete)
        self.compare.triggered.connect(lambda: self.tabs.setCurrentIndex(DETAILS))
        for action, signal in (
            (self.pause, self.pause_asked),
            (self.resume, self.resume_asked),
            (self.stop, self.stop_asked),
            (self.load, self.newest_asked),
            (self.load_best, self.best_asked),
            (self.evaluate, self.evaluate_asked),
            (self.export, self.export_asked),
            (self.copy_command, self.command_asked),
            (self.duplicate, self.duplicate_asked),
            (self.delete, self.delete_asked),
            (self.open_folder, self.folder_asked),
        ):
            action.triggered.connect(lambda _=False, signal=signal: self._ask(signal))
        button = self.bar.widgetForAction(self.load)
        assert isinstance(button, QToolButton)
        choices = QMenu(button)
        choices.addActions([self.load, self.load_best, self.evaluate, self.export])
        button.setMenu(choices)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)

    def _ask(self, signal: object) -> None:
        chosen = self.table.selected()
        if chosen:
            signal.emit(chosen[0])  # type: ignore[attr-defined]

    def _action(self, text: str, icon: str, tip: str) -> QAction:
        action = self.bar.addAction(self._icon(icon), text)
        action.setToolTip(
            f"{text.replace('&', '')}: {tip}" if tip != "Del" else f"{text.replace('&', '')} (Del)"
        )
        action.setProperty("icon_name", icon)
        return action

    def _icon(self, name: str) -> QIcon:
        icon: QIcon = qtawesome.icon(name, color=self.palette().text().color())
        return icon

    def _show_menu(self, place: object) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(
            [self.resume, self.pause, self.stop, self.load, self.load_best, self.compare, self.duplicate]
        )
        menu.addActions([self.evaluate, self.export, self.copy_command, self.open_folder, self.delete])
        menu.popup(self.table.viewport().mapToGlobal(place))  # type: ignore[call-overload]

    def _connect(self) -> None:
        self.table.chosen.connect(self._show_chosen)
        self.table.opened.connect(lambda run: self.newest_asked.emit(run) if run.model else None)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.tabs.currentChanged.connect(self._show_tab)
