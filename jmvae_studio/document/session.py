"""The session: open photographs, their faces, each face's edit, and what can be undone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

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
        reader: Digest of the model that read them.
    """

    crop: FaceCrop
    box: tuple[int, int, int, int] | None = None
    edit: Edit = field(default_factory=Edit)
    inferred: Mapping[str, float] = field(default_factory=dict)
    reader: str = ""


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


_NO_STACK = cast(QUndoStack, None)
"""Qt takes a null stack for "none is active"; its Python annotations do not say so."""


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
        self.mode: Mode = "latent"
        """Of faces that come new."""
        self._gesture: Edit | None = None
        self._stack: QUndoStack | None = None
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
        states = [self._new_face(face.crop, face.box) for face in faces]
        self.photo = Photo(image, image.pixels if display is None else display, states, number=self._opened)
        self._stack = QUndoStack(self.undo_group)
        self.undo_group.setActiveStack(self._stack)
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
            self.photo.faces.append(self._new_face(crop))
            self.photo.current = len(self.photo.faces) - 1
            self.faces_changed.emit()

    def remove_face(self) -> None:
        """Dismiss the current face, for instance one that is none."""
        if self.photo is not None and self.photo.faces:
            self.end_gesture()
            del self.photo.faces[self.photo.current]
            self.photo.current = max(0, min(self.photo.current, len(self.photo.faces) - 1))
            self.faces_changed.emit()

    def add_faces(self, image: OpenedImage, faces: list[Face]) -> int:
        """Add the faces of ``image`` that are not among the photograph's yet; all edits stay. Returns how many."""
        if self.photo is None or self.photo.image is not image:
            return 0
        new = [
            face for face in faces if not any(_overlap(face.crop, known.crop) for known in self.photo.faces)
        ]
        if new:
            self.end_gesture()
            self.photo.faces += [self._new_face(face.crop, face.box) for face in new]
            self.faces_changed.emit()
        return len(new)

    def set_inferred(self, face: FaceState, reader: str, inferred: Mapping[str, float]) -> None:
        """Keep what the model with the digest ``reader`` read from ``face``."""
        face.inferred, face.reader = inferred, reader
        if face is self.face:
            self.inferred_changed.emit()

    def preview_value(self, name: str, value: float | None) -> None:
        """Change an attribute as part of a gesture under way (a drag); `end_gesture` makes it one undo entry."""
        face = self.face
        if face is None:
            return
        if self._gesture is None:
            self._gesture = face.edit
            self.undo_group.setActiveStack(_NO_STACK)  # no undo in the middle of a drag
        self._apply(face, face.edit.with_value(name, value))

    def end_gesture(self) -> None:
        """Make the gesture under way one undo entry."""
        before, self._gesture = self._gesture, None
        face = self.face
        if before is None or face is None or self._stack is None:
            return
        self.undo_group.setActiveStack(self._stack)
        if before != face.edit:
            self._stack.push(_EditCommand(self, face, before, face.edit))

    def reset(self) -> None:
        """Give every attribute back to the model, as one undo entry."""
        self._change(lambda edit: Edit(mode=edit.mode))

    def set_mode(self, mode: Mode) -> None:
        """Choose how edits reach the photograph, as one undo entry; faces that come new follow."""
        self.mode = mode
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
        stack, self._stack = self._stack, None
        if stack is not None:
            self.undo_group.removeStack(stack)
            stack.deleteLater()

    def _new_face(self, crop: FaceCrop, box: tuple[int, int, int, int] | None = None) -> FaceState:
        return FaceState(crop, box, Edit(mode=self.mode))


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


def _overlap(one: FaceCrop, other: FaceCrop) -> bool:
    """Whether two crops are of the same face: their centres are nearer than half the larger side."""
    apart = math.hypot(one.center_x - other.center_x, one.center_y - other.center_y)
    return apart < 0.5 * max(one.side, other.side)


def _describe(before: Edit, after: Edit) -> str:
    if before.mode != after.mode:
        return f"mode: {after.mode}"
    old, new = dict(before.values), dict(after.values)
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    if len(changed) == 1:
        value = new.get(changed[0])
        return f"{title(changed[0])} reset" if value is None else f"{title(changed[0])} to {value:+.2f}"
    return "reset all" if not new else f"{len(changed)} attributes"
