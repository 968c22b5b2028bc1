"""The dock of the runs; what is in it is made when it is first seen, so that the window starts as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDockWidget, QWidget

if TYPE_CHECKING:
    from jmvae_studio.ui.training_panel import TrainingPanel


class TrainingDock(QDockWidget):
    """Empty until it is first shown."""

    made = Signal(object)
    """The `TrainingPanel` is there."""
    seen = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Training", parent)
        self.setObjectName("training")
        self.panel: TrainingPanel | None = None
        self.visibilityChanged.connect(self._seen)

    def _seen(self, visible: bool) -> None:
        if visible and self.panel is None:
            from jmvae_studio.ui.training_panel import TrainingPanel  # brings pyqtgraph, which takes its time

            self.panel = TrainingPanel()
            self.setWidget(self.panel)
            self.made.emit(self.panel)
        self.seen.emit(visible)
