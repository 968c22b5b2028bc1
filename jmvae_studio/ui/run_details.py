"""What a run was told and what came of it; of several runs, in what they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFont, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.training.run import Run
from jmvae_studio.ui.config_fields import title
from jmvae_studio.ui.run_table import ROW
from trainer.config import TrainConfig

_REST = 600
"""Milliseconds without a key after which notes are kept."""

Row = tuple[str, list[str]]


def metric_rows(runs: Sequence[Run]) -> list[Row]:
    """The last value of every metric of the validation partition, and what the runs have come to."""
    names = dict.fromkeys(name for run in runs for name in run.progress.metrics)
    rows: list[Row] = [
        (
            tr("Epoch"),
            [
                tr("{epoch} of {epochs}", epoch=run.progress.epoch, epochs=run.config.total_epochs)
                for run in runs
            ],
        ),
        (tr("Best epoch"), [str(run.progress.best or "–") for run in runs]),
        (
            tr("Training pictures"),
            [f"{run.progress.pictures:,}" if run.progress.pictures else "–" for run in runs],
        ),
    ]
    if any(run.progress.skipped for run in runs):
        rows.append((tr("Batches without a finite update"), [str(run.progress.skipped) for run in runs]))
        rows.append((tr("Learning rate times"), [f"{run.progress.rate:.3g}" for run in runs]))
    for name in names:
        curves = [run.progress.metrics.get(name) for run in runs]
        rows.append((name, [f"{curve.values[-1]:.4g}" if curve else "–" for curve in curves]))
    return rows


def setting_rows(runs: Sequence[Run]) -> list[Row]:
    """All settings of one run; of several runs those in which they differ."""
    rows: list[Row] = []
    for name in TrainConfig.model_fields:
        values = [getattr(run.config, name) for run in runs]
        if len(runs) == 1 or any(value != values[0] for value in values):
            rows.append((title(name), [_text(value) for value in values]))
    return rows


class RunDetails(QWidget):
    """Metrics and settings as a table with a column per run, and the notes of a single one."""

    notes_written = Signal(object, str)
    """A `Run`, and what is now written about it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, 0)
        self.table.setAccessibleName(tr("Metrics and settings"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(ROW)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.notes = QPlainTextEdit()
        self.notes.setAccessibleName(tr("Notes"))
        self.notes.setPlaceholderText(tr("Notes about this run"))
        self.notes.setTabChangesFocus(True)
        self.failure = QLabel()
        self.failure.setWordWrap(True)
        self.failure.setForegroundRole(QPalette.ColorRole.Accent)
        self.failure.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._runs: list[Run] = []
        self._due = QTimer(self, interval=_REST, singleShot=True)
        self._due.timeout.connect(self.keep_notes)
        self._written = False
        self.notes.textChanged.connect(self._write)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.table)
        split.addWidget(self.notes)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 1)
        split.setChildrenCollapsible(False)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(4, 4, 4, 4)
        rows.addWidget(self.failure)
        rows.addWidget(split, 1)
        self.show_runs([])

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Show these."""
        self.keep_notes()
        self._runs = list(runs)
        single = runs[0] if len(runs) == 1 else None
        self.notes.blockSignals(True)
        self.notes.setPlainText(single.notes if single else "")
        self.notes.blockSignals(False)
        self.notes.setVisible(single is not None)
        self.refresh()

    def refresh(self) -> None:
        """Fill the table anew; the notes stay."""
        runs = self._runs
        failures = [text for run in runs for text in (run.failure, *run.progress.unsaved.values()) if text]
        self.failure.setText(" ".join(failures))
        self.failure.setVisible(bool(failures))
        sections = (
            [(tr("Validation"), metric_rows(runs)), (tr("Settings"), setting_rows(runs))] if runs else []
        )
        if len(runs) > 1:
            sections[1] = (tr("Settings that differ"), sections[1][1])
        lines: list[tuple[str, list[str], bool]] = []
        for heading, rows in sections:
            lines.append((heading, [], True))
            lines += [(name, values, False) for name, values in rows]
        self.table.setColumnCount(1 + len(runs))
        self.table.setRowCount(len(lines))
        self.table.setHorizontalHeaderLabels(["", *(run.name for run in runs)])
        for row, (name, values, heads) in enumerate(lines):
            for column, text in enumerate([name, *values] if values else [name] + [""] * len(runs)):
                item = self.table.item(row, column)
                if item is None:
                    item = QTableWidgetItem()
                    self.table.setItem(row, column, item)
                item.setText(text)
                font = QFont(self.table.font())
                font.setBold(heads)
                item.setFont(font)
        header = self.table.horizontalHeader()
        for column in range(1 + len(runs)):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)

    def keep_notes(self) -> None:
        """Give the notes to whoever keeps them, if they were changed."""
        self._due.stop()
        if self._written and len(self._runs) == 1:
            self._written = False
            self.notes_written.emit(self._runs[0], self.notes.toPlainText())

    def _write(self) -> None:
        self._written = True
        self._due.start()


def _text(value: Any) -> str:
    return "–" if value is None else str(value)
