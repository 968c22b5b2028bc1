"""Points chosen on the latent map with a lasso: what sets them apart, and the face at their mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from jmvae_studio.document.attributes import title
from jmvae_studio.explore.collection import Collection
from jmvae_studio.explore.selection import Flags, Floats, inside, shares
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.results import Decoded
from jmvae_studio.language import tr
from jmvae_studio.ui.images import to_qimage

if TYPE_CHECKING:
    from jmvae_studio.ui.latent_map import LatentMap


class MapSelection(QObject):
    """Knows which points are chosen until the map shows others."""

    _decoded = Signal(object, object)

    def __init__(
        self,
        chart: LatentMap,
        shown: Callable[[], tuple[str, Collection | None]],
        values: Callable[[Collection], Floats | None],
        renderer: Renderer,
        parent: QObject | None = None,
    ) -> None:
        """Args: ``shown`` gives the model's digest and the codes of the map, ``values`` their attributes."""
        super().__init__(parent)
        self._chart, self._shown, self._values, self._renderer = chart, shown, values, renderer
        self.chosen: Flags | None = None
        """Of every code, while some are chosen."""
        chart.lassoed.connect(self._choose)
        chart.selection.closed.connect(self.clear)
        self._decoded.connect(self._show_face)

    def clear(self) -> None:
        """Choose nothing."""
        self.chosen = None
        self._chart.show_chosen(None)
        self._chart.selection.hide()

    def _choose(self, outline: Floats) -> None:
        model, collection = self._shown()
        chosen = inside(self._chart.points, outline)
        if collection is None or len(chosen) != len(collection.codes) or not chosen.any():
            self.clear()
            return
        self.chosen = chosen
        self._chart.show_chosen(chosen)
        self.compare()
        mean = collection.codes[chosen].mean(0)

        def decode(engine: Engine) -> Decoded | None:
            return engine.decode(mean) if engine.digest == model else None

        self._renderer.with_engine(decode, lambda decoded: self._decoded.emit(chosen, decoded))

    def compare(self) -> None:
        """Show what sets the chosen ones apart, by the attributes that the map shows now."""
        _, collection = self._shown()
        if collection is None or self.chosen is None:
            return
        count, whole = int(self.chosen.sum()), len(self.chosen)
        text = tr("{count:,} of {whole:,}", count=count, whole=whole)
        self._chart.selection.show_shares(text, self._shares(collection, self.chosen))

    def _shares(self, collection: Collection, chosen: Flags) -> list[tuple[str, float, float]]:
        """Those in which the chosen ones differ most come first."""
        values = self._values(collection)
        if values is None:
            return []
        among, others = shares(values, chosen).astype(float)
        order = np.argsort(-np.abs(among - others), kind="stable")
        return [(title(collection.names[i]), float(among[i]), float(others[i])) for i in order]

    def _show_face(self, chosen: Flags, decoded: Decoded | str | None) -> None:
        if isinstance(decoded, Decoded) and chosen is self.chosen:
            self._chart.selection.show_face(to_qimage(decoded.pixels))
