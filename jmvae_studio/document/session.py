"""The session: open photographs, their faces, each face's edit, and what can be undone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoGroup, QUndoStack

from jmvae_studio.document.attributes import title
from jmvae_studio.document.edit import Edit, Mode
from trainer.data.face_crop import FaceCrop
from trainer.data.face_detection import Face
from trainer.data.images import OpenedImage


@dataclass(eq=False)
class FaceState:
    """One face of a photograph.

    Attributes:
        crop: The square that the model sees.
        box: Of the detector, on the upright photograph; None for a crop made by hand.
        edit: What the user asked of it.
        inferred: Attribute → value read by the model; empty until it has looked.
    """

    crop: FaceCrop
    box: tuple[int, int, int, int] | None = None
    edit: Edit = field(default_factory=Edit)
    inferred: Mapping[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class Photo:
    """An open photograph.

    Attributes:
        image: Its pixels are upright and never changed.
        display: The same picture for the screen, reduced where it is large.
        faces: The best one first, then those marked by hand.
        current: Index of the face being edited.
        number: Its own in the session.
    """

    image: OpenedImage
    display: npt.NDArray[np.uint8]
    faces: list[FaceState]
    current: int = 0
    number: int = 0

    @property
    def name(self) -> str:
        """For captions and file names."""
        return Path(self.image.path).name

    @property
    def face(self) -> FaceState | None:
        """The face being edited."""
        return self.faces[self.current] if self.faces else None


class Session(QObject):
    """Holds the state that the user works on; the only place that changes it."""

    photo_changed = Signal()
    """Another photograph is shown, or none."""
    faces_changed = Signal()
    """The faces of the photograph, or which one is current."""
    inferred_changed = Signal()
    """The model has looked at the current face."""
    edit_changed = Signal()
    """The current face's edit."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.photo: Photo | None = None
        self.undo_group = QUndoGroup(self)
        self._gesture: Edit | None = None
        self._opened = 0

    @property
    def face(self) -> FaceState | None:
        """The face being edited."""
        return self.photo.face if self.photo else None

    def open(
        self, image: OpenedImage, faces: list[Face], display: npt.NDArray[np.uint8] | None = None
    ) -> None:
        """Show a photograph with the faces found in it."""
        self._end_history()
        self._opened += 1
        states = [FaceState(face.crop, face.box) for face in faces]
        self.photo = Photo(image, image.pixels if display is None else display, states, number=self._opened)
        stack = QUndoStack(self.undo_group)
        self.undo_group.setActiveStack(stack)
        self.photo_changed.emit()
        self.faces_changed.emit()

    def close_photo(self) -> None:
        """Show nothing."""
        self._end_history()
        self.photo = None
        self.photo_changed.emit()
        self.faces_changed.emit()

    def choose_face(self, index: int) -> None:
        """Edit another face of the photograph."""
        if self.photo is not None and 0 <= index < len(self.photo.faces) and index != self.photo.current:
            self.end_gesture()
            self.photo.current = index
            self.faces_changed.emit()

    def add_crop(self, crop: FaceCrop) -> None:
        """Add a face marked by hand and edit it."""
        if self.photo is not None:
            self.end_gesture()
            self.photo.faces.append(FaceState(crop))
            self.photo.current = len(self.photo.faces) - 1
            self.faces_changed.emit()

    def set_inferred(self, face: FaceState, inferred: Mapping[str, float]) -> None:
        """Keep what the model read from ``face``."""
        face.inferred = inferred
        if face is self.face:
            self.inferred_changed.emit()

    def preview_value(self, name: str, value: float | None) -> None:
        """Change an attribute as part of a gesture under way (a drag); `end_gesture` makes it one undo entry."""
        face = self.face
        if face is None:
            return
        if self._gesture is None:
            self._gesture = face.edit
        self._apply(face, face.edit.with_value(name, value))

    def end_gesture(self) -> None:
        """Make the gesture under way one undo entry."""
        before, self._gesture = self._gesture, None
        face = self.face
        stack = self.undo_group.activeStack()
        if before is None or face is None or stack is None or before == face.edit:
            return
        stack.push(_EditCommand(self, face, before, face.edit))

    def reset(self) -> None:
        """Give every attribute back to the model, as one undo entry."""
        self._change(lambda edit: Edit(mode=edit.mode))

    def set_mode(self, mode: Mode) -> None:
        """Choose how edits reach the photograph, as one undo entry."""
        self._change(lambda edit: edit.with_mode(mode))

    def _change(self, make: Callable[[Edit], Edit]) -> None:
        self.end_gesture()
        face = self.face
        if face is not None:
            self._gesture = face.edit
            self._apply(face, make(face.edit))
            self.end_gesture()

    def _apply(self, face: FaceState, edit: Edit) -> None:
        if edit != face.edit:
            face.edit = edit
            self._show(face)

    def _show(self, face: FaceState) -> None:
        """Bring ``face`` to the front if undo reached another one, then tell of its edit."""
        if self.photo is not None and face is not self.photo.face and face in self.photo.faces:
            self.photo.current = self.photo.faces.index(face)
            self.faces_changed.emit()
        self.edit_changed.emit()

    def _end_history(self) -> None:
        self._gesture = None
        stack = self.undo_group.activeStack()
        if stack is not None:
            self.undo_group.removeStack(stack)
            stack.deleteLater()


class _EditCommand(QUndoCommand):
    """From one edit of a face to another."""

    def __init__(self, session: Session, face: FaceState, before: Edit, after: Edit) -> None:
        super().__init__(_describe(before, after))
        self._session, self._face, self._before, self._after = session, face, before, after

    def undo(self) -> None:
        """Go back."""
        self._session._apply(self._face, self._before)

    def redo(self) -> None:
        """Go on; when first pushed, the edit is already there."""
        self._session._apply(self._face, self._after)


def _describe(before: Edit, after: Edit) -> str:
    if before.mode != after.mode:
        return f"mode: {after.mode}"
    old, new = dict(before.values), dict(after.values)
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    if len(changed) == 1:
        value = new.get(changed[0])
        return f"{title(changed[0])} reset" if value is None else f"{title(changed[0])} to {value:+.2f}"
    return "reset all" if not new else f"{len(changed)} attributes"
