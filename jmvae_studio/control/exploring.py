"""The latent map at work: what it shows, its projection on a thread of its own, and the edit on it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, QPointF, QTimer, Signal

from jmvae_studio.control.map_photographs import MapPhotographs, PhotoFace
from jmvae_studio.control.map_visits import MapVisits, Place
from jmvae_studio.control.models import Models
from jmvae_studio.control.photographs import Photographs
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.attributes import title
from jmvae_studio.document.session import Session
from jmvae_studio.explore.bank import bank_of
from jmvae_studio.explore.collection import Collection
from jmvae_studio.explore.projection import Axes, Floats, Projection, fit
from jmvae_studio.inference.renderer import Analysis, ModelInfo, Renderer
from jmvae_studio.inference.results import Places
from jmvae_studio.language import mark, tr, trn
from jmvae_studio.settings import Settings
from jmvae_studio.ui.latent_map import LatentMap
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.map_pictures import MapPicture
from jmvae_studio.ui.map_view import Marks, Spot
from trainer.errors import DataError, TrainerError

SETTLED = 120
"""Milliseconds without a change of the edit after which the map follows it: never during a drag."""
HINT = mark(
    "Pass over a point to see its face, click to take its attributes, drag it to walk; the wheel zooms."
)

Source = Literal["bank", "photographs"]
SOURCES: tuple[tuple[Source, str], ...] = (
    ("bank", mark("Codes that come with the model")),
    ("photographs", mark("The open photographs")),
)


@dataclass(frozen=True)
class _Wish:
    """What the map shall show; equal wishes need no second answer."""

    model: str
    source: Source
    content: Hashable = None


@dataclass(frozen=True)
class _Chart:
    """A collection with its projection, or a sentence why there is none."""

    wish: _Wish | None = None
    collection: Collection | None = None
    projection: Projection | None = None
    message: str = ""


class Exploring(QObject):
    """Connects the latent map with the model and the session; it works only while the map is seen."""

    _charted = Signal(object)
    _read = Signal(object, object)

    def __init__(
        self,
        session: Session,
        showing: Showing,
        renderer: Renderer,
        models: Models,
        photographs: Photographs,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._showing, self._renderer = session, showing, renderer
        self._models, self._settings, self._dock = models, settings, window.map_dock
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explorer")
        self._photographs = MapPhotographs(session, photographs, renderer, self)
        self._closing = False
        self._asked: _Wish | None = None
        self._chart = _Chart()
        self._faces: list[PhotoFace] = []
        self._axes: Axes = (0, 1)
        self._colour, self._wants_read = "Smiling", False
        self._places: Analysis | None = None
        self._due = QTimer(self, interval=SETTLED, singleShot=True)
        self._due.timeout.connect(self._catch_up)
        self._charted.connect(self._show_chart)
        self._read.connect(self._take_read)
        self._photographs.changed.connect(self._follow)
        self._dock.made.connect(self._connect_map)
        self._dock.seen.connect(lambda visible: self._catch_up())
        models.changed.connect(lambda model, renewed: self._catch_up())
        for changed in (
            session.edit_changed,
            session.inferred_changed,
            session.faces_changed,
            session.photos_changed,
        ):
            changed.connect(self._follow)
        renderer.analysed.connect(self._show_places)

    def close(self) -> None:
        """End the threads; call before the renderer is closed."""
        self._closing = True
        self._photographs.close()
        self._pool.shutdown(cancel_futures=True)

    @property
    def projection(self) -> Projection | None:
        """That of the map on the screen."""
        return self._chart.projection

    def _connect_map(self, chart: LatentMap) -> None:
        chart.set_sources([(name, tr(text)) for name, text in SOURCES], self._settings.map_source)
        chart.source_chosen.connect(self._choose_source)
        chart.axes_chosen.connect(self._choose_axes)
        chart.colour_chosen.connect(self._choose_colour)
        chart.read_chosen.connect(self._choose_read)
        chart.clicked.connect(self._click)
        self._visits = MapVisits(
            chart, self._at, self._plane, self._session, self._showing, self._renderer, self._models, self
        )

    def _plane(self) -> tuple[Projection | None, Axes]:
        return self._chart.projection, self._axes

    # What is shown ---------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Something has changed: the map follows when the hand rests."""
        if self._dock.isVisible():
            self._due.start()

    def _catch_up(self) -> None:
        """Bring everything on the map up to date, if it is seen."""
        model, chart = self._models.model, self._dock.content
        if model is None or chart is None or not self._dock.isVisible():
            return
        self._photographs.follow(model)
        self._faces = self._photographs.faces()
        self._ask_chart(model, chart)
        self._ask_places()
        self._show_pictures()

    def _ask_chart(self, model: ModelInfo, chart: LatentMap) -> None:
        source: Source = self._settings.map_source
        content: Hashable = None
        if source == "photographs":
            content = tuple((face.photo.number, face.code.tobytes()) for face in self._faces)
        wish = _Wish(model.digest, source, content)
        if wish == self._asked:
            return
        if self._asked is None or (wish.model, wish.source) != (self._asked.model, self._asked.source):
            self._places = None
            self._show_marks()
            chart.say(tr("Working out the map…"))
        self._asked = wish
        if source == "bank":
            path, digest = Path(model.path), model.digest
            self._submit(wish, lambda: Collection.of_bank(bank_of(path, digest)))
        else:
            faces = self._faces
            self._submit(wish, lambda: _collect(faces, model.attribute_names))

    def _submit(self, wish: _Wish, collect: Callable[[], Collection]) -> None:
        self._pool.submit(self._make_chart, wish, collect)

    def _make_chart(self, wish: _Wish, collect: Callable[[], Collection]) -> None:
        """On the explorer's thread."""
        try:
            collection = collect()
            made = _Chart(wish, collection, fit(collection.codes, lambda: self._closing))
        except (TrainerError, MemoryError, np.linalg.LinAlgError) as error:
            made = _Chart(wish, message=str(error))
        if not self._closing:
            self._charted.emit(made)

    def _show_chart(self, made: _Chart) -> None:
        chart = self._dock.content
        assert chart is not None
        if made.wish != self._asked or made.wish is None:
            return
        shown = self._chart.wish
        same = shown is not None and (shown.model, shown.source) == (made.wish.model, made.wish.source)
        self._chart, self._axes = made, self._axes if same else (0, 1)
        collection, projection = made.collection, made.projection
        if collection is None or projection is None:
            chart.show_points(np.zeros((0, 2), np.float32))
            chart.say(made.message)
            self._show_pictures()
        else:
            names = collection.names
            self._colour = self._colour if self._colour in ("", *names) else names[0]
            chart.set_attributes([(name, title(name)) for name in names], self._colour)
            chart.set_axes(projection.shares.tolist(), projection.own, self._axes)
            self._show_pictures()
            self._show_points(anew=True)
            self._show_colours()
            counted = trn("{count:,} code.", "{count:,} codes.", len(collection.codes))
            chart.say(f"{counted} {tr(HINT)}")
        self._show_marks()

    def _show_points(self, anew: bool) -> None:
        chart, collection, projection = self._dock.content, self._chart.collection, self._chart.projection
        if chart is not None and collection is not None and projection is not None:
            chart.show_points(projection.project(collection.codes, self._axes), anew)

    def _choose_source(self, source: Source) -> None:
        self._settings.map_source = source
        self._catch_up()

    def _choose_axes(self, across: int, up: int) -> None:
        self._axes = (across, up)
        self._show_pictures()
        self._show_points(anew=True)
        self._show_marks()

    # Colours ---------------------------------------------------------------------------------------

    def _choose_colour(self, name: str) -> None:
        self._colour = name
        self._show_colours()

    def _choose_read(self, read: bool) -> None:
        self._wants_read = read
        self._show_colours()

    def _show_colours(self) -> None:
        chart, collection = self._dock.content, self._chart.collection
        if chart is None or collection is None:
            return
        chart.set_readings(collection.given is not None, self._wants_read)
        if self._colour not in collection.names:
            chart.show_values(None)
            return
        values = collection.read if self._wants_read or collection.given is None else collection.given
        if values is None:
            self._ask_read(collection)
        else:
            chart.show_values(values[:, collection.names.index(self._colour)])

    def _ask_read(self, collection: Collection) -> None:
        """Let the model read the attributes of every code."""
        wish, codes = self._chart.wish, collection.codes
        assert wish is not None
        digest = wish.model
        self._renderer.with_engine(
            lambda engine: engine.read(codes) if engine.digest == digest else None,
            partial(self._read.emit, collection),
        )

    def _take_read(self, collection: Collection, read: Floats | str | None) -> None:
        chart = self._dock.content
        if isinstance(read, str) and chart is not None:
            chart.say(read)
        elif not isinstance(read, str | None) and self._chart.collection is collection:
            self._chart = replace(self._chart, collection=replace(collection, read=read))
            self._show_colours()

    # The edit --------------------------------------------------------------------------------------

    def _ask_places(self) -> None:
        request = self._showing.preview_request()
        if request is None:
            self._places = None
            self._show_marks()
        elif self._places is None or self._places.request != request:
            self._renderer.analyse(request)

    def _show_places(self, result: Analysis) -> None:
        if result.request == self._showing.preview_request():
            self._places = result
            self._show_marks()

    def _show_marks(self) -> None:
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
        """Of the photograph that is shown, as the model of the map sees it."""
        request = self._showing.preview_request()
        found = self._places
        if found is None or request is None or not self._is_of(request.model):
            return None
        if found.request.model != request.model:
            return None
        return found.places if found.request.face == request.face else None

    def _is_of(self, model: str) -> bool:
        """Whether the map shows codes of a model."""
        return self._chart.wish is not None and self._chart.wish.model == model

    # The photographs -------------------------------------------------------------------------------

    def _show_pictures(self) -> None:
        chart, projection, model = self._dock.content, self._chart.projection, self._models.model
        if chart is None:
            return
        if projection is None or model is None or not self._is_of(model.digest) or not self._faces:
            chart.show_pictures([])
            return
        places = projection.project(np.stack([face.code for face in self._faces]), self._axes).tolist()
        photo = self._session.photo
        chart.show_pictures(
            [
                MapPicture(
                    (x, y), face.image, _name(face), face.photo is photo and face.number == photo.current
                )
                for face, (x, y) in zip(self._faces, places, strict=True)
            ]
        )

    def _click(self, spot: Spot, place: QPointF) -> None:
        if spot.kind == "picture":
            self._photographs.go_to(self._faces[spot.index])

    def _at(self, spot: Spot) -> Place:
        """What lies at a spot of the map."""
        model, collection = self._models.model, self._chart.collection
        if model is None or not self._is_of(model.digest):
            return None, ""
        if spot.kind == "edit":
            places = self._current_places()
            return (places.edited if places is not None else None), ""
        if spot.kind == "picture" and spot.index < len(self._faces):
            face = self._faces[spot.index]
            return face.code, _name(face)
        if spot.kind == "point" and collection is not None and spot.index < len(collection.codes):
            return collection.codes[spot.index], collection.titles[spot.index] if collection.titles else ""
        return None, ""


def _name(face: PhotoFace) -> str:
    if len(face.photo.faces) > 1:
        return tr("{photo}, face {number}", photo=face.photo.name, number=face.number + 1)
    return face.photo.name


def _collect(faces: list[PhotoFace], names: tuple[str, ...]) -> Collection:
    """The open photographs as a collection; raises `DataError` of fewer than two."""
    if len(faces) < 2:
        raise DataError(tr("Open two photographs with faces, or more, to see them on a map of their own."))
    codes, read = np.stack([face.code for face in faces]), np.stack([face.read for face in faces])
    return Collection(codes, names, read=read, titles=tuple(map(_name, faces)))
