"""The sheets of samples of a run, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from jmvae_studio.language import tr
from jmvae_studio.ui.flipbook import Flipbook

PERIOD = 400
"""Milliseconds that each epoch is shown while they are played."""


class SampleTimeline(QWidget):
    """A picture and a slider over the epochs; at its end it follows the run."""

    wanted = Signal(Path)
    """Somebody should read this picture, and give it to `show_sheet`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picture = Flipbook()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName(tr("Epoch"))
        self.slider.setPageStep(5)
        self.epoch_label, self.play = QLabel(), QToolButton()
        self.play.setText(tr("Play"))
        self.play.setCheckable(True)
        self.play.setToolTip(tr("Show one epoch after the other"))
        self.rows_label = QLabel(
            tr(
                "Rows: pictures · reconstructions · average of their attributes · with one attribute changed · "
                "that change laid on the picture · from random codes (as far as the system can)"
            )
        )
        self.rows_label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.rows_label.setMinimumWidth(1)
        self.sheets: dict[int, Path] = {}
        """Epoch → its picture."""
        self._shown: Path | None = None
        self._timer = QTimer(self, interval=PERIOD)
        self._timer.timeout.connect(self._step)
        self.play.toggled.connect(self._play)
        self.slider.valueChanged.connect(lambda _: self._ask())
        line = QHBoxLayout()
        for widget in (self.play, self.slider, self.epoch_label):
            line.addWidget(widget, 1 if widget is self.slider else 0)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(4, 4, 4, 4)
        rows.addWidget(self.picture, 1)
        rows.addWidget(self.rows_label)
        rows.addLayout(line)
        self.show_sheets({}, anew=True)

    def show_sheets(self, sheets: Mapping[int, Path], anew: bool) -> None:
        """Offer the pictures of these epochs; ``anew`` when they are those of another run."""
        if not anew and list(sheets) == list(self.sheets):
            return
        follows = anew or self.slider.value() == self.slider.maximum()
        self.sheets = dict(sheets)
        if anew:
            self._shown = None
            self.play.setChecked(False)
            self.picture.show_frames([])
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(sheets) - 1))
        if follows:
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        self.slider.setEnabled(len(sheets) > 1)
        self.play.setEnabled(len(sheets) > 1)
        self._ask()

    @property
    def epoch(self) -> int | None:
        """The one that is shown."""
        epochs = list(self.sheets)
        return epochs[self.slider.value()] if epochs else None

    def show_sheet(self, path: Path, image: QImage) -> None:
        """A picture that was asked for; one that is no longer wanted is passed over."""
        if path == self._shown and not image.isNull():
            self.picture.show_frames([image])

    def _ask(self) -> None:
        epoch = self.epoch
        if epoch is None:
            self.epoch_label.setText(tr("The first samples come after the first epoch."))
            return
        self.epoch_label.setText(tr("Epoch {epoch} of {epochs}", epoch=epoch, epochs=max(self.sheets)))
        if self.sheets[epoch] != self._shown:
            self._shown = self.sheets[epoch]
            self.wanted.emit(self._shown)

    def _play(self, on: bool) -> None:
        if on:
            if self.slider.value() == self.slider.maximum():
                self.slider.setValue(0)
            self._timer.start()
        else:
            self._timer.stop()

    def _step(self) -> None:
        self.slider.setValue(self.slider.value() + 1)
        if self.slider.value() == self.slider.maximum():
            self.play.setChecked(False)
