"""The photographs of a session's file: known by their contents, found again where the session's folder moved."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from jmvae_studio.document.session_file import PhotoRecord, SessionRecord, relative
from jmvae_studio.language import tr


class Digests:
    """SHA-256 of files, computed anew when a file's size or time of change is another one. For one thread."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int], str]] = {}

    def of(self, path: Path) -> str:
        """In hexadecimal; empty for a file that cannot be read."""
        try:
            status = path.stat()
            stamp = (status.st_size, status.st_mtime_ns)
            known = self._known.get(path)
            if known is None or known[0] != stamp:
                with path.open("rb") as file:
                    known = (stamp, hashlib.file_digest(file, "sha256").hexdigest())
                self._known[path] = known
        except OSError:
            return ""
        return known[1]


def with_digests(kept: SessionRecord, beside: Path, digests: Digests) -> SessionRecord:
    """A record in which every photograph is known by its size, and those that are edited by their contents."""

    def known(photo: PhotoRecord) -> PhotoRecord:
        path = _target(photo, beside)
        digest = digests.of(path) if photo.is_edited else ""
        return photo.model_copy(update={"bytes": _size(path), "sha256": digest})

    return kept.model_copy(update={"photos": [known(photo) for photo in kept.photos]})


def locate(kept: SessionRecord, beside: Path, digests: Digests) -> tuple[SessionRecord, list[str]]:
    """Look for the photographs of a session's file.

    Returns:
        The record with those that are there, also where they now lie next to the session's file, and sentences
        about those that are gone or have changed.
    """
    photos: list[PhotoRecord] = []
    told = []
    shown = 0
    for index, photo in enumerate(kept.photos):
        path = _target(photo, beside)
        moved = beside.parent / path.name
        if not path.is_file() and moved.is_file() and photo.sha256 in ("", digests.of(moved)):
            told.append(tr("{name} was found beside {other}.", name=path.name, other=beside.name))
            path = moved
        if not path.is_file():
            told.append(tr("{name} is no longer in {folder}.", name=path.name, folder=path.parent))
            continue
        if _has_changed(photo, path, digests):
            told.append(tr("{name} has changed since.", name=path.name))
        if index == kept.shown:
            shown = len(photos)
        photos.append(photo.model_copy(update={"path": relative(path, beside.parent)}))
    return kept.model_copy(update={"photos": photos, "shown": shown}), told


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _target(photo: PhotoRecord, beside: Path) -> Path:
    return Path(os.path.normpath(beside.parent / photo.path))


def _has_changed(photo: PhotoRecord, path: Path, digests: Digests) -> bool:
    if photo.bytes and path.stat().st_size != photo.bytes:
        return True
    return bool(photo.sha256) and digests.of(path) != photo.sha256
