"""Looking through a folder of pictures for faces, on a thread of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from jmvae_studio.language import tr
from trainer.data.decoder import Decoder
from trainer.data.face_crop import extract
from trainer.data.face_detection import find_faces
from trainer.data.folder import pictures_in
from trainer.errors import ImageError

SHOWN = 96
"""Side of the faces that are kept for people, in pixels."""


@dataclass(frozen=True)
class Seen:
    """A picture that was looked at.

    Attributes:
        name: Inside the folder, as the table names it.
        shown: The first face, `SHOWN` × `SHOWN` × 3; of a picture without one the picture itself, if it can be opened.
        face: The first face as a model of ``size`` sees it, with the editor's crop; None if there is none.
        reason: Why there is none; empty otherwise.
    """

    name: str
    shown: npt.NDArray[np.uint8] | None
    face: npt.NDArray[np.uint8] | None
    reason: str = ""


class FaceSearch(QObject):
    """Searches one folder at a time; the pictures are only read."""

    seen = Signal(object)
    """A `Seen`, in the order of the names."""
    progress = Signal(int, int)
    """Pictures looked at, of so many."""
    ended = Signal(bool)
    """All were looked at, or it was cancelled."""
    failed = Signal(str)
    _found = Signal(object, object, int, int)
    """Which search, a `Seen`, pictures looked at, of so many."""
    _finished = Signal(object, str)
    """Which search, and why it could not begin."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._found.connect(self._tell)
        self._finished.connect(self._tell_end)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="face-search")
        self._cancelled = threading.Event()
        self._decoder: Decoder | None = None
        """Of the search under way."""

    def start(self, folder: Path, size: int) -> None:
        """Look for faces in all pictures of ``folder``; crops are made for a model of ``size`` pixels."""
        self._cancelled.set()
        self._cancelled = threading.Event()
        self._pool.submit(self._search, folder, size, self._cancelled)

    def cancel(self) -> None:
        """Stop after the picture under way; `ended` tells."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop and end the thread; the picture under way is dropped."""
        self._cancelled.set()
        if self._decoder is not None:
            self._decoder.abandon()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _tell(self, cancelled: threading.Event, found: Seen, number: int, count: int) -> None:
        """What a search found that still goes on; one before it may have been quicker than its end."""
        if cancelled is self._cancelled and not cancelled.is_set():
            self.seen.emit(found)
            self.progress.emit(number, count)

    def _tell_end(self, cancelled: threading.Event, problem: str) -> None:
        if cancelled is self._cancelled:
            self.ended.emit(cancelled.is_set())
            if problem:
                self.failed.emit(problem)

    def _search(self, folder: Path, size: int, cancelled: threading.Event) -> None:
        """On the thread."""
        try:
            pictures = pictures_in(folder)
        except OSError as error:
            said = tr("{folder} cannot be read: {reason}.", folder=folder, reason=error.strerror)
            self._finished.emit(cancelled, said)
            return
        if not pictures:
            said = tr("There are no pictures in {folder}: choose another folder.", folder=folder)
            self._finished.emit(cancelled, said)
            return
        with Decoder() as decoder:
            self._decoder = decoder
            for number, (name, path) in enumerate(pictures.items(), 1):
                if cancelled.is_set():
                    break
                self._found.emit(cancelled, look(decoder, name, path, size), number, len(pictures))
        self._finished.emit(cancelled, "")


def look(decoder: Decoder, name: str, path: Path, size: int) -> Seen:
    """Open a picture and cut out its first face, as the trainer and the editor do."""
    try:
        photo = decoder.open(path).pixels
    except ImageError as error:
        return Seen(name, None, None, str(error))
    faces = find_faces(photo)
    if not faces:
        return Seen(name, _small(photo), None, tr("no face was found"))
    return Seen(name, extract(photo, faces[0].crop, SHOWN), extract(photo, faces[0].crop, size))


def _small(photo: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Every so many-th pixel: at most `SHOWN` wide and high."""
    step = max(1, -(-max(photo.shape[:2]) // SHOWN))
    return np.ascontiguousarray(photo[::step, ::step])
