"""The dock of faces: what the model imagines of the edit's attributes, and between them and the photograph."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from jmvae_studio.control.imagined import (
    PASSES,
    SAMPLES,
    STEPS,
    VIEWS,
    Answer,
    Deviation,
    View,
    Wish,
    deviation,
    seen,
    tell,
    worker,
)
from jmvae_studio.control.models import Models
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.attributes import group, title
from jmvae_studio.document.columns import single_labels, turned
from jmvae_studio.document.photo import Pixels
from jmvae_studio.document.saving import Identity, SaveError, identities, save_picture
from jmvae_studio.document.session import Session
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.heat import heat_range, lay_heat
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import PreviewRequest
from jmvae_studio.inference.results import Decoded
from jmvae_studio.language import tr
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_export
from jmvae_studio.ui.faces_panel import FacesPanel
from jmvae_studio.ui.main_window import MainWindow

MOST_COLUMNS = 12
_HEIGHT = 430
"""Of the dock when it is first seen, in pixels."""
SETTLED = 200
"""Milliseconds without a change of the edit after which the faces follow it: never during a drag."""


class Imagining(QObject):
    """Shows the faces while their dock is seen; one request at a time is under way, and the newest wish follows."""

    failed = Signal(str)
    _made = Signal(object)
    _read = Signal(object)
    _deviated = Signal(object)
    _saved = Signal(str)

    def __init__(
        self,
        session: Session,
        showing: Showing,
        renderer: Renderer,
        models: Models,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._showing, self._renderer = session, showing, renderer
        self._models, self._window, self._settings = models, window, settings
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="figure-saver")
        self._draw, self._spread, self._evidence, self._passes = 0, 1.0, 1.0, PASSES
        self._view: View = "attributes"
        self._maps: dict[int, Deviation] = {}
        """By column, of what is shown."""
        self._maps_asked: Wish | None = None
        self._deviates = False
        self._asked: Wish | None = None
        self._shown: Answer | None = None
        self._offered = ""
        self._due = QTimer(self, interval=SETTLED, singleShot=True)
        self._due.timeout.connect(self._ask)
        self._made.connect(self._show)
        self._read.connect(self._take)
        self._deviated.connect(self._take_map)
        self._saved.connect(window.say)
        window.faces_dock.made.connect(self._connect_panel)
        window.faces_dock.seen.connect(lambda seen: self._follow())
        for changed in (session.edit_changed, session.inferred_changed, session.faces_changed):
            changed.connect(self._follow)

    def close(self) -> None:
        """Finish what is being written, and end the thread."""
        self._pool.shutdown()

    @property
    def panel(self) -> FacesPanel | None:
        """What is in the dock; None until it is first seen."""
        return self._window.faces_dock.content

    def _connect_panel(self, panel: FacesPanel) -> None:
        if not self._settings.layout:  # else the dock is as high as it was left
            self._window.resizeDocks([self._window.faces_dock], [_HEIGHT], Qt.Orientation.Vertical)
        panel.spread.show_value(self._spread, 1.0, False)
        panel.evidence.show_value(self._evidence, 1.0, False)
        panel.view_chosen.connect(self._choose_view)
        panel.evidence_changed.connect(self._set_evidence)
        panel.passes.show_value(self._passes, None, False)
        panel.passes_changed.connect(self._set_passes)
        panel.column_toggled.connect(self._toggle)
        panel.spread_changed.connect(self._set_spread)
        panel.deviation_wanted.connect(self._deviate)
        panel.draw_asked.connect(self._draw_again)
        panel.save_asked.connect(self._ask_where)
        panel.grid.chosen.connect(self._choose)

    def _toggle(self, name: str, wanted: bool) -> None:
        chosen = [other for other in self._settings.imagined if other != name]
        self._settings.imagined = [*chosen, name][-MOST_COLUMNS:] if wanted else chosen
        self._ask()

    def _set_spread(self, spread: float) -> None:
        self._spread = spread
        if self.panel is not None:
            self.panel.spread.show_value(spread, 1.0, spread != 1.0)
        self._ask()

    def _choose_view(self, view: str) -> None:
        self._view = cast(View, view)
        if self.panel is not None:
            self.panel.show_view(view)
        self._ask()

    def _set_evidence(self, evidence: float) -> None:
        """Every step has been worked out: nothing is asked of the model."""
        self._evidence = round(evidence * STEPS) / STEPS
        if self.panel is not None:
            self.panel.evidence.show_value(self._evidence, 1.0, self._evidence != 1.0)
        self._paint()

    def _set_passes(self, passes: float) -> None:
        """Every pass has been worked out, too."""
        self._passes = round(passes)
        if self.panel is not None:
            self.panel.passes.show_value(self._passes, None, False)
        self._paint()

    def _draw_again(self) -> None:
        self._draw += 1
        self._ask()

    def _follow(self) -> None:
        if self._window.faces_dock.isVisible():
            self._due.start()

    # The faces -------------------------------------------------------------------------------------

    def _wish(self) -> Wish | None:
        """The columns of the present edit: as it is, then with one attribute turned to its other side in each."""
        model, request = self._models.model, self._showing.preview_request()
        if model is None or request is None:
            return None
        names, base = model.attribute_names, request.asked.attributes
        columns = [(tr("As it is"), base)]
        draw, spread = self._draw, self._spread
        if self._view == "evidence":
            draw, spread = 0, 1.0
        elif self._view == "passes":
            spread = 1.0
        elif model.takes_whole:
            columns += single_labels(names)
        else:
            columns += turned(names, base, self._settings.imagined)
        captions, values = zip(*columns, strict=True)
        return Wish(self._view, request, captions, values, draw, spread)

    def _ask(self) -> None:
        panel, wish = self.panel, self._wish()
        if panel is None or not self._window.faces_dock.isVisible():
            return
        self._offer(panel)
        if wish is None:
            panel.say(tr("Open a photograph to begin."))
            panel.grid.show_faces((), (), None)
            panel.show_likelihoods((), 0)
            self._shown = None
        elif self._asked is None and (self._shown is None or self._shown.wish != wish):
            self._asked = wish
            self._renderer.with_code(wish.request, worker(wish), self._made.emit, self._pixels())

    def _offer(self, panel: FacesPanel) -> None:
        model = self._models.model
        if model is not None and model.digest != self._offered:
            self._offered = model.digest
            groups = [] if model.takes_whole else group(model.attribute_names)
            offers = [(heading, [(name, title(name)) for name in names]) for heading, names in groups]
            panel.offer_columns(offers, self._settings.imagined)
            if self._view == "passes" and not model.iterates:
                self._view = "attributes"
            views = [entry for entry in VIEWS if model.iterates or entry[0] != "passes"]
            panel.offer_views([(view, tr(name), tr(tip)) for view, name, tip in views], self._view)

    def _show(self, answer: Answer | str) -> None:
        asked, self._asked = self._asked, None
        panel, wish = self.panel, self._wish()
        if isinstance(answer, str):
            if asked == wish:
                self.failed.emit(answer)
            else:  # the face or the model has gone on meanwhile
                self._ask()
            return
        if panel is None or wish is None or not _belongs(answer, wish):
            self._ask()
            return
        self._shown, self._maps = answer, {}
        self._paint()
        if asked != wish:
            self._ask()
        else:
            self._ask_map()

    def _paint(self) -> None:
        panel, shown, model = self.panel, self._shown, self._models.model
        if panel is None or shown is None or model is None:
            return
        columns = seen(shown, self._evidence, self._passes)
        captions = [shown.captions[column] for column in columns]
        if shown.wish.view == "evidence":
            captions[0] = tr("Here: {share}", share=captions[0])
        faces = shown.made.faces[:, list(columns)]
        text = tell(shown, self._evidence, model.attribute_names)
        if self._maps and self._deviates:
            ends = heat_range(self._maps[0].map)
            for column, found in self._maps.items():
                faces[0, column] = lay_heat(faces[0, column], found.map, ends)
            text = tr(
                "Deviation over {count} random faces: from {low} (clear) to {high} (red) of 255",
                count=SAMPLES,
                low=round(ends[0]),
                high=round(ends[1]),
            )
        panel.show_likelihoods(shown.likelihoods, self._passes)
        panel.say(text)
        panel.grid.show_faces(shown.rows, captions, faces)

    def _deviate(self, wanted: bool) -> None:
        self._deviates = wanted
        self._paint()
        self._ask_map()

    def _ask_map(self) -> None:
        """One column at a time, so that a drag that begins meanwhile need not wait for all."""
        shown = self._shown
        if shown is None or not self._deviates or shown.wish.view not in ("attributes", "person"):
            return
        if self._maps_asked is None and len(self._maps) < len(shown.captions) and shown.wish == self._wish():
            self._maps_asked = shown.wish
            work = deviation(shown.wish, len(self._maps))
            self._renderer.with_code(shown.wish.request, work, self._deviated.emit, self._pixels())

    def _take_map(self, found: Deviation | str) -> None:
        asked, self._maps_asked = self._maps_asked, None
        if isinstance(found, str):
            if asked == self._wish():
                self.failed.emit(found)
            return
        if self._shown is not None and found.wish == self._shown.wish and found.column == len(self._maps):
            self._maps[found.column] = found
            self._paint()
        self._ask_map()

    def _pixels(self) -> Pixels | None:
        photo = self._session.photo
        return photo.pixels() if photo is not None and photo.image is not None else None

    def _choose(self, row: int, column: int) -> None:
        """What the model reads at the face's code becomes the edit, unless the grid is of another face or model."""
        shown = self._shown
        if shown is None or not self._is_present(shown.wish.request):
            return
        request = shown.wish.request
        code = shown.made.codes[row, seen(shown, self._evidence, self._passes)[column]]

        def work(engine: Engine) -> tuple[PreviewRequest, Decoded | None]:
            return request, engine.decode(code) if engine.digest == request.model else None

        self._renderer.with_engine(work, self._read.emit)

    def _take(self, read: tuple[PreviewRequest, Decoded | None] | str) -> None:
        model = self._models.model
        if isinstance(read, str):
            self.failed.emit(read)
            return
        request, decoded = read
        if model is not None and decoded is not None and self._is_present(request):
            values = dict(zip(model.attribute_names, decoded.attributes, strict=True))
            self._session.change(lambda edit: edit.with_values(values), tr("take an imagined face"))

    def _is_present(self, request: PreviewRequest) -> bool:
        """Whether a request is of the face that is being edited, and of the model at work."""
        present = self._showing.preview_request()
        return present is not None and (present.model, present.face) == (request.model, request.face)

    # The figure ------------------------------------------------------------------------------------

    def _ask_where(self) -> None:
        if self._shown is not None:
            save: Callable[[Path], None] = partial(self._save, self._shown)
            folder = self._settings.export_folder
            ask_export(
                self._window, tr("Save the Faces"), folder, "faces.png", {".png": "PNG", ".jpg": "JPEG"}, save
            )

    def _save(self, shown: Answer, path: Path) -> None:
        def done(future: Future[None]) -> None:
            error = future.exception()
            if error is None:
                self._saved.emit(tr("Saved {name} in {folder}.", name=path.name, folder=path.parent))
            else:
                known = isinstance(error, SaveError)
                told = tr("{name} could not be saved: {reason}", name=path.name, reason=error)
                self.failed.emit(str(error) if known else told)

        originals = identities(photo.path for photo in self._session.photos)
        self._pool.submit(_write, shown, path, originals).add_done_callback(done)


def _belongs(answer: Answer, wish: Wish) -> bool:
    same = answer.wish.request
    return same.model == wish.request.model and answer.wish.view == wish.view


def _write(shown: Answer, path: Path, originals: frozenset[Identity]) -> None:
    """On the saver's thread."""
    from PIL import Image

    from jmvae_studio.inference.sheet import CELL, lay_out_grid

    size = (CELL, CELL)
    rows = [
        [np.asarray(Image.fromarray(face).resize(size, Image.Resampling.BICUBIC)) for face in row]
        for row in shown.made.faces
    ]
    figure = lay_out_grid(rows, shown.captions, shown.rows, "")
    save_picture(path, np.asarray(figure), originals=originals)
