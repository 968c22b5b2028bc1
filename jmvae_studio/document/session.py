"""The session: open photographs, their faces, each face's edit, and what can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoGroup, QUndoStack

from jmvae_studio.document.edit import Edit, Mode, State
from jmvae_studio.document.photo import (
    FaceState,
    Photo,
    Pixels,
    StepCommand,
    Told,
    Version,
    describe,
    overlap,
)
from jmvae_studio.language import tr
from trainer.data.face_crop import FaceCrop
from trainer.data.face_detection import Face
from trainer.data.images import OpenedImage

KEPT_CLOSED = 20
"""Photographs that can be brought back after they were closed."""

T = TypeVar("T")

_NO_STACK = cast(QUndoStack, None)
"""Qt takes a null stack for "none is active"; its Python annotations do not say so."""


class Session(QObject):
    """Holds the state that the user works on; the only place that changes it."""

    photos_changed = Signal()
    """Which photographs are open, or what the filmstrip shows of them."""
    photo_changed = Signal()
    """Another photograph is shown, or none."""
    faces_changed = Signal()
    """The faces of the photograph, or which one is current."""
    crop_changed = Signal()
    """The square of the current face."""
    told_changed = Signal()
    """What the user says is true of the current face."""
    inferred_changed = Signal()
    """The model has looked at the current face."""
    edit_changed = Signal()
    """The current face's edit."""
    gesture_ending = Signal()
    """What is under way counts now, as before another photograph is shown: also a number that is being typed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photos: list[Photo] = []
        self.photo: Photo | None = None
        self.closed: list[Photo] = []
        """The last one closed comes last."""
        self.undo_group = QUndoGroup(self)
        self.mode: Mode = "latent"
        """Of faces that come new; see `_new_face`."""
        self._kept_bytes = 600_000_000
        self._gesture: Edit | FaceCrop | None = None
        self._ended: QUndoCommand | None = None
        """The step of the gesture that ended last, if it made one."""
        self._shown: list[Photo] = []
        """In the order in which they were last shown."""
        self._opened = 0

    @property
    def face(self) -> FaceState | None:
        """The face being edited."""
        return self.photo.face if self.photo else None

    @property
    def moves_crop(self) -> bool:
        """Whether the current face's square is being dragged."""
        return isinstance(self._gesture, FaceCrop)

    def set_memory(self, kept: int) -> None:
        """How many bytes of pixels stay in memory of photographs that are not shown; the oldest go first."""
        self._kept_bytes = kept
        self._trim()

    # Photographs ---------------------------------------------------------------------------------

    def add(self, path: Path) -> Photo:
        """Put a photograph into the filmstrip without opening it."""
        self._opened += 1
        photo = Photo(path, self._opened, self._new_stack())
        self.photos.append(photo)
        self.photos_changed.emit()
        return photo

    def find(self, path: Path) -> Photo | None:
        """The open photograph of a file."""
        return next((photo for photo in self.photos if photo.path == path), None)

    def open(
        self,
        image: OpenedImage,
        faces: Sequence[Face],
        display: Pixels | None = None,
        photo: Photo | None = None,
        whole: bool = False,
    ) -> Photo:
        """Show a photograph whose pixels have been read, with the faces found in it.

        Args:
            image: The picture.
            faces: What was found; a photograph that was searched before keeps its own.
            display: A copy for the screen; the picture itself by default.
            photo: An entry of the filmstrip that waits for these pixels; None adds one.
            whole: Whether ``faces`` is the whole picture, for a model that sees no faces.
        """
        photo = photo or self.add(Path(image.path))
        photo.image, photo.display = image, image.pixels if display is None else display
        if not photo.searched:
            photo.faces = self._new_faces(faces)
            photo.searched, photo.whole = True, whole
        self.show(photo)
        return photo

    def show(self, photo: Photo) -> None:
        """Show an open photograph whose pixels are in memory."""
        self.end_gesture()
        self.photo = photo
        self._shown = [*(other for other in self._shown if other is not photo), photo]
        self._trim()
        self.undo_group.setActiveStack(photo.stack)
        self.photo_changed.emit()
        self.faces_changed.emit()
        self.photos_changed.emit()

    def neighbour(self, step: int, photo: Photo | None = None) -> Photo | None:
        """The photograph ``step`` places after the shown one in the filmstrip, None at its ends."""
        photo = photo or self.photo
        if photo not in self.photos:
            return None
        index = self.photos.index(photo) + step
        return self.photos[index] if 0 <= index < len(self.photos) else None

    def remove(self, photo: Photo) -> None:
        """Close a photograph; `reopen` brings it back with its edits and its history."""
        self.end_gesture()
        self.photos.remove(photo)
        self._shown = [other for other in self._shown if other is not photo]
        self.closed.append(photo)
        for forgotten in self.closed[:-KEPT_CLOSED]:
            self._forget_photo(forgotten)
        if photo is self.photo:
            self.photo = None
            self.undo_group.setActiveStack(_NO_STACK)
            self.photo_changed.emit()
            self.faces_changed.emit()
        self._trim()
        self.photos_changed.emit()

    def reopen(self) -> Photo | None:
        """Bring the photograph closed last back into the filmstrip, in place of the same file opened anew.

        A file that was opened anew and has work in it stays, and the closed photograph stays closed.
        """
        for photo in reversed(self.closed):
            # Pictures from the clipboard share a name and no file.
            anew = self.find(photo.path) if photo.path.is_absolute() else None
            if anew is None or not anew.has_work:
                break
        else:
            return None
        self.closed.remove(photo)
        place = len(self.photos)
        if anew is not None:
            place = self.photos.index(anew)
            self.remove(anew)
            self._forget_photo(anew)
        self.photos.insert(place, photo)
        self.photos_changed.emit()
        return photo

    def set_thumbnail(self, photo: Photo, thumbnail: Pixels) -> None:
        """Give a photograph its small copy for the filmstrip."""
        photo.thumbnail = thumbnail
        self.photos_changed.emit()

    def put_faces(
        self,
        photo: Photo,
        faces: Sequence[FaceState],
        current: int,
        searched: bool,
        whole: bool,
        versions: Sequence[Version] = (),
        aside: tuple[Sequence[FaceState], int] | None = None,
    ) -> None:
        """Give a photograph the faces, edits and versions of a saved session; its history begins anew.

        Args:
            photo: Of the filmstrip.
            faces: For models of the kind that ``whole`` says.
            current: Index of the one being edited.
            searched: Whether faces have been looked for.
            whole: Whether ``faces`` are for models that see whole pictures.
            versions: What was kept under names.
            aside: Faces and the current one for models of the other kind.
        """
        if photo is self.photo:
            self.end_gesture()
        photo.faces, photo.searched, photo.whole = list(faces), searched, whole
        photo.versions = {version.name: version for version in versions}
        photo.current = min(current, max(0, len(photo.faces) - 1))
        photo.stack.clear()  # its steps are of faces that are gone
        if photo.aside is not None:
            self._forget(photo.aside[2])
        photo.aside = None if aside is None else (list(aside[0]), aside[1], self._new_stack())
        self.photos_changed.emit()
        if photo is self.photo:
            self.faces_changed.emit()

    # Faces ---------------------------------------------------------------------------------------

    def choose_face(self, index: int) -> None:
        """Edit another face of the photograph."""
        if self.photo is not None and 0 <= index < len(self.photo.faces) and index != self.photo.current:
            self.end_gesture()
            self.photo.current = index
            self.faces_changed.emit()

    def add_crop(self, crop: FaceCrop) -> None:
        """Add a face marked by hand and edit it."""
        if self.photo is not None:
            faces = [*self.photo.faces, self._new_face(crop)]
            self.change_faces(faces, len(faces) - 1, tr("mark a face"))

    def remove_face(self) -> None:
        """Dismiss the current face, for instance one that is none."""
        if self.photo is not None and self.photo.faces:
            current = self.photo.current
            faces = [face for index, face in enumerate(self.photo.faces) if index != current]
            self.change_faces(faces, max(0, min(current, len(faces) - 1)), tr("dismiss a face"))

    def add_faces(self, image: OpenedImage, faces: Sequence[Face]) -> int:
        """Add the faces of ``image`` that are not among the photograph's yet; all edits stay. Returns how many."""
        if self.photo is None or self.photo.image is not image:
            return 0
        new = [
            face for face in faces if not any(overlap(face.crop, known.crop) for known in self.photo.faces)
        ]
        if new:
            states = [*self.photo.faces, *(self._new_face(face.crop, face.box, True) for face in new)]
            self.change_faces(states, self.photo.current, tr("find faces"))
        return len(new)

    def follow_model(self, whole: bool) -> bool:
        """Show the faces, edits and history that the photograph has for models of this kind.

        Args:
            whole: Whether the model sees whole pictures.

        Returns:
            False if there are none yet: `take_faces` brings them.
        """
        photo = self.photo
        if photo is None or photo.whole == whole:
            return True
        if photo.aside is None:
            return False
        self._swap(photo, *photo.aside)
        return True

    def take_faces(self, image: OpenedImage, faces: Sequence[Face], whole: bool) -> None:
        """Show what was found in ``image`` for models of another kind; the faces so far are set aside."""
        photo = self.photo
        if photo is not None and photo.image is image and photo.whole != whole:
            self._swap(photo, self._new_faces(faces), 0, self._new_stack())

    def replace_faces(self, faces: Sequence[FaceState], name: str) -> None:
        """Put these faces, with their edits, in place of those they cover; the others stay."""
        if self.photo is not None and faces:
            others = [
                known
                for known in self.photo.faces
                if not any(overlap(face.crop, known.crop) for face in faces)
            ]
            self.change_faces([*faces, *others], 0, name)

    def set_inferred(self, face: FaceState, reader: str, inferred: Mapping[str, float]) -> None:
        """Keep what the model with the digest ``reader`` read from ``face``."""
        face.inferred, face.reader = inferred, reader
        if face is self.face:
            self.inferred_changed.emit()

    def preview_crop(self, crop: FaceCrop) -> None:
        """Move the current face's square as part of a gesture under way; `end_gesture` makes it one undo entry."""
        face = self.face
        if face is not None and not isinstance(self._gesture, Edit):
            self._begin(face.crop)
            self._apply_crop(face, crop)

    # Edits ---------------------------------------------------------------------------------------

    def preview_value(self, name: str, value: float | None) -> None:
        """Change an attribute as part of a gesture under way (a drag); `end_gesture` makes it one undo entry."""
        face = self.face
        if face is not None:
            self.preview_edit(face.edit.with_value(name, value))

    def preview_edit(self, edit: Edit) -> None:
        """Change the edit as part of a gesture under way; `end_gesture` makes it one undo entry."""
        face = self.face
        if face is None or isinstance(self._gesture, FaceCrop):
            return
        self._begin(face.edit)
        self._apply(face, edit)

    def end_gesture(self) -> None:
        """Make the gesture under way one undo entry."""
        self.gesture_ending.emit()
        before, self._gesture, self._ended = self._gesture, None, None
        face, photo = self.face, self.photo
        if before is None or face is None or photo is None:
            return
        self.undo_group.setActiveStack(photo.stack)
        if isinstance(before, FaceCrop):
            if before != face.crop:
                self.push(partial(self._apply_crop, face), before, face.crop, tr("move the face's square"))
        elif before != face.edit:
            name = describe(before, face.edit)
            self._ended = self.push(partial(self._apply, face), before, face.edit, name)

    def withdraw_gesture(self) -> None:
        """Go back to before the gesture that ended last and forget its step, as the first click of two."""
        step, self._ended = self._ended, None
        stack = self.photo.stack if self.photo is not None else None
        if step is not None and stack is not None and stack.command(stack.index() - 1) is step:
            step.undo()
            step.setObsolete(True)  # then the stack drops it in place of undoing it
            stack.undo()

    def reset(self) -> None:
        """Give every attribute that is not locked back to the model, as one undo entry."""
        self.change(Edit.cleared, tr("reset all"))

    @property
    def shown_mode(self) -> Mode:
        """How the edit that is shown reaches the photograph; without a face, how new ones do."""
        return self.mode if self.face is None else self.face.edit.mode

    def set_mode(self, mode: Mode) -> None:
        """Choose how edits reach the photograph, as one undo entry; faces that come new follow."""
        self.mode = mode
        self.change(lambda edit: edit.with_mode(mode))

    def set_state(self, name: str, state: State, followed: float | None = None) -> None:
        """Lock an attribute where it stands, let it follow the model, or hold it, as one undo entry.

        Args:
            name: The attribute.
            state: What it is to be.
            followed: Where it stands if it has followed others there.
        """
        face = self.face
        if face is None:
            return
        read = face.inferred.get(name, 0.0)
        value = dict(face.edit.values).get(name, read if followed is None else followed)

        def make(edit: Edit) -> Edit:
            changed = edit.with_state(name, state, value)
            # Locked where it was read and held again, it is as it was before.
            return changed.with_value(name, None) if state == "held" and value == read else changed

        self.change(make)

    def change(self, make: Callable[[Edit], Edit], name: str = "") -> None:
        """Change the current face's edit as one undo entry, with a name of its own or described."""
        self.end_gesture()
        face, photo = self.face, self.photo
        if face is None or photo is None:
            return
        before, after = face.edit, make(face.edit)
        if after != before:
            self.push(partial(self._apply, face), before, after, name or describe(before, after))

    def tell(self, told: Mapping[str, float], name: str) -> None:
        """Let these attributes of the current face be read as the user says, and no others, as one undo entry."""
        self.end_gesture()
        face, after = self.face, tuple(sorted(told.items()))
        if face is not None and after != face.told:
            self.push(partial(self._apply_told, face), face.told, after, name)

    def change_faces(self, faces: Sequence[FaceState], current: int, name: str) -> None:
        """Put these faces, with their edits, in place of the photograph's, as one undo entry."""
        self.end_gesture()
        if self.photo is not None:
            before = (tuple(self.photo.faces), self.photo.current)
            self.push(self._apply_faces, before, (tuple(faces), current), name)

    def push(
        self, apply: Callable[[T], None], before: T, after: T, name: str, photo: Photo | None = None
    ) -> QUndoCommand:
        """Add a step to the history of a photograph, by default the shown one (only its history is active).

        Returns:
            The step.
        """
        photo = photo or self.photo
        assert photo is not None
        step = StepCommand(apply, before, after, name)
        photo.stack.push(step)
        return step

    # How changes are made ------------------------------------------------------------------------

    def _begin(self, before: Edit | FaceCrop) -> None:
        if self._gesture is None:
            self._gesture = before
            self.undo_group.setActiveStack(_NO_STACK)  # no undo in the middle of a drag

    def _apply(self, face: FaceState, edit: Edit) -> None:
        if edit != face.edit:
            face.edit = edit
            self._bring_forward(face)
            self.edit_changed.emit()

    def _apply_crop(self, face: FaceState, crop: FaceCrop) -> None:
        if crop != face.crop:
            face.crop, face.reader = crop, ""
            self._bring_forward(face)
            self.crop_changed.emit()

    def _apply_told(self, face: FaceState, told: Told) -> None:
        if told != face.told:
            face.told, face.reader = told, ""
            self._bring_forward(face)
            self.told_changed.emit()

    def _apply_faces(self, faces: tuple[Sequence[FaceState], int]) -> None:
        assert self.photo is not None
        self.photo.faces, self.photo.current = list(faces[0]), faces[1]
        self.faces_changed.emit()

    def _swap(self, photo: Photo, faces: list[FaceState], current: int, stack: QUndoStack) -> None:
        self.end_gesture()
        photo.aside = (photo.faces, photo.current, photo.stack)
        photo.faces, photo.current, photo.stack = faces, current, stack
        photo.whole = not photo.whole
        self.undo_group.setActiveStack(stack)
        self.faces_changed.emit()
        self.photos_changed.emit()

    def _new_stack(self) -> QUndoStack:
        stack = QUndoStack(self.undo_group)
        stack.indexChanged.connect(self.photos_changed)  # a step was made, undone or made again
        return stack

    def _forget_photo(self, photo: Photo) -> None:
        """Let go of a closed photograph, which cannot be brought back then."""
        self.closed.remove(photo)
        self._forget(photo.stack)
        if photo.aside is not None:
            self._forget(photo.aside[2])

    def _forget(self, stack: QUndoStack) -> None:
        self.undo_group.removeStack(stack)
        stack.deleteLater()

    def _bring_forward(self, face: FaceState) -> None:
        """Show ``face`` if undo reached another one than the current."""
        if self.photo is not None and face is not self.photo.face and face in self.photo.faces:
            self.photo.current = self.photo.faces.index(face)
            self.faces_changed.emit()

    def _trim(self) -> None:
        """Let go of the pixels of photographs not shown for long, where a file has them."""
        held = 0
        for photo in reversed([*self.closed, *self._shown]):
            if photo.image is None:
                continue
            held += photo.image.pixels.nbytes
            if held > self._kept_bytes and photo is not self.photo and photo.path.is_file():
                photo.image = photo.display = None

    def _new_faces(self, faces: Sequence[Face]) -> list[FaceState]:
        """What was found in a photograph, of which the first is the current face."""
        return [self._new_face(face.crop, face.box, index > 0) for index, face in enumerate(faces)]

    def _new_face(
        self, crop: FaceCrop, box: tuple[int, int, int, int] | None = None, beside: bool = False
    ) -> FaceState:
        """A face in the mode of those that come new; one ``beside`` the current is not replaced unasked."""
        mode: Mode = "latent" if beside and self.mode == "generate" else self.mode
        return FaceState(crop, box, Edit(mode=mode), came=mode)
