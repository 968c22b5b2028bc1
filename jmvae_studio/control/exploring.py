"""The latent map at work: what it shows, its projection on a thread of its own, and the edit on it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QPointF, QTimer, Signal

from jmvae_studio.control.analysing import SETTLED, Analysing
from jmvae_studio.control.map_export import MapExport
from jmvae_studio.control.map_photographs import MapPhotographs, PhotoFace, face_name
from jmvae_studio.control.map_selection import MapSelection
from jmvae_studio.control.map_sources import Chart, MapSources, Source
from jmvae_studio.control.map_visits import MapVisits, Place
from jmvae_studio.control.models import Models
from jmvae_studio.control.photographs import Photographs
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.attributes import group, title
from jmvae_studio.document.session import Session
from jmvae_studio.explore.collection import Collection, Group
from jmvae_studio.explore.projection import Axes, Floats, Projection
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import ModelInfo
from jmvae_studio.inference.results import Places
from jmvae_studio.language import mark, tr, trn
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_folder
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.map_marks import GROUPED, Marks, Spot
from jmvae_studio.ui.map_pictures import GROUP_COLOURS, MapPicture

if TYPE_CHECKING:
    from jmvae_studio.ui.latent_map import LatentMap

MOST_GROUPS = 11
"""Attributes that are changed at once, beside the base."""
AVERAGE_SIDE = 40
"""Side of the average face in the middle of a group, in pixels."""
HINT = mark(
    "Pass over a point to see its face, click to take its attributes, drag it to walk; the wheel zooms."
)


class Exploring(QObject):
    """Connects the latent map with the model and the session; it works only while the map is seen."""

    failed = Signal(str)
    _read = Signal(object, object)

    def __init__(
        self,
        session: Session,
        showing: Showing,
        analysing: Analysing,
        renderer: Renderer,
        models: Models,
        photographs: Photographs,
        window: MainWindow,
        settings: Settings,
        cache: Path,
        parent: QObject | None = None,
    ) -> None:
        """Args: ``cache`` is the folder in which codes of folders are kept."""
        super().__init__(parent)
        self._session, self._showing = session, showing
        self._analysing, self._renderer = analysing, renderer
        self._models, self._settings, self._window = models, settings, window
        self._dock = window.map_dock
        self._sources = MapSources(renderer, window, settings, cache, self)
        self._photographs = MapPhotographs(session, photographs, renderer, self)
        self._export = MapExport(
            lambda: self._chart.collection, self._values, session, window, settings, self
        )
        self._export.failed.connect(self.failed)
        self._chart = Chart()
        self._offered = ""
        self._faces: list[PhotoFace] = []
        self._axes: Axes = (0, 1)
        self._colour, self._by_group, self._wants_read = "Smiling", True, False
        self._due = QTimer(self, interval=SETTLED, singleShot=True)
        self._due.timeout.connect(self._catch_up)
        self._sources.begun.connect(self._begin)
        self._sources.charted.connect(self._show_chart)
        self._read.connect(self._take_read)
        self._photographs.changed.connect(self._follow)
        window.map_folder_asked.connect(self._ask_folder)
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
        analysing.ask_while(self._dock.isVisible)
        analysing.changed.connect(self._show_marks)

    def close(self) -> None:
        """End the threads; call before the renderer is closed."""
        self._sources.close()
        self._photographs.close()
        self._export.close()

    @property
    def projection(self) -> Projection | None:
        """That of the map on the screen."""
        return self._chart.projection

    def _connect_map(self, chart: LatentMap) -> None:
        chart.folder_asked.connect(self._ask_folder)
        chart.source_chosen.connect(self._choose_source)
        chart.axes_chosen.connect(self._choose_axes)
        chart.colour_chosen.connect(self._choose_colour)
        chart.read_chosen.connect(self._choose_read)
        chart.clicked.connect(self._click)
        chart.full_view_asked.connect(self._dock.fill_screen)
        self._dock.topLevelChanged.connect(chart.full_button.setChecked)
        chart.full_button.setChecked(self._dock.isFloating())
        chart.groups.toggled_name.connect(self._toggle_group)
        self._visits = MapVisits(
            chart, self._at, self._plane, self._session, self._showing, self._renderer, self._models, self
        )
        self._selection = MapSelection(chart, self._shown, self._values, self._renderer, self)
        chart.export_asked.connect(lambda: self._export.ask(chart, self._selection))

    def _plane(self) -> tuple[Projection | None, Axes]:
        return self._chart.projection, self._axes

    def _shown(self) -> tuple[str, Collection | None]:
        return (self._chart.wish.model if self._chart.wish else ""), self._chart.collection

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
        read = self._showing.request_for({}, keep=False)
        self._offer(model, chart)
        self._sources.follow(model, self._faces, read.asked.attributes if read else None)
        self._analysing.follow()
        self._show_pictures()

    def _offer(self, model: ModelInfo, chart: LatentMap) -> None:
        """What can be shown of the model, and which groups."""
        source = self._sources.source(model)
        chart.set_sources(self._sources.offered(model), source)
        chart.groups.setVisible(source == "groups" and not model.takes_whole)
        if self._offered != model.digest:
            self._offered = model.digest
            offers = [
                (h, [(name, title(name)) for name in names]) for h, names in group(model.attribute_names)
            ]
            chart.groups.offer(offers, self._settings.map_groups)

    def _toggle_group(self, name: str, wanted: bool) -> None:
        chosen = [other for other in self._settings.map_groups if other != name]
        self._settings.map_groups = [*chosen, name][-MOST_GROUPS:] if wanted else chosen
        self._catch_up()

    def _begin(self) -> None:
        if self._dock.content is not None:
            self._dock.content.show_marks(None)
            self._dock.content.say(tr("Working out the map…"))

    def _show_chart(self, made: Chart) -> None:
        chart = self._dock.content
        assert chart is not None
        assert made.wish is not None
        self._axes = self._axes if made.wish.is_like(self._chart.wish) else (0, 1)
        self._chart = made
        self._selection.clear()
        collection, projection = made.collection, made.projection
        if collection is None or projection is None:
            chart.show_points(np.zeros((0, 2), np.float32))
            chart.say(made.message)
            self._show_pictures()
        else:
            names = collection.names
            self._colour = self._colour if self._colour in ("", *names) else names[0]
            grouped = _grouping(collection)
            chosen = GROUPED if grouped and self._by_group else self._colour
            chart.set_attributes([(name, title(name)) for name in names], chosen, grouped)
            chart.set_axes(projection.shares.tolist(), projection.own, self._axes)
            self._show_pictures()
            self._show_points(anew=True)
            self._show_colours()
            counted = trn("{count:,} code.", "{count:,} codes.", len(collection.codes))
            chart.say(" ".join(part for part in (counted, made.message, tr(HINT)) if part))
        self._show_marks()

    def _show_points(self, anew: bool) -> None:
        chart, collection, projection = self._dock.content, self._chart.collection, self._chart.projection
        if chart is not None and collection is not None and projection is not None:
            chart.show_points(projection.project(collection.codes, self._axes), anew)

    def _choose_source(self, source: Source) -> None:
        self._settings.map_source = source
        self._catch_up()

    def _ask_folder(self) -> None:
        folder = ask_folder(self._window, tr("Map a Folder of Photographs"), Path(self._settings.map_folder))
        if folder is not None:
            self.map_folder(folder)

    def map_folder(self, folder: Path) -> None:
        """Show the faces of a folder's pictures on the map, and remember it."""
        self._sources.take_folder(folder)
        self._dock.show()
        self._catch_up()

    def _choose_axes(self, across: int, up: int) -> None:
        self._axes = (across, up)
        self._show_pictures()
        self._show_points(anew=True)
        self._show_marks()

    # Colours ---------------------------------------------------------------------------------------

    def _choose_colour(self, name: str) -> None:
        grouped = self._chart.collection is not None and bool(self._chart.collection.groups)
        self._by_group = name == GROUPED if grouped else self._by_group
        self._colour = self._colour if name == GROUPED else name
        self._show_colours()

    def _choose_read(self, read: bool) -> None:
        self._wants_read = read
        self._show_colours()
        self._selection.compare()

    def _show_colours(self) -> None:
        chart, collection = self._dock.content, self._chart.collection
        if chart is None or collection is None:
            return
        chart.set_readings(collection.given is not None, self._wants_read)
        if collection.member is not None and self._by_group:
            chart.show_groups(collection.member, [one.name for one in collection.groups])
            return
        if self._colour not in collection.names:
            chart.show_values(None)
            return
        values = self._values(collection)
        if values is None:
            self._ask_read(collection)
        else:
            chart.show_values(values[:, collection.names.index(self._colour)])

    def _values(self, collection: Collection) -> Floats | None:
        """The attributes that are shown, given or read; None until they have been read."""
        return collection.read if self._wants_read or collection.given is None else collection.given

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
            self._selection.compare()

    # The edit --------------------------------------------------------------------------------------

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
        found = self._analysing.of_face
        return found.places if found is not None and self._is_of(found.request.model) else None

    def _is_of(self, model: str) -> bool:
        """Whether the map shows codes of a model."""
        return self._chart.wish is not None and self._chart.wish.model == model

    # The photographs -------------------------------------------------------------------------------

    def _show_pictures(self) -> None:
        chart, projection, model = self._dock.content, self._chart.projection, self._models.model
        if chart is None:
            return
        if projection is None or model is None or not self._is_of(model.digest):
            chart.show_pictures([])
            return
        photo = self._session.photo
        groups = self._groups()
        codes = [one.code for one in groups] + [face.code for face in self._faces]
        places = projection.project(np.stack(codes), self._axes).tolist() if codes else []
        pictures = [
            MapPicture(
                (x, y),
                to_qimage(one.face),
                one.name,
                pinned=False,
                side=AVERAGE_SIDE,
                colour=GROUP_COLOURS[number % len(GROUP_COLOURS)],
            )
            for number, (one, (x, y)) in enumerate(zip(groups, places, strict=False))
        ]
        pictures += [
            MapPicture(
                (x, y), face.image, face_name(face), face.photo is photo and face.number == photo.current
            )
            for face, (x, y) in zip(self._faces, places[len(groups) :], strict=True)
        ]
        chart.show_pictures(pictures)

    def _groups(self) -> tuple[Group, ...]:
        """Their average faces come first among the pictures."""
        return self._chart.collection.groups if self._chart.collection is not None else ()

    def _click(self, spot: Spot, place: QPointF) -> None:
        number = spot.index - len(self._groups())
        if spot.kind == "picture" and number >= 0:
            self._photographs.go_to(self._faces[number])
        else:
            self._visits.take(spot)

    def _at(self, spot: Spot) -> Place:
        """What lies at a spot of the map."""
        model, collection = self._models.model, self._chart.collection
        if model is None or not self._is_of(model.digest):
            return None, ""
        if spot.kind == "edit":
            places = self._current_places()
            return (places.edited if places is not None else None), ""
        if spot.kind == "picture":
            named = [(one.code, one.name) for one in self._groups()]
            named += [(face.code, face_name(face)) for face in self._faces]
            return named[spot.index] if spot.index < len(named) else (None, "")
        if spot.kind == "point" and collection is not None and spot.index < len(collection.codes):
            return collection.codes[spot.index], collection.titles[spot.index] if collection.titles else ""
        return None, ""


def _grouping(collection: Collection) -> str:
    """How the groups of a collection are called; empty if it has none."""
    if not collection.groups:
        return ""
    return tr("label") if {one.name for one in collection.groups} <= set(collection.names) else tr("group")
