"""Photographs come in, from files, the clipboard and other programs, and wait in the filmstrip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, QTimer, Signal
from PySide6.QtGui import QImage, QPixmap

from jmvae_studio.document.opening import Opened, Opener, small_copy
from jmvae_studio.document.photo import Photo
from jmvae_studio.document.presets import SUFFIX as PRESET_SUFFIX
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import SUFFIX as SESSION_SUFFIX
from jmvae_studio.language import tr, trn
from jmvae_studio.resources import samples
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_folder, ask_photographs
from jmvae_studio.ui.filmstrip import Frame
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.main_window import MainWindow
from trainer.data.images import IMAGE_SUFFIXES, list_images
from trainer.errors import ImageError


class Photographs(QObject):
    """Opens photographs, finds faces in them, and goes from one to the next."""

    model_given = Signal(Path)
    """A model was given in place of a photograph."""
    preset_given = Signal(Path)
    """A preset was dropped."""
    session_given = Signal(Path)
    """A session's file was dropped."""
    first_opened = Signal(object, object)
    """A `Photo` was read for the first time, and the one that was shown before it."""
    failed = Signal(str)
    closed = Signal(object)
    """A `Photo` left the filmstrip."""

    def __init__(
        self, session: Session, window: MainWindow, settings: Settings, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._window, self._settings = session, window, settings
        self.opener = Opener(self)
        self.notice = ""
        """What was said of the photograph, for a model that becomes ready later."""
        self._reading = False
        """A photograph that is to be shown is being read."""
        self._farewell = ""
        """What was said of one that was closed meanwhile: it stays in sight when that photograph is open."""
        self._pixmaps: dict[int, QPixmap] = {}
        # A folder brings many small pictures: the strip is filled once for all that came together.
        self._strip_due = QTimer(self, interval=0, singleShot=True)
        self._strip_due.timeout.connect(self._show_strip)
        session.photos_changed.connect(self._strip_due.start)
        self.opener.opened.connect(self._opened)
        self.opener.found_again.connect(self._found_again)
        self.opener.failed.connect(self._open_failed)
        self.opener.thumbnail_ready.connect(self._thumbnail_ready)
        window.photo_view.face_clicked.connect(session.choose_face)
        window.photo_view.crop_drawn.connect(session.add_crop)
        window.open_asked.connect(self._ask)
        window.open_folder_asked.connect(self._ask_folder)
        window.paths_dropped.connect(self.open_paths)
        window.data_pasted.connect(self._take_data)
        window.recent_file_chosen.connect(self.open_path)
        window.sample_chosen.connect(self.open_path)
        window.remove_face_asked.connect(session.remove_face)
        window.find_faces_asked.connect(self._find_again)
        window.draw_crop_toggled.connect(window.photo_view.set_drawing)
        window.step_asked.connect(self._step)
        window.close_photo_asked.connect(self._close_shown)
        window.reopen_asked.connect(self._reopen)
        window.filmstrip.chosen.connect(self._choose)
        window.filmstrip.close_asked.connect(self._close_number)
        window.filmstrip_wanted.connect(self._want_strip)

    def start(self, paths: Sequence[Path]) -> None:
        """Open the photographs of the command line, or a generated face."""
        if paths:
            self.open_paths(paths)
        elif samples():
            self._read(samples()[0])

    def close(self) -> None:
        """End the opener's threads."""
        self.opener.close()

    def open_path(self, path: Path) -> None:
        """Open a photograph; a model file is opened as a model."""
        self.open_paths([path])

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open photographs and folders of them: the first one is shown, the others wait in the filmstrip."""
        files: list[Path] = []
        for path in paths:
            if path.suffix == ".safetensors":
                self.model_given.emit(path)
            elif path.suffix == SESSION_SUFFIX:
                self.session_given.emit(path)
            elif path.suffix == PRESET_SUFFIX:
                self.preset_given.emit(path)
            elif len(paths) == 1 and not path.is_dir():
                files.append(path)  # whatever it is, the user is told
            else:
                files += self._pictures_in(path)
        new = [path.absolute() for path in files]
        known = {photo.path for photo in self._session.photos}  # a folder may bring thousands
        for path in new:
            if len(new) > 1 and path not in known:
                known.add(path)
                self._session.add(path)
                self.opener.thumbnail(path)
        if new:
            photo = self._session.find(new[0])
            if photo is not None:
                self.show(photo)
            else:
                self._window.say(tr("Opening {name}…", name=new[0].name), 60)
                self._read(new[0])

    def show(self, photo: Photo) -> None:
        """Show an open photograph, reading its file if its pixels are not in memory."""
        if photo is self._session.photo:
            if self._reading:  # another one was wished for meanwhile
                self._supersede()
                self._window.say(tr("{name} is shown.", name=photo.name), 4)
            self._follow_model()  # a model or a session may have come meanwhile
            return
        if photo.image is not None:
            self._supersede()
            self.notice = tr("{name} is shown.", name=photo.name)
            self._session.show(photo)
            self._window.draw_crop.setChecked(not photo.faces)
            self._window.say(self.notice, 4)
            self._follow_model()
        else:
            self._window.say(tr("Opening {name}…", name=photo.name), 60)
            self._read(photo.path, photo)

    def _supersede(self) -> None:
        """No photograph that is still being read takes the window away from the one wished for now."""
        self.opener.supersede()
        self._end_reading()

    def _end_reading(self) -> str:
        """Nothing is being read any more.

        Returns:
            What was said meanwhile of a photograph that was closed, or nothing.
        """
        farewell, self._reading, self._farewell = self._farewell, False, ""
        return farewell

    def close_photo(self, photo: Photo) -> None:
        """Take a photograph out of the filmstrip; its edits can be brought back."""
        following = self._session.neighbour(1, photo) or self._session.neighbour(-1, photo)
        shown = photo is self._session.photo
        self._session.remove(photo)
        edited = photo.is_edited
        self.closed.emit(photo)
        if shown and following is not None:
            self.show(following)
        told = (
            tr("{name} was closed; Ctrl+Shift+T brings it back with its edits.", name=photo.name)
            if edited
            else tr("{name} was closed; Ctrl+Shift+T brings it back.", name=photo.name)
        )
        self._window.say(told, 12)
        self._farewell = told if self._reading else ""

    def _pictures_in(self, path: Path) -> list[Path]:
        try:
            if not path.is_dir():
                return [path]
            inside = list_images(path)
        except ImageError as error:
            self.failed.emit(str(error))
            return []
        except OSError as error:
            self.failed.emit(
                tr("The folder {name} cannot be read: {reason}.", name=path.name, reason=error.strerror)
            )
            return []
        if not inside:
            self.failed.emit(tr("There are no pictures in the folder {name}.", name=path.name))
        return inside

    def _ask(self) -> None:
        self.open_paths(ask_photographs(self._window, self._last_folder(), IMAGE_SUFFIXES))

    def _ask_folder(self) -> None:
        folder = ask_folder(self._window, tr("Open a Folder of Photographs"), self._last_folder())
        if folder is not None:
            self.open_paths([folder])

    def _last_folder(self) -> Path:
        return Path(self._settings.recent_files[0] if self._settings.recent_files else "").parent

    def _take_data(self, data: QMimeData) -> None:
        """A picture from the clipboard or dropped from another program."""
        image = data.imageData()
        if isinstance(image, QImage) and not image.isNull():
            self._reading = True
            self.opener.open_image(image, tr("Pasted picture"))
        elif data.hasUrls():
            self._window.say(
                tr("This is a link and no picture: save the picture as a file, then open that."), 12
            )
        else:
            self._window.say(tr("There is no picture on the clipboard."))

    def _read(self, path: Path, photo: Photo | None = None) -> None:
        self._reading = True
        self.opener.open(path, photo, search=photo is None or not photo.searched)

    def _opened(self, opened: Opened) -> None:
        farewell = self._end_reading()
        path = Path(opened.image.path)
        if path.is_file() and path not in samples():
            self._settings.remember_file(path.absolute())
            self._window.show_recent(self._settings.recent_files, self._settings.recent_models)
        wished = opened.wish if isinstance(opened.wish, Photo) else None
        if wished is not None and wished not in self._session.photos:
            self._follow_model()
            return  # closed while it was read
        known = wished is not None and wished.searched
        before = self._session.photo
        photo = self._session.open(opened.image, opened.faces, opened.display, wished, opened.whole)
        self._session.set_thumbnail(photo, small_copy(opened.display))
        self._window.draw_crop.setChecked(not photo.faces)
        notes = list(opened.image.notes)
        if not photo.faces:
            notes.append(tr("No face was found. Drag a square around the face on the photograph."))
        elif len(photo.faces) > 1 and not known:
            count = len(photo.faces)
            notes.append(
                trn(
                    "{count} face was found: click the one to edit.",
                    "{count} faces were found: click the one to edit.",
                    count,
                )
            )
        self.notice = " ".join([tr("{name} is open.", name=path.name), *notes])
        self._window.say(f"{farewell} {self.notice}".lstrip(), 12)
        if not known:
            self.first_opened.emit(photo, before)
        self._follow_model()

    def _open_failed(self, message: str, wish: object) -> None:
        was_reading = self._reading
        self._end_reading()
        failed = wish if isinstance(wish, Photo) and wish in self._session.photos else None
        if failed is None:
            following = next(iter(self._session.photos), None)
        elif failed.searched:
            # Only onwards: those before it may have failed too.
            following = self._session.neighbour(1, failed)
        else:
            following = self._session.neighbour(1, failed) or self._session.neighbour(-1, failed)
            self._session.remove(failed)  # it never was a photograph
            self._session.closed.remove(failed)
        self._strip_due.start()
        self.failed.emit(message)
        if self._session.photo is None and following is not None:
            self.show(following)
        elif was_reading:  # else the search for faces failed, and would fail again
            self._follow_model()

    def take_whole(self, whole: bool) -> None:
        """Follow the model: it sees whole pictures, or faces in them; each kind has faces and edits of its own."""
        self.opener.whole = whole
        self._follow_model()

    def _follow_model(self) -> None:
        if not self._reading and not self._session.follow_model(self.opener.whole):
            self._find_again()

    def _find_again(self) -> None:
        photo = self._session.photo
        if photo is not None and photo.image is not None and not self._reading:
            self.opener.find_again(photo.image)

    def _found_again(self, opened: Opened) -> None:
        photo = self._session.photo
        if photo is not None and opened.whole != photo.whole:
            self._session.take_faces(opened.image, opened.faces, opened.whole)
            self._window.draw_crop.setChecked(not photo.faces)
            if photo.whole:  # what was said of its faces is of no use
                self.notice = tr("{name} is open. This model takes the whole picture.", name=photo.path.name)
                self._window.say(self.notice, 12)
            self._follow_model()
            return
        added = self._session.add_faces(opened.image, opened.faces)
        self._window.say(
            trn("{count} more face was found.", "{count} more faces were found.", added)
            if added
            else tr("No other face was found.")
        )

    # The filmstrip -------------------------------------------------------------------------------

    def _step(self, step: int) -> None:
        photo = self._session.neighbour(step)
        if photo is not None:
            self.show(photo)

    def _choose(self, number: int) -> None:
        photo = self._numbered(number)
        if photo is not None:
            self.show(photo)

    def _close_shown(self) -> None:
        if self._session.photo is not None:
            self.close_photo(self._session.photo)

    def _close_number(self, number: int) -> None:
        photo = self._numbered(number)
        if photo is not None:
            self.close_photo(photo)

    def _reopen(self) -> None:
        before = set(self._session.photos)
        photo = self._session.reopen()
        for replaced in before.difference(self._session.photos):
            self.closed.emit(replaced)
        if photo is not None:
            self.show(photo)
        elif self._session.closed:
            name = self._session.closed[-1].name
            self._window.say(tr("{name} is open already and stays as it is.", name=name), 4)

    def _numbered(self, number: int) -> Photo | None:
        return next((photo for photo in self._session.photos if photo.number == number), None)

    def _thumbnail_ready(self, path: Path, pixels: object) -> None:
        photo = self._session.find(path)
        if photo is not None and pixels is not None:
            self._session.set_thumbnail(photo, pixels)  # type: ignore[arg-type]

    def _want_strip(self, wanted: bool) -> None:
        self._settings.filmstrip = wanted
        self._show_strip()

    def _show_strip(self) -> None:
        session = self._session
        frames = []
        for photo in session.photos:
            pixmap = self._pixmaps.get(photo.number)
            if pixmap is None and photo.thumbnail is not None:
                pixmap = self._pixmaps[photo.number] = QPixmap.fromImage(to_qimage(photo.thumbnail))
            frames.append(Frame(photo.number, photo.name, photo.is_edited, pixmap))
        self._window.filmstrip.show_frames(frames, session.photo.number if session.photo else None)
        self._window.show_filmstrip(self._settings.filmstrip and len(frames) > 1)
        forward, back = session.neighbour(1), session.neighbour(-1)
        self._window.set_strip_actions(back is not None, forward is not None, bool(session.closed))
