"""Faces under the mouse on the latent map: seen, taken, walked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF

from jmvae_studio.control.models import Models
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.attributes import title
from jmvae_studio.document.session import Session
from jmvae_studio.explore.projection import Axes, Floats, Projection
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import HoverRequest, HoverResult
from jmvae_studio.inference.results import Decoded
from jmvae_studio.language import tr
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.map_marks import Spot

if TYPE_CHECKING:
    from jmvae_studio.ui.latent_map import LatentMap

Place = tuple[Floats | None, str]
"""The code at a spot of the map, None if there is none, and what it is called."""


class MapVisits(QObject):
    """Decodes what the mouse is over, and takes what is clicked."""

    def __init__(
        self,
        chart: LatentMap,
        at: Callable[[Spot], Place],
        plane: Callable[[], tuple[Projection | None, Axes]],
        session: Session,
        showing: Showing,
        renderer: Renderer,
        models: Models,
        parent: QObject | None = None,
    ) -> None:
        """Args: ``at`` says what lies at a spot, ``plane`` which plane is shown."""
        super().__init__(parent)
        self._chart, self._at, self._plane = chart, at, plane
        self._session, self._showing, self._renderer, self._models = session, showing, renderer, models
        self._hover: HoverRequest | None = None
        self._taking: HoverRequest | None = None
        self._name = ""
        chart.hovered.connect(self._point_at)
        chart.walked.connect(self._walk)
        session.faces_changed.connect(self._forget_choice)
        renderer.hovered.connect(self._show_face)

    def _point_at(self, spot: Spot, place: QPointF) -> None:
        code, self._name = self._at(spot)
        self._hover = self._ask(code)

    def take(self, spot: Spot) -> None:
        """Take what the model reads at a spot."""
        self._choose(self._at(spot)[0])

    def _walk(self, spot: Spot, place: QPointF, let_go: bool) -> None:
        (code, _), (projection, axes) = self._at(spot), self._plane()
        if code is None or projection is None:
            return
        self._name = ""
        moved = projection.moved(code, (place.x(), place.y()), axes)
        if let_go:
            self._choose(moved)
        else:
            self._hover = self._ask(moved)

    def _ask(self, code: Floats | None) -> HoverRequest | None:
        model = self._models.model
        if code is None or model is None:
            return None
        request = HoverRequest(model.digest, code)
        self._renderer.hover(request)
        return request

    def _choose(self, code: Floats | None) -> None:
        """Take what the model reads at a code; a later hover does not overtake it."""
        model = self._models.model
        if code is not None and model is not None:
            self._hover = self._taking = HoverRequest(model.digest, code)
            self._renderer.decode(self._taking)

    def _forget_choice(self) -> None:
        """Another face is shown: what was chosen for the last one is not meant for it."""
        self._taking = None

    def _show_face(self, result: HoverResult) -> None:
        if result.request is self._taking:
            self._taking = None
            self._take(result.decoded)
        if result.request is self._hover:
            described = self._describe(result.decoded)
            caption = "\n".join(part for part in (self._name, described) if part)
            self._chart.show_face(to_qimage(result.decoded.pixels), caption)

    def _describe(self, decoded: Decoded) -> str:
        """What the model is most certain is there."""
        model = self._models.model
        names = model.attribute_names if model else ()
        present = sorted(zip(decoded.attributes, names, strict=False), reverse=True)[:3]
        return ", ".join(title(name) for value, name in present if value > 0)

    def _take(self, decoded: Decoded) -> None:
        """The sliders go to what the model reads at a place of the map, as one undo entry."""
        model = self._models.model
        if model is not None and self._showing.preview_request() is not None:
            values = dict(zip(model.attribute_names, decoded.attributes, strict=True))
            self._session.change(lambda edit: edit.with_values(values), tr("take from the map"))
