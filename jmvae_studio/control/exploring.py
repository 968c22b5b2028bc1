"""The latent map at work: the bank, its projection on a thread of its own, and faces under the mouse."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QPointF, QTimer, Signal

from jmvae_studio.control.models import Models
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.attributes import title
from jmvae_studio.document.session import Session
from jmvae_studio.explore.bank import bank_of
from jmvae_studio.explore.projection import Axes, Floats, Projection, fit
from jmvae_studio.inference.renderer import (
    Analysis,
    HoverRequest,
    HoverResult,
    ModelInfo,
    Renderer,
)
from jmvae_studio.inference.results import Decoded, Places
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.main_window import MainWindow
from trainer.bank import Bank
from trainer.errors import TrainerError

SETTLED = 120
"""Milliseconds without a change of the edit after which the map follows it: never during a drag."""
EDIT_END = -2
"""The index by which the view names the edit's end."""
HINT = "Pass over a point to see its face, click to take its attributes, drag it to walk; the wheel zooms."


@dataclass(frozen=True)
class _Chart:
    """A bank with its projection, or a sentence why there is none."""

    model: str
    bank: Bank | None = None
    projection: Projection | None = None
    message: str = ""


class Exploring(QObject):
    """Connects the latent map with the model and the session; it works only while the map is seen."""

    _charted = Signal(object)

    def __init__(
        self,
        session: Session,
        showing: Showing,
        renderer: Renderer,
        models: Models,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._showing, self._renderer = session, showing, renderer
        self._models, self._window, self._dock = models, window, window.map_dock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explorer")
        self._closing = False
        self._asked_model = ""
        self._chart = _Chart("")
        self._axes: Axes = (0, 1)
        self._colour = "Smiling"
        self._places: Analysis | None = None
        self._hover: HoverRequest | None = None
        self._taking: HoverRequest | None = None
        self._due = QTimer(self, interval=SETTLED, singleShot=True)
        self._due.timeout.connect(self._ask_places)
        self._charted.connect(self._show_chart)
        self._dock.made.connect(self._connect_map)
        self._dock.seen.connect(self._seen)
        models.changed.connect(lambda model, renewed: self._refresh())
        for changed in (session.edit_changed, session.inferred_changed, session.faces_changed):
            changed.connect(self._follow)
        session.faces_changed.connect(self._forget_choice)
        renderer.hovered.connect(self._show_face)
        renderer.analysed.connect(self._show_places)

    def close(self) -> None:
        """End the thread."""
        self._closing = True
        self._pool.shutdown(cancel_futures=True)

    @property
    def projection(self) -> Projection | None:
        """That of the map on the screen."""
        return self._chart.projection

    # The bank --------------------------------------------------------------------------------------

    def _connect_map(self) -> None:
        chart = self._dock.content
        assert chart is not None
        chart.axes_chosen.connect(self._choose_axes)
        chart.colour_chosen.connect(self._choose_colour)
        chart.hovered.connect(self._point_at)
        chart.clicked.connect(self._click)
        chart.walked.connect(self._walk)

    def _seen(self, visible: bool) -> None:
        if visible:
            self._refresh()

    def _refresh(self) -> None:
        """Load the bank of the model at work, if the map is seen and shows another."""
        model, chart = self._models.model, self._dock.content
        if model is None or chart is None or not self._dock.isVisible():
            return
        self._follow()
        if model.digest != self._asked_model:
            self._asked_model = model.digest
            self._places = None
            chart.show_marks(None)
            chart.say("Working out the map…")
            self._pool.submit(self._make_chart, model)

    def _make_chart(self, model: ModelInfo) -> None:
        """On the explorer's thread."""
        try:
            bank = bank_of(Path(model.path), model.digest)
            projection = fit(bank.codes, lambda: self._closing)
            made = _Chart(model.digest, bank, projection)
        except (TrainerError, MemoryError, np.linalg.LinAlgError) as error:
            made = _Chart(model.digest, message=str(error))
        if not self._closing:
            self._charted.emit(made)

    def _show_chart(self, made: _Chart) -> None:
        chart = self._dock.content
        assert chart is not None
        if made.model != self._asked_model:
            return
        self._chart, self._axes = made, (0, 1)
        if made.bank is None or made.projection is None:
            chart.show_points(np.zeros((0, 2), np.float32))
            chart.say(made.message)
            return
        names = made.bank.names
        self._colour = self._colour if self._colour in names else names[0]
        chart.set_attributes([(name, title(name)) for name in names], self._colour)
        chart.set_axes(made.projection.shares.tolist(), made.projection.own, self._axes)
        self._show_points(anew=True)
        self._choose_colour(self._colour)
        chart.say(f"{len(made.bank.codes):,} codes. {HINT}")
        self._show_marks()

    def _show_points(self, anew: bool) -> None:
        chart, bank, projection = self._dock.content, self._chart.bank, self._chart.projection
        if chart is not None and bank is not None and projection is not None:
            chart.show_points(projection.project(bank.codes, self._axes), anew)

    def _choose_axes(self, across: int, up: int) -> None:
        self._axes = (across, up)
        self._show_points(anew=True)
        self._show_marks()

    def _choose_colour(self, name: str) -> None:
        chart, bank = self._dock.content, self._chart.bank
        self._colour = name
        if chart is None or bank is None:
            return
        if name not in bank.names:
            chart.show_values(None)
            return
        values = bank.attributes[:, bank.names.index(name)].astype(np.float32)
        chart.show_values(np.where(values > 0, 1, -1).astype(np.float32))

    # The edit --------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """The edit has changed: the map follows when the hand rests."""
        if self._dock.isVisible():
            self._due.start()

    def _ask_places(self) -> None:
        request = self._showing.preview_request()
        if request is None:
            self._places = None
            self._show_marks()
        else:
            self._renderer.analyse(request)

    def _show_places(self, result: Analysis) -> None:
        if result.request == self._showing.preview_request():
            self._places = result
            self._show_marks()

    def _show_marks(self) -> None:
        from jmvae_studio.ui.map_view import Marks  # pyqtgraph is there by now, and not before

        chart, projection = self._dock.content, self._chart.projection
        if chart is None:
            return
        places = self._current_places()
        if projection is None or places is None:
            chart.show_marks(None)
            return
        ends = projection.project(np.stack([places.photo[0], places.edited]), self._axes).tolist()
        chart.show_marks(
            Marks(
                projection.ellipse(*places.photo, self._axes),
                projection.ellipse(*places.asked, self._axes),
                (ends[0][0], ends[0][1]),
                (ends[1][0], ends[1][1]),
            )
        )

    def _current_places(self) -> Places | None:
        """Of the photograph that is shown, as the model at work sees it."""
        request = self._showing.preview_request()
        found = self._places
        if found is None or request is None or found.request.model != request.model:
            return None
        return found.places if found.request.face == request.face else None

    # Faces under the mouse -------------------------------------------------------------------------

    def _point_at(self, index: int, place: QPointF) -> None:
        self._hover = self._ask(self._code_at(index))

    def _click(self, index: int, place: QPointF) -> None:
        self._choose(self._code_at(index))

    def _walk(self, index: int, place: QPointF, let_go: bool) -> None:
        code, projection = self._code_at(index), self._chart.projection
        if code is None or projection is None:
            return
        moved = projection.moved(code, (place.x(), place.y()), self._axes)
        if let_go:
            self._choose(moved)
        else:
            self._hover = self._ask(moved)

    def _ask(self, code: Floats | None) -> HoverRequest | None:
        if code is None:
            return None
        request = HoverRequest(self._chart.model, code)
        self._renderer.hover(request)
        return request

    def _choose(self, code: Floats | None) -> None:
        """Take what the model reads at a code; a later hover does not overtake it."""
        if code is not None:
            self._hover = self._taking = HoverRequest(self._chart.model, code)
            self._renderer.decode(self._taking)

    def _forget_choice(self) -> None:
        """Another face is shown: what was chosen for the last one is not meant for it."""
        self._taking = None

    def _code_at(self, index: int) -> Floats | None:
        places, bank = self._current_places(), self._chart.bank
        if index == EDIT_END:
            return places.edited if places is not None else None
        return bank.codes[index] if bank is not None and 0 <= index < len(bank.codes) else None

    def _show_face(self, result: HoverResult) -> None:
        chart = self._dock.content
        if result.request is self._taking:
            self._taking = None
            self._take(result.decoded)
        if chart is not None and result.request is self._hover:
            chart.show_face(to_qimage(result.decoded.pixels), self._describe(result.decoded))

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
            self._session.change(lambda edit: edit.with_values(values), "take from the map")
