"""Several edits of one face made in the background, one after another, with progress and a way to stop.

The renderer computes one edit at a time and serves the window between them; a thread of its own lays them into the
face and draws or writes what was asked for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QObject, Signal

from jmvae_studio.document.attributes import title
from jmvae_studio.document.saving import SaveError
from jmvae_studio.document.series import Animation, Grid, Series, Sweep
from jmvae_studio.inference.compositing import compose
from jmvae_studio.inference.engine import FaceCode
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import PreviewRequest
from jmvae_studio.inference.results import Layer, Pixels
from jmvae_studio.inference.sheet import lay_out_grid, lay_out_strip, portrait
from jmvae_studio.language import tr
from trainer.data.face_crop import extract, whole_crop

_Portrait = tuple[tuple[float, ...], Pixels, Pixels]
"""The attributes read from a face, their average face, the reconstruction."""


@dataclass(frozen=True)
class Order:
    """What is to be made.

    Attributes:
        series: What was asked.
        names: Of the model's attributes.
        requests: One edit for each of ``series.settings()``.
        own: The face without an edit.
        photo: The photograph, height × width × 3.
        side: Of every face in pixels.
    """

    series: Series
    names: tuple[str, ...]
    requests: tuple[PreviewRequest, ...]
    own: PreviewRequest
    photo: Pixels = field(repr=False)
    side: int


Finish = Callable[[list[Pixels], Callable[[], bool]], object]
"""Gets the pictures made (the frames of an animation, or one sheet) and a question whether they are still wanted."""


@dataclass(eq=False)
class _Run:
    """An order under way."""

    order: Order
    finish: Finish
    faces: list[Pixels] = field(default_factory=list)
    ground: Pixels | None = None
    portrait: _Portrait | None = None
    stopped: threading.Event = field(default_factory=threading.Event)

    def is_wanted(self) -> bool:
        return not self.stopped.is_set()


class SeriesMaker(QObject):
    """Makes one series at a time; a new order replaces the one under way."""

    progressed = Signal(int, int)
    """Faces made, of how many."""
    finished = Signal(object, str)
    """What `Finish` returned, or None and a sentence. Nothing is said of an order that was cancelled."""
    _moved_on = Signal(object, int)
    _ended = Signal(object, object, str)

    def __init__(self, renderer: Renderer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._renderer = renderer
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="saver-series")
        self._run: _Run | None = None
        self._moved_on.connect(self._tell_progress)
        self._ended.connect(self._tell_end)

    @property
    def is_busy(self) -> bool:
        """Whether an order is under way."""
        return self._run is not None

    def start(self, order: Order, finish: Finish) -> None:
        """Make a series; ``finish`` is called on the thread of this object."""
        self.cancel()
        run = self._run = _Run(order, finish)
        if isinstance(order.series, Animation | Grid):
            self._ask(run, 0)
        else:
            self._ask_portrait(run)

    def cancel(self) -> None:
        """Stop what is under way; nothing is written."""
        if self._run is not None:
            self._run.stopped.set()
            self._run = None

    def close(self, finish: bool) -> None:
        """End the thread, after the order under way or without it; call after the renderer was closed."""
        if not finish:
            self.cancel()
        self._pool.shutdown(wait=True)

    def _ask_portrait(self, run: _Run) -> None:
        mode = run.order.own.asked.mode

        def work(code: FaceCode) -> _Portrait:
            return (code.attributes, *portrait(code, mode))

        def receive(made: _Portrait | str) -> None:
            if isinstance(made, str):
                self._ended.emit(run, None, made)
                return
            run.portrait = made
            self._ask(run, 0)

        self._renderer.with_code(run.order.own, work, receive, run.order.photo)

    def _ask(self, run: _Run, index: int) -> None:
        """Have the next edit computed; from the second on called on the renderer's thread."""
        if index == len(run.order.requests):
            self._pool.submit(self._end, run).add_done_callback(lambda future: self._done(run, future))
            return

        def receive(layer: Layer | str) -> None:
            if run.stopped.is_set():
                return
            if isinstance(layer, str):
                self._ended.emit(run, None, layer)
                return
            self._pool.submit(self._lay_in, run, layer)
            self._ask(run, index + 1)

        self._renderer.layer(run.order.requests[index], receive, run.order.photo)

    def _lay_in(self, run: _Run, layer: Layer) -> None:
        """On the thread of this object."""
        if run.stopped.is_set():
            return
        side = run.order.side
        if run.ground is None:
            run.ground = extract(run.order.photo, run.order.own.face.crop, side)
        run.faces.append(compose(run.ground, whole_crop(side, side), layer.pixels, layer.replaces))
        self._moved_on.emit(run, len(run.faces))

    def _end(self, run: _Run) -> object:
        if run.stopped.is_set():
            return None
        if run.ground is None:
            run.ground = extract(run.order.photo, run.order.own.face.crop, run.order.side)
        if len(run.faces) != len(run.order.requests):
            raise SaveError(tr("Some of the faces could not be made. Close other programs and export again."))
        return run.finish(draw(run.order, run.ground, run.faces, run.portrait), run.is_wanted)

    def _done(self, run: _Run, future: Future[object]) -> None:
        error = future.exception()
        if error is None:
            self._ended.emit(run, future.result(), "")
        else:
            known = isinstance(error, SaveError)
            self._ended.emit(
                run, None, str(error) if known else tr("It could not be made: {error}", error=error)
            )

    def _tell_progress(self, run: _Run, count: int) -> None:
        if run is self._run:
            self.progressed.emit(count, len(run.order.requests))

    def _tell_end(self, run: _Run, outcome: object, message: str) -> None:
        if run is self._run:
            self._run = None
            self.finished.emit(outcome, message)


def draw(order: Order, ground: Pixels, faces: list[Pixels], read: _Portrait | None) -> list[Pixels]:
    """The pictures of a series from its edited faces: frames in their order, or one sheet.

    Args:
        order: What was asked.
        ground: The face as it is, side × side × 3.
        faces: One for each request.
        read: What the model makes of the face; for a strip.
    """
    series = order.series
    if isinstance(series, Animation):
        return [faces[place] for place in series.order()]
    if isinstance(series, Grid):
        width = series.across.steps
        rows = [faces[start : start + width] for start in range(0, len(faces), width)]
        heading = title(series.across.name)
        sides: list[str] = []
        if series.down is not None:
            heading = tr("{across} across, {down} down", across=heading, down=title(series.down.name))
            sides = _captions(series.down)
        return [np.asarray(lay_out_grid(rows, _captions(series.across), sides, heading))]
    assert read is not None
    values, average, reconstruction = read
    pairs = tuple(zip(order.names, values, strict=True))
    strip = lay_out_strip(ground, pairs, average, reconstruction, series.columns, faces)
    return [np.asarray(strip)]


def _captions(sweep: Sweep) -> list[str]:
    return [f"{round(value, 2):+g}" for value in sweep.values()]
