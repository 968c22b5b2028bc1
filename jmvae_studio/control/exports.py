"""Results go out: to files and to the clipboard."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from jmvae_studio.control.showing import Showing
from jmvae_studio.document.saving import FORMATS, SaveError
from jmvae_studio.document.session import Session
from jmvae_studio.exporter import Exporter
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_export
from jmvae_studio.ui.main_window import MainWindow


class Exports(QObject):
    """Exports the photograph or the face, and copies the face."""

    exported = Signal(object)
    """A `Path` that was written."""

    def __init__(
        self,
        session: Session,
        showing: Showing,
        renderer: Renderer,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._showing = session, showing
        self._window, self._settings = window, settings
        self._exporter = Exporter(renderer, self)
        self._exporter.finished.connect(self._finished)
        window.export_asked.connect(lambda: self._ask(whole=True))
        window.export_face_asked.connect(lambda: self._ask(whole=False))
        window.copy_asked.connect(self._copy)

    def close(self) -> None:
        """Finish what is being written; call after the renderer was closed."""
        self._exporter.close()

    def export(self, path: Path, whole: bool = True) -> None:
        """Write the result: the whole photograph with the edit in place, or the face's crop of it."""
        photo, request = self._session.photo, self._showing.preview_request()
        if photo is None or request is None:
            self._window.warn("There is nothing to export yet: open a photograph with a face first.")
            return
        try:
            crop = None if whole else request.face.crop
            assert photo.image is not None  # it is shown
            self._exporter.export(photo.image, self._showing.all_requests(), path, crop)
        except SaveError as error:
            self._window.warn(str(error))
            return
        self._settings.export_folder = str(path.parent)
        self._window.say(f"Exporting {path.name}…", 120)

    def _ask(self, whole: bool) -> None:
        photo = self._session.photo
        if photo is None or self._showing.preview_request() is None:
            return
        source = photo.path
        folder = self._settings.export_folder or str(source.parent if source.is_file() else Path.home())
        ask_export(
            self._window,
            "Export Photograph" if whole else "Export Face",
            folder,
            f"{source.stem} {'edited' if whole else 'face'}.png",
            {suffix: kind for suffix, kind in FORMATS.items() if suffix != ".jpeg"},
            lambda chosen: self.export(chosen, whole),
        )

    def _finished(self, path: Path | None, message: str) -> None:
        self._window.say(message, 12)
        if path is None:
            self._window.warn(message)
        else:
            self.exported.emit(path)

    def _copy(self) -> None:
        if self._showing.edited is not None:
            QGuiApplication.clipboard().setImage(self._showing.edited)
            self._window.say("The edited face is on the clipboard.")
