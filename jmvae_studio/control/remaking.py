"""Pictures that carry their settings: what they were made with, offered for the photograph at hand."""

from __future__ import annotations

from PySide6.QtCore import QObject

from jmvae_studio.control.photographs import Photographs
from jmvae_studio.document.edit import Edit
from jmvae_studio.document.photo import Photo, changes, describe
from jmvae_studio.document.records import PictureSettings, settings_in
from jmvae_studio.document.session import Session
from jmvae_studio.language import tr, trn
from jmvae_studio.ui.main_window import MainWindow


class Remaking(QObject):
    """Says what an opened picture was made with, and applies it on demand."""

    def __init__(
        self, session: Session, photographs: Photographs, window: MainWindow, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._photographs, self._window = session, photographs, window
        self._going: tuple[Photo, PictureSettings] | None = None
        """What is restored once its photograph is shown."""
        photographs.first_opened.connect(self._look)
        session.photo_changed.connect(self._arrive)

    def _look(self, photo: Photo, before: Photo | None) -> None:
        settings = settings_in(photo.image.exif if photo.image is not None else None)
        if settings is None or not settings.faces:
            return
        edit = settings.faces[0].edit.edit()
        asked = ", ".join(changes(edit, 6, 2))
        more = len(edit.values) - 6
        if more > 0:
            asked = trn("{asked} and {count} more", "{asked} and {count} more", more, asked=asked)
        asked = asked or describe(Edit(), edit)  # no value was set
        text = trn(
            "{name} was made here with {asked}.",
            "{name} was made here with {asked} ({count} faces).",
            len(settings.faces),
            name=photo.name,
            asked=asked,
        )
        choices = []
        if before is not None and before in self._session.photos:
            choices.append(
                (tr("Restore on {name}", name=before.name), lambda: self._restore(before, settings))
            )
        self._window.messages.offer(text, choices)

    def _restore(self, photo: Photo, settings: PictureSettings) -> None:
        """Put the faces of the settings in place of a photograph's own, as one undo entry."""
        if photo not in self._session.photos:
            return
        self._photographs.show(photo)
        if self._session.photo is photo:
            self._replace(settings)
        else:
            self._going = (photo, settings)

    def _arrive(self) -> None:
        """The photograph had to be read first; another one that is shown instead ends the wish."""
        going, self._going = self._going, None
        if going is not None and going[0] is self._session.photo:
            self._replace(going[1])

    def _replace(self, settings: PictureSettings) -> None:
        self._session.replace_faces([face.face() for face in settings.faces], tr("restore settings"))
