"""Photographs come in: from files, the clipboard and other programs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QImage

from jmvae_studio.document.opening import Opened, Opener
from jmvae_studio.document.session import Session
from jmvae_studio.resources import samples
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_photograph
from jmvae_studio.ui.main_window import MainWindow
from trainer.data.images import IMAGE_SUFFIXES


class Photographs(QObject):
    """Opens photographs and finds faces in them."""

    model_given = Signal(Path)
    """A model was given in place of a photograph."""
    failed = Signal(str)

    def __init__(
        self, session: Session, window: MainWindow, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._window, self._settings = session, window, settings
        self.opener = Opener(self)
        self.notice = ""
        """What was said of the photograph, for a model that becomes ready later."""
        self.opener.opened.connect(self._opened)
        self.opener.found_again.connect(self._found_again)
        self.opener.failed.connect(self.failed)
        window.photo_view.face_clicked.connect(session.choose_face)
        window.photo_view.crop_drawn.connect(session.add_crop)
        window.open_asked.connect(self._ask)
        window.paths_dropped.connect(lambda paths: self.open_path(paths[0]))
        window.data_pasted.connect(self._take_data)
        window.recent_file_chosen.connect(self.open_path)
        window.sample_chosen.connect(self.open_path)
        window.remove_face_asked.connect(session.remove_face)
        window.find_faces_asked.connect(self._find_again)
        window.draw_crop_toggled.connect(window.photo_view.set_drawing)

    def start(self, paths: list[Path]) -> None:
        """Open the photograph of the command line, or a generated face."""
        if paths:
            self.open_path(paths[0])
        elif samples():
            self.opener.open(samples()[0])

    def close(self) -> None:
        """End the opener's thread."""
        self.opener.close()

    def open_path(self, path: Path) -> None:
        """Open a photograph; a model file is opened as a model."""
        if path.suffix == ".safetensors":
            self.model_given.emit(path)
            return
        self._window.say(f"Opening {path.name}…", 60)
        self.opener.open(path)

    def _ask(self) -> None:
        start = self._settings.recent_files[0] if self._settings.recent_files else ""
        path = ask_photograph(self._window, Path(start).parent, IMAGE_SUFFIXES)
        if path is not None:
            self.open_path(path)

    def _take_data(self, data: QMimeData) -> None:
        """A picture from the clipboard or dropped from another program."""
        image = data.imageData()
        if isinstance(image, QImage) and not image.isNull():
            self.opener.open_image(image, "Pasted picture")
        else:
            self._window.say("There is no picture on the clipboard.")

    def _opened(self, opened: Opened) -> None:
        path = Path(opened.image.path)
        if path.is_file() and path not in samples():
            self._settings.remember_file(path.absolute())
            self._window.show_recent(self._settings.recent_files, self._settings.recent_models)
        self._session.open(opened.image, opened.faces, opened.display)
        self._window.draw_crop.setChecked(not opened.faces)
        notes = list(opened.image.notes)
        if not opened.faces:
            notes.append("No face was found. Drag a square around the face on the photograph.")
        elif len(opened.faces) > 1:
            notes.append(f"{len(opened.faces)} faces were found: click the one to edit.")
        self.notice = " ".join([f"{path.name} is open.", *notes])
        self._window.say(self.notice, 12)

    def _find_again(self) -> None:
        photo = self._session.photo
        if photo is not None:
            self.opener.find_again(photo.image)

    def _found_again(self, opened: Opened) -> None:
        added = self._session.add_faces(opened.image, opened.faces)
        self._window.say(f"{added} more faces were found." if added else "No other face was found.")
