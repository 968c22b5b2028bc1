"""Sessions as files: which photographs are open and what was done to their faces. No pixels."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jmvae_studio.document.photo import KeptFace, Photo, Version
from jmvae_studio.document.presets import write_text
from jmvae_studio.document.records import FaceRecord
from jmvae_studio.document.session import Session
from jmvae_studio.language import tr

SUFFIX = ".jmvae"
_MOST_BYTES = 50_000_000
_DAY = 86_400.0


class SessionFileError(Exception):
    """A session that could not be read or written: what, where and what to do."""


class VersionRecord(BaseModel):
    """A `Version` of a photograph."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=80)
    current: int = Field(default=0, ge=0)
    whole: bool = False
    faces: list[FaceRecord] = Field(default_factory=list, max_length=1000)

    @classmethod
    def of(cls, version: Version) -> VersionRecord:
        """Of a version."""
        faces = [FaceRecord.of(face) for face in version.faces]
        return cls(name=version.name, current=version.current, whole=version.whole, faces=faces)

    def version(self) -> Version:
        """As a version."""
        faces = tuple(KeptFace.of(face.face()) for face in self.faces)
        return Version(self.name, faces, min(self.current, max(0, len(faces) - 1)), self.whole)


class AsideRecord(BaseModel):
    """Faces of a photograph for models of the other kind, which see whole pictures or faces in them."""

    model_config = ConfigDict(extra="ignore")

    current: int = Field(default=0, ge=0)
    faces: list[FaceRecord] = Field(default_factory=list, max_length=1000)


class PhotoRecord(BaseModel):
    """A photograph of a session.

    Attributes:
        path: Relative to the session's file where that is possible.
        bytes: Size of the photograph's file, by which a changed one is noticed; 0 where it was out of reach.
        sha256: Of the file, in hexadecimal; empty where it was not computed.
        searched: Whether faces have been looked for.
        whole: Whether its one face is all of it, for a model that sees whole pictures.
        current: Index of the face being edited.
        faces: Its faces with their edits.
        versions: What was kept of them under names.
        aside: Its faces for models of the other kind.
    """

    model_config = ConfigDict(extra="ignore")

    path: str
    bytes: int = 0
    sha256: str = ""
    searched: bool = False
    whole: bool = False
    current: int = Field(default=0, ge=0)
    faces: list[FaceRecord] = Field(default_factory=list, max_length=1000)
    versions: list[VersionRecord] = Field(default_factory=list, max_length=1000)
    aside: AsideRecord | None = None

    @property
    def is_edited(self) -> bool:
        """Whether anything was asked of a face, or kept under a name."""
        faces = [*self.faces, *(self.aside.faces if self.aside else [])]
        return bool(self.versions) or any(face.face().is_edited for face in faces)


class SessionRecord(BaseModel):
    """The photographs of a session, and which one is shown."""

    model_config = ConfigDict(extra="ignore")

    format: Literal["jmvae-session 1"] = "jmvae-session 1"
    shown: int = 0
    photos: list[PhotoRecord] = Field(default_factory=list, max_length=100_000)

    @property
    def is_edited(self) -> bool:
        """Whether there is anything that would be lost."""
        return any(photo.is_edited for photo in self.photos)


def record(session: Session, beside: Path) -> SessionRecord:
    """What a file at ``beside`` holds of a session, but for what its photographs' files tell (`with_digests`).

    Pictures that never were files are left out (`left_out`). No file is looked at: a drive may be slow.
    """
    kept: list[PhotoRecord] = []
    shown = 0
    for photo in session.photos:
        if not photo.path.is_absolute():
            continue  # from the clipboard
        if photo is session.photo:
            shown = len(kept)
        kept.append(
            PhotoRecord(
                path=relative(photo.path, beside.parent),
                searched=photo.searched,
                whole=photo.whole,
                current=photo.current,
                faces=[FaceRecord.of(face) for face in photo.faces],
                versions=[VersionRecord.of(version) for version in photo.versions.values()],
                aside=_aside(photo),
            )
        )
    return SessionRecord(shown=shown, photos=kept)


def left_out(session: Session) -> int:
    """How many pictures `record` leaves out."""
    return sum(not photo.path.is_absolute() for photo in session.photos)


def _aside(photo: Photo) -> AsideRecord | None:
    if photo.aside is None:
        return None
    return AsideRecord(current=photo.aside[1], faces=[FaceRecord.of(face) for face in photo.aside[0]])


def save(path: Path, kept: SessionRecord) -> None:
    """Write a session beside its target and rename it.

    Raises:
        SessionFileError: It could not be written; an older file is unchanged.
    """
    try:
        write_text(path, json.dumps(kept.model_dump(), indent=1))  # ASCII: any file name passes
    except OSError as error:
        raise SessionFileError(
            tr(
                "The session cannot be saved in {folder}: {reason}. Choose another folder.",
                folder=path.parent,
                reason=error.strerror,
            )
        ) from error


def load(path: Path) -> SessionRecord:
    """Read a session's file.

    Raises:
        SessionFileError: It cannot be read or is no session.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SessionFileError(
                tr("{name} is too large for a session: choose another file.", name=path.name)
            )
        raw: Any = json.loads(path.read_text(encoding="utf-8"))
        return SessionRecord.model_validate(raw)
    except OSError as error:
        raise SessionFileError(
            tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror)
        ) from error
    except (ValueError, ValidationError, RecursionError) as error:
        raise SessionFileError(
            tr("{name} is not a session: choose a file that this program saved.", name=path.name)
        ) from error


def restore(session: Session, kept: SessionRecord, beside: Path) -> tuple[int | None, list[str]]:
    """Put the photographs of a record into the filmstrip, with their faces, edits and versions.

    Returns:
        The number of the photograph to show, and sentences about those that are open with work in them.
    """
    told, show = [], None
    for index, entry in enumerate(kept.photos):
        path = Path(os.path.normpath(beside.parent / entry.path))
        photo = session.find(path)
        if photo is None:
            photo = session.add(path)
        elif photo.has_work:
            told.append(tr("{name} is open already and stays as it is.", name=path.name))
            continue
        faces = [face.face() for face in entry.faces]
        versions = [version.version() for version in entry.versions]
        aside = None
        if entry.aside is not None:
            others = [face.face() for face in entry.aside.faces]
            aside = (others, min(entry.aside.current, max(0, len(others) - 1)))
        if entry.searched or not photo.searched:  # the faces of one that was never shown are found meanwhile
            session.put_faces(photo, faces, entry.current, entry.searched, entry.whole, versions, aside)
        if index == kept.shown or show is None:
            show = photo.number
    return show, told


def sweep(folder: Path) -> int:
    """Remove what a killed process left half written in a folder; returns how many files."""
    swept = 0
    try:
        leftovers = [path for path in folder.glob(".*.part") if path.is_file()]
    except OSError:
        return 0
    for path in leftovers:
        found = re.search(r"\.(\d+)\.part$", path.name)
        try:
            if found and not _may_be_at_work(int(found[1]), path):
                path.unlink()
                swept += 1
        except OSError:
            continue
    return swept


def _may_be_at_work(process: int, path: Path) -> bool:
    """Whether the process that writes ``path`` may still be there."""
    if sys.platform == "win32":  # asking there for a process would end it
        return time.time() - path.stat().st_mtime < _DAY
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def relative(path: Path, folder: Path) -> str:
    """A path as it is written beside a session's file."""
    try:
        return os.path.relpath(path, folder)
    except ValueError:  # another drive
        return str(path)
