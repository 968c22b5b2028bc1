"""The dock of the latent map; the map itself is made when it is first seen, so that the window starts as fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDockWidget, QWidget

if TYPE_CHECKING:
    from jmvae_studio.ui.latent_map import LatentMap


class MapDock(QDockWidget):
    """Empty until it is first shown."""

    made = Signal(object)
    """The `LatentMap` is there."""
    seen = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Latent Map", parent)
        self.setObjectName("latent-map")
        self.map: LatentMap | None = None
        self.visibilityChanged.connect(self._seen)

    def _seen(self, visible: bool) -> None:
        if visible and self.map is None:
            from jmvae_studio.ui.latent_map import LatentMap  # brings pyqtgraph, which takes its time

            self.map = LatentMap()
            self.setWidget(self.map)
            self.made.emit(self.map)
        self.seen.emit(visible)
