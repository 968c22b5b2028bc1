"""Photographs, faces and what can be undone in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QUndoCommand, QUndoStack

from jmvae_studio.document.attributes import title
from jmvae_studio.document.edit import Edit, Mode, mode_word
from jmvae_studio.language import mark, tr, trn
from trainer.data.face_crop import FaceCrop
from trainer.data.images import OpenedImage

Pixels = npt.NDArray[np.uint8]
T = TypeVar("T")

Told = tuple[tuple[str, float], ...]
"""See `FaceState`."""


@dataclass(eq=False)
class FaceState:
    """One face of a photograph.

    Attributes:
        crop: The square that the model sees.
        box: Of the detector, on the upright photograph; None for a crop made by hand.
        edit: What the user asked of it.
        inferred: Attribute → value read by the model; empty until it has looked.
        reader: Digest of the model that read them; empty when the crop or ``told`` has changed since.
        told: Attributes that the user says the model is wrong about, sorted, each with what is true of the face:
            the model's own scale's 1, or -1 (of a label 0) where it does not have it.
        came: The mode that it came in, which nobody chose for it.
    """

    crop: FaceCrop
    box: tuple[int, int, int, int] | None = None
    edit: Edit = field(default_factory=Edit)
    inferred: Mapping[str, float] = field(default_factory=dict)
    reader: str = ""
    told: Told = ()
    came: Mode = "latent"

    @property
    def is_edited(self) -> bool:
        """Whether the user asked anything of it.

        Mode ``generate``, chosen for a face, is an edit. A face that came in it, as the user's setting for new ones
        says, is shown and exported so, but is no work: opened anew it would come the same, and photographs merely
        looked at would else be kept after a crash and stand in the way of a session's.
        """
        asked = self.edit.with_mode("latent") if self.came == "generate" else self.edit
        return bool(self.told) or not asked.is_empty


@dataclass(frozen=True)
class KeptFace:
    """A face of a `Version`: what `FaceState` says of it, without what the model read."""

    crop: FaceCrop
    box: tuple[int, int, int, int] | None
    edit: Edit
    told: Told = ()

    @classmethod
    def of(cls, face: FaceState) -> KeptFace:
        """A face as it is now."""
        return cls(face.crop, face.box, face.edit, face.told)


@dataclass(frozen=True)
class Version:
    """A photograph's faces and edits under a name.

    Attributes:
        name: Its own in the photograph.
        faces: In order.
        current: Index of the face being edited.
        whole: Whether they are for models that see whole pictures.
    """

    name: str
    faces: tuple[KeptFace, ...]
    current: int = 0
    whole: bool = False


@dataclass(eq=False)
class Photo:
    """A photograph of the session.

    Attributes:
        path: The file, or the name of a picture that is none (clipboard).
        number: Its own in the session.
        stack: Its history.
        image: Its pixels, upright and never changed; None while they are not in memory.
        display: The same picture for the screen, reduced where it is large.
        thumbnail: A small copy for the filmstrip.
        faces: The best one first, then those marked by hand.
        current: Index of the face being edited.
        searched: Whether faces have been looked for.
        whole: Whether its one face is all of it, for a model that sees whole pictures.
        versions: Name → what was kept under it.
        aside: Faces, current one and history for models of the other kind; None until there was one.
    """

    path: Path
    number: int
    stack: QUndoStack
    image: OpenedImage | None = field(default=None, repr=False)
    display: Pixels | None = field(default=None, repr=False)
    thumbnail: Pixels | None = field(default=None, repr=False)
    faces: list[FaceState] = field(default_factory=list)
    current: int = 0
    searched: bool = False
    whole: bool = False
    versions: dict[str, Version] = field(default_factory=dict)
    aside: tuple[list[FaceState], int, QUndoStack] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """For captions and file names."""
        return self.path.name

    @property
    def face(self) -> FaceState | None:
        """The face being edited."""
        return self.faces[self.current] if self.faces else None

    @property
    def is_edited(self) -> bool:
        """Whether anything was asked of one of its faces, by a model of either kind."""
        faces = [*self.faces, *(self.aside[0] if self.aside else [])]
        return any(face.is_edited for face in faces)

    @property
    def has_work(self) -> bool:
        """Whether it holds an edit, something that was kept under a name, or a step, as of a square that was moved."""
        stacks = [self.stack, *(self.aside[2:] if self.aside else ())]
        return self.is_edited or bool(self.versions) or any(stack.index() for stack in stacks)

    def version(self, name: str) -> Version:
        """Its faces and edits as they are now."""
        return Version(name, tuple(map(KeptFace.of, self.faces)), self.current, self.whole)

    def pixels(self) -> Pixels:
        """Height × width × 3; only for a photograph that is in memory."""
        assert self.image is not None, f"{self.name} is not in memory"
        return self.image.pixels


class StepCommand(QUndoCommand, Generic[T]):
    """One step of a history: `apply` brings about the state before or after it."""

    def __init__(self, apply: Callable[[T], None], before: T, after: T, name: str) -> None:
        super().__init__(f"{name[0].upper()}{name[1:]}\n{name}")  # the history's line, the menu's words
        self._apply, self._before, self._after = apply, before, after

    def undo(self) -> None:
        """Go back."""
        self._apply(self._before)

    def redo(self) -> None:
        """Go on; when first pushed, the state may be there already."""
        self._apply(self._after)


def overlap(one: FaceCrop, other: FaceCrop) -> bool:
    """Whether two crops are of the same face: their centres are nearer than half the larger side."""
    apart = math.hypot(one.center_x - other.center_x, one.center_y - other.center_y)
    return apart < 0.5 * max(one.side, other.side)


def changes(edit: Edit, most: int, digits: int) -> list[str]:
    """The first ``most`` values of an edit, with so many ``digits``, and the identity unless all of it is kept."""
    told = [f"{title(name)} {value:+.{digits}f}" for name, value in edit.values[:most]]
    if edit.identity != 1:
        told.append(tr("identity {identity:.0%}", identity=edit.identity))
    return told


def describe(before: Edit, after: Edit) -> str:
    """What leads from one edit to another, in a few words."""
    if before.mode != after.mode:
        return tr("mode: {mode}", mode=mode_word(after.mode))
    if before.strength != after.strength:
        return tr("strength to {strength:.0%}", strength=after.strength)
    if before.identity != after.identity:
        return tr("identity to {identity:.0%}", identity=after.identity)
    for on, off, old_names, new_names in (
        (mark("lock: {attribute}"), mark("unlock: {attribute}"), before.locked, after.locked),
        (mark("follow: {attribute}"), mark("no longer follow: {attribute}"), before.free, after.free),
    ):
        changed = sorted(set(old_names) ^ set(new_names))
        if len(changed) == 1:
            return tr(on if changed[0] in new_names else off, attribute=title(changed[0]))
        if changed:
            return tr("let the others follow") if new_names else tr("hold the others")
    old, new = dict(before.values), dict(after.values)
    changed = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    if len(changed) == 1:
        attribute, value = title(changed[0]), new.get(changed[0])
        if value is None:
            return tr("{attribute} reset", attribute=attribute)
        return tr("{attribute} to {value:+.2f}", attribute=attribute, value=value)
    return tr("reset all") if not new else trn("{count} attribute", "{count} attributes", len(changed))
