"""How well a model reads held-out pictures: attribute by attribute."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QProgressBar,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr


class EvaluationWindow(QDialog):
    """Waits for the answer, and shows it; closing it ends the evaluation."""

    closing = Signal()

    def __init__(self, parent: QWidget, model: str, data: str) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Evaluation"))
        self.summary = QLabel(tr("{model} on the test pictures of {data}…", model=model, data=data))
        self.summary.setWordWrap(True)
        self.summary.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels([tr("Attribute"), tr("Accuracy"), tr("Balanced accuracy")])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.setSortingEnabled(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.copy = self.buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setEnabled(False)
        self.copy.clicked.connect(self._copy)
        self.buttons.rejected.connect(self.close)
        rows = QVBoxLayout(self)
        for widget in (self.summary, self.bar, self.table, self.buttons):
            rows.addWidget(widget)
        self.resize(460, 520)

    def show_result(self, result: dict[str, Any]) -> None:
        """As ``python -m trainer evaluate --json`` prints it."""
        self._end()
        parts = [
            tr(
                "{checkpoint}: {pictures:,} pictures of the {partition} partition",
                checkpoint=result["checkpoint"],
                pictures=result["pictures"],
                partition=result["partition"],
            )
        ]
        if "accuracy" in result:
            parts.append(
                tr(
                    "mean accuracy {accuracy:.3f}, balanced {balanced:.3f}",
                    accuracy=result["accuracy"],
                    balanced=result["balanced_accuracy"],
                )
            )
        if "reconstruction_rmse" in result:
            parts.append(
                tr("reconstructions differ by {rmse:.1f} of 255", rmse=result["reconstruction_rmse"])
            )
        self.summary.setText("; ".join(parts) + ".")
        attributes = result.get("attributes", {})
        self.table.setSortingEnabled(False)
        self.table.setRowCount(len(attributes))
        for row, (name, found) in enumerate(attributes.items()):
            for column, text in enumerate(
                (name, f"{found['accuracy']:.3f}", f"{found['balanced_accuracy']:.3f}")
            ):
                self.table.setItem(row, column, QTableWidgetItem(text))
        self.table.setSortingEnabled(True)
        self.copy.setEnabled(True)

    def show_failure(self, reason: str) -> None:
        """Why there is no result."""
        self._end()
        self.summary.setText(reason)

    def reject(self) -> None:
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closing.emit()
        event.accept()

    def _end(self) -> None:
        self.bar.hide()
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setText(tr("Close"))

    def _copy(self) -> None:
        lines = [self.summary.text()]
        for row in range(self.table.rowCount()):
            cells = [self.table.item(row, column) for column in range(3)]
            lines.append("\t".join(cell.text() if cell else "" for cell in cells))
        QGuiApplication.clipboard().setText("\n".join(lines))
