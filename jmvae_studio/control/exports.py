"""Results go out: to files and to the clipboard."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from jmvae_studio import __version__
from jmvae_studio.control.models import Models
from jmvae_studio.control.series_exports import SeriesExports
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.animations import ANIMATED
from jmvae_studio.document.naming import PatternError, file_name
from jmvae_studio.document.photo import KeptFace, Photo
from jmvae_studio.document.records import FaceRecord, PictureSettings
from jmvae_studio.document.saving import FORMATS, QUALITY_MATTERS, SaveError, Saving
from jmvae_studio.document.session import Session
from jmvae_studio.exporter import Exporter
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import ModelInfo
from jmvae_studio.language import tr
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_export
from jmvae_studio.ui.export_dialog import ExportDialog, Formats, What, Wish
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.overlays import Overlay

_SLOW = 400
"""Milliseconds after which an export shows that it is under way, and can be cancelled."""


class Exports(QObject):
    """Exports the photograph or the face, and copies the face."""

    exported = Signal(object)
    """A `Path` that was written."""

    def __init__(
        self,
        session: Session,
        showing: Showing,
        models: Models,
        renderer: Renderer,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._showing, self._models = session, showing, models
        self._window, self._settings = window, settings
        self.dialog: ExportDialog | None = None
        """The one opened last."""
        self._exporter = Exporter(renderer, self)
        self._exporter.finished.connect(self._finished)
        self._exporter.stopped.connect(self._stopped)
        window.progress.cancelled.connect(self._exporter.cancel)
        self._slow = QTimer(self, interval=_SLOW, singleShot=True)
        self._slow.timeout.connect(self._show_progress)
        self._series = SeriesExports(showing, models, renderer, window, self)
        self._series.written.connect(self._finished)
        window.export_asked.connect(lambda: self._ask("photograph"))
        window.export_face_asked.connect(lambda: self._ask("face"))
        window.copy_asked.connect(self._copy)

    def close(self) -> None:
        """Finish what is being written; call after the renderer was closed."""
        self._exporter.close()
        self._series.close()

    def export(
        self, path: Path, whole: bool = True, wish: Wish | None = None, photo: Photo | None = None
    ) -> None:
        """Write the result: the whole photograph with the edit in place, or the face's crop of it.

        Args:
            path: The target.
            whole: Whether it is the whole photograph.
            wish: How it is written.
            photo: By default the shown one.
        """
        photo = photo or self._session.photo
        request = self._showing.preview_request(photo)
        if photo is None or photo.image is None or request is None:
            self._warn_of_nothing(photo)
            return
        if self._showing.is_reading(photo):
            self._window.warn(
                tr("The model is still looking at the other faces: export it again in a moment.")
            )
            return
        saving = None
        if wish is not None:
            settings = self._settings_of(photo) if wish.settings else None
            saving = Saving(wish.quality, wish.longest, wish.keep_exif, settings)
        try:
            crop = None if whole else request.face.crop
            requests, beside = self._showing.all_requests(photo), wish is not None and wish.beside
            self._exporter.export(photo.image, requests, path, crop, saving, beside)
        except SaveError as error:
            self._window.warn(str(error))
            return
        self._settings.export_folder = str(path.parent)
        self._window.say(tr("Exporting {name}…", name=path.name), 120)
        self._slow.start()

    def _warn_of_nothing(self, photo: Photo | None) -> None:
        reading = photo is not None and bool(photo.faces)
        self._window.warn(
            tr("The model is still looking at this face: export it again in a moment.")
            if reading
            else tr("There is nothing to export yet: open a photograph with a face first.")
        )

    def _settings_of(self, photo: Photo) -> PictureSettings:
        model = self._models.model
        # As kept faces: where they are restored, they do not merely come in their mode.
        faces = [FaceRecord.of(KeptFace.of(face)) for face in photo.faces if not face.edit.is_empty]
        return PictureSettings(version=__version__, model=model.digest if model else "", faces=faces)

    def _ask(self, what: What) -> None:
        self._session.end_gesture()
        photo, shown, face = self._session.photo, self._showing.for_export(), self._session.face
        if photo is None or shown is None or face is None or self._showing.preview_request() is None:
            self._warn_of_nothing(photo)
            return
        kept = self._settings
        wish = Wish(
            what=what,
            beside=False,
            suffix=kept.export_format,
            quality=kept.export_quality,
            longest=0,
            keep_exif=kept.export_exif,
            settings=kept.export_settings,
            name=kept.export_name,
        )
        kinds = {suffix: kind for suffix, kind in FORMATS.items() if suffix not in (".jpeg", ".tiff")}
        lossy = (*QUALITY_MATTERS, ANIMATED[".webp"])
        formats = Formats(kinds, ANIMATED, lossy, kept.export_animation)
        changeable = self._series.changeable(face.edit)
        self.dialog = dialog = ExportDialog(self._window, formats, wish, shown, changeable)
        # Another photograph may arrive meanwhile: the one that the dialog shows is exported.
        self._series.follow(dialog, photo)
        self._follow_edit(dialog, photo)
        dialog.wished.connect(partial(self._ask_where, photo))
        dialog.open()

    def _follow_edit(self, dialog: ExportDialog, photo: Photo) -> None:
        """The preview of what was asked last may come when the dialog is open already; other faces close it."""
        faces, current = [face.crop for face in photo.faces], photo.current

        def show(shown: Photo | None, edited: Mapping[int, Overlay]) -> None:
            if shown is not photo:
                return
            if ([face.crop for face in photo.faces], photo.current) == (faces, current):
                dialog.show_edited(edited)
            else:
                close()

        def follow(model: ModelInfo, renewed: bool) -> None:
            if not renewed:
                close()

        def close() -> None:
            dialog.reject()
            self._window.warn(
                tr(
                    "Other faces or another model came for {name}: look at them, then export.",
                    name=photo.name,
                )
            )

        self._showing.laid.connect(show)
        self._models.changed.connect(follow)
        dialog.finished.connect(lambda: self._showing.laid.disconnect(show))
        dialog.finished.connect(lambda: self._models.changed.disconnect(follow))

    def _ask_where(self, photo: Photo, wish: Wish) -> None:
        kept, face = self._settings, photo.face
        if face is None:
            return
        if wish.what == "animation":
            kept.export_animation, kinds = wish.suffix, {wish.suffix: ANIMATED[wish.suffix]}
        else:
            kept.export_format, kinds = wish.suffix, {wish.suffix: FORMATS[wish.suffix]}
        kept.export_quality, kept.export_name = wish.quality, wish.name
        kept.export_exif, kept.export_settings = wish.keep_exif, wish.settings
        folder = kept.export_folder or str(photo.path.parent if photo.path.is_file() else Path.home())
        what = {"photograph": "edited"}.get(wish.what, wish.what)
        if wish.beside and wish.series is None:
            what = "before and after"
        values = dict(face.edit.values)
        if wish.series is not None:
            values = {name: values.get(name, 0.0) for name in wish.series.names}
        try:
            name = file_name(wish.name, photo.path.stem, what, values.items(), Path(folder))
        except PatternError as error:
            self._window.messages.offer(str(error), [])
            return
        ask_export(
            self._window,
            tr("Export"),
            folder,
            f"{name}{wish.suffix}",
            kinds,
            partial(self._export_wished, photo, wish),
        )

    def _export_wished(self, photo: Photo, wish: Wish, path: Path) -> None:
        lacks = photo.image is None or self._showing.preview_request(photo) is None
        lacks |= wish.series is None and self._showing.is_reading(photo)
        if photo not in self._session.photos or (lacks and photo is not self._session.photo):
            self._window.warn(
                tr(
                    "{name} is no longer shown and was not exported: show it again, then export.",
                    name=photo.name,
                )
            )
        elif wish.series is not None:
            self._export_series(photo, wish, path)
        else:
            self.export(path, wish.whole, wish, photo)

    def _export_series(self, photo: Photo, wish: Wish, path: Path) -> None:
        try:
            self._series.export(path, wish, photo)
        except SaveError as error:
            self._window.messages.offer(str(error), [])
            return
        self._settings.export_folder = str(path.parent)

    def _show_progress(self) -> None:
        if self._exporter.is_busy:
            self._window.progress.show_busy(tr("Exporting"))

    def _hide_progress(self) -> None:
        if not self._exporter.is_busy:
            self._slow.stop()
            self._window.progress.hide()

    def _stopped(self, message: str) -> None:
        self._hide_progress()
        self._window.say(message, 12)

    def _finished(self, path: Path | None, message: str) -> None:
        self._hide_progress()
        self._window.say(message, 12)
        if path is None:
            self._window.warn(message)
        else:
            self.exported.emit(path)

    def _copy(self) -> None:
        if self._showing.edited is not None:
            QGuiApplication.clipboard().setImage(self._showing.edited)
            self._window.say(tr("The edited face is on the clipboard."))
