"""Grids, strips and animations: previewed in the export dialog and written in the background."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from jmvae_studio.control.models import Models
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.animations import check_animation, save_animation
from jmvae_studio.document.attributes import title
from jmvae_studio.document.edit import HIGHEST, LOWEST, Edit
from jmvae_studio.document.photo import Photo
from jmvae_studio.document.saving import SaveError, Saving, check_target, identities, save_picture
from jmvae_studio.document.series import Animation, Grid, Series, Strip, Values
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.results import PREVIEW_SIZE, Pixels
from jmvae_studio.language import tr
from jmvae_studio.series import Order, SeriesMaker
from jmvae_studio.ui.export_dialog import Changeable, ExportDialog, Wish
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.main_window import MainWindow

CELL = 256
"""Side of a grid's faces in pixels."""
PREVIEW_CELL = 128
LARGEST = 1024
"""Side of an animation's pictures at most, in pixels."""


class SeriesExports(QObject):
    """Makes series for the dialog and for files."""

    written = Signal(object, str)
    """The `Path`, or None, and a sentence."""

    def __init__(
        self,
        showing: Showing,
        models: Models,
        renderer: Renderer,
        window: MainWindow,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._showing, self._models, self._window = showing, models, window
        self._previewing, self._writing = SeriesMaker(renderer, self), SeriesMaker(renderer, self)
        self._dialog: ExportDialog | None = None
        self._previewed: Series | None = None
        self._target = Path()
        self._previewing.progressed.connect(self._show_preview_progress)
        self._previewing.finished.connect(self._show_preview)
        self._writing.progressed.connect(self._show_progress)
        self._writing.finished.connect(self._written)
        window.series_progress.cancelled.connect(self._cancel)

    def close(self) -> None:
        """Finish what is being written; call after the renderer was closed."""
        self._previewing.close(finish=False)
        self._writing.close(finish=True)

    def changeable(self, edit: Edit) -> Changeable:
        """What a series of a face with this edit can change."""
        model = self._models.model
        names = model.attribute_names if model is not None else ()
        strongest = sorted(edit.values, key=lambda pair: -abs(pair[1]))
        columns: list[Values] = [((name, value),) for name, value in edit.values]
        if len(columns) > 1:
            columns.append(edit.values)
        edited = [name for name, _ in strongest if name in names]
        proposed = edited or [name for name in ("Smiling",) if name in names]
        return Changeable([(name, title(name)) for name in names], proposed, columns, (LOWEST, HIGHEST))

    def follow(self, dialog: ExportDialog, photo: Photo) -> None:
        """Make previews of a photograph for a dialog until it is closed."""
        self._dialog = dialog
        dialog.preview_asked.connect(partial(self._preview, photo))
        dialog.finished.connect(self._forget_dialog)

    def export(self, path: Path, wish: Wish, photo: Photo) -> None:
        """Write a series of a photograph; `written` tells when it is there.

        Raises:
            SaveError: The target cannot be written; nothing was started.
        """
        series = wish.series
        if series is None or photo.image is None:
            raise SaveError(tr("There is nothing to export yet: open a photograph with a face first."))
        if self._writing.is_busy:
            raise SaveError(
                tr(
                    "{name} is still being made: wait for it or cancel it in the status bar.",
                    name=self._target.name,
                )
            )
        source = photo.image.path
        if isinstance(series, Animation):
            check_animation(path, identities([source]))
        else:
            check_target(path, identities([source]))
        order = self._order(series, self._side(series, wish.longest, photo), photo)
        if order is None:
            raise SaveError(tr("The model has not read this face yet: wait a moment and export again."))

        def finish(pictures: list[Pixels], wanted: Callable[[], bool]) -> Path | None:
            if not isinstance(series, Animation):
                originals = identities([source])
                if not wanted():
                    return None
                save_picture(path, pictures[0], None, originals, Saving(wish.quality, wish.longest))
                return path
            times = series.milliseconds()
            kept = save_animation(path, pictures, times, wish.quality, wish.longest, source, wanted)
            return path if kept else None

        self._target = path
        self._writing.start(order, finish)
        self._show_progress(0, len(order.requests))

    def _side(self, series: Series, longest: int, photo: Photo) -> int:
        if not isinstance(series, Animation):
            return PREVIEW_SIZE if isinstance(series, Strip) else CELL
        face = photo.face
        side = max(PREVIEW_SIZE, round(face.crop.side) if face is not None else 0)
        return min(side, LARGEST, longest or LARGEST)

    def _order(self, series: Series, side: int, photo: Photo) -> Order | None:
        model = self._models.model
        own = self._showing.request_for({}, keep=False, photo=photo)
        requests = [self._showing.request_for(dict(values), photo=photo) for values in series.settings()]
        if photo.image is None or own is None or model is None:
            return None
        made = tuple(request for request in requests if request is not None)
        return Order(series, model.attribute_names, made, own, photo.image.pixels, side)

    # The preview -----------------------------------------------------------------------------------

    def _preview(self, photo: Photo, series: Series | None) -> None:
        if series is None:
            self._previewing.cancel()
            return
        order = self._order(series, PREVIEW_CELL if isinstance(series, Grid) else PREVIEW_SIZE, photo)
        if order is not None and self._dialog is not None:
            self._previewed = series
            self._dialog.flipbook.say(tr("Making the preview…"))
            self._previewing.start(order, lambda pictures, wanted: pictures)

    def _show_preview_progress(self, done: int, total: int) -> None:
        if self._dialog is not None:
            self._dialog.flipbook.say(tr("Making the preview… {done} of {total}", done=done, total=total))

    def _show_preview(self, pictures: list[Pixels] | None, message: str) -> None:
        if self._dialog is None:
            return
        if pictures is None:
            self._dialog.flipbook.say(message)
            return
        series = self._previewed
        times = series.milliseconds() if isinstance(series, Animation) else ()
        self._dialog.flipbook.show_frames([to_qimage(picture) for picture in pictures], times)

    def _forget_dialog(self) -> None:
        self._previewing.cancel()
        self._dialog = None

    # The file --------------------------------------------------------------------------------------

    def _show_progress(self, done: int, total: int) -> None:
        text = (
            tr("Making {name}", name=self._target.name)
            if done < total
            else tr("Writing {name}", name=self._target.name)
        )
        self._window.series_progress.show_progress(text, done, total)

    def _written(self, path: Path | None, message: str) -> None:
        self._window.series_progress.hide()
        self.written.emit(
            path,
            message or tr("Saved {name} in {folder}.", name=self._target.name, folder=self._target.parent),
        )

    def _cancel(self) -> None:
        if self._writing.is_busy:
            self._writing.cancel()
            self._window.series_progress.hide()
            self._window.say(tr("{name} was not written.", name=self._target.name))
