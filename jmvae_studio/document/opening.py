"""Open photographs and find their faces away from the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, Signal, SignalInstance
from PySide6.QtGui import QImage

from jmvae_studio.language import tr
from trainer.data.decoder import Decoder
from trainer.data.face_crop import whole_crop
from trainer.data.face_detection import Face, find_faces
from trainer.data.images import OpenedImage, open_image_bytes
from trainer.errors import ImageError

SCREEN_SIDE = 2000
"""Longest side of the copy that is painted: the window never scales a huge photograph itself."""

THUMBNAIL_SIDE = 144
"""Longest side of the copy in the filmstrip."""


@dataclass(frozen=True)
class Opened:
    """A photograph with its faces, the best one first, and a copy for the screen (see `for_screen`).

    Attributes:
        image: The picture.
        faces: What was found; empty if nothing was looked for.
        display: For the screen.
        wish: What the caller asked it for.
        whole: Whether the one face is the whole picture, for a model that sees no faces.
    """

    image: OpenedImage
    faces: list[Face]
    display: npt.NDArray[np.uint8]
    wish: object = None
    whole: bool = False


class Opener(QObject):
    """Opens one picture at a time on a thread of its own, and small copies on another.

    Of several wishes to see a photograph only the newest is fulfilled.
    """

    opened = Signal(object)
    found_again = Signal(object)
    failed = Signal(str, object)
    """A sentence, and the wish that failed."""
    thumbnail_ready = Signal(object, object)
    """A `Path` and its small copy, None if the file is no picture."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.whole = False
        """Whether the model sees whole pictures: then a picture's one "face" is all of it."""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="opener")
        self._thumbnails = ThreadPoolExecutor(1, thread_name_prefix="opener-small")
        self._decoder = Decoder()
        self._newest = 0

    def open(self, path: Path, wish: object = None, search: bool = True) -> None:
        """Open a file; ``search`` for faces in it."""
        self._start(lambda: self._decoder.open(path), self.opened, wish, search)

    def open_image(self, image: QImage, name: str) -> None:
        """Open a picture that is not a file, for instance from the clipboard."""
        self._start(lambda: open_image_bytes(_encode(image), name), self.opened)

    def find_again(self, image: OpenedImage) -> None:
        """Look for faces in an open photograph once more."""
        self._start(lambda: image, self.found_again)

    def supersede(self) -> None:
        """Forget what was asked for and has not come yet."""
        self._newest += 1

    def thumbnail(self, path: Path) -> None:
        """Make a small copy of a file for the filmstrip."""
        self._thumbnails.submit(self._make_thumbnail, path)

    def close(self) -> None:
        """End the threads and the decoder; what is read or waits is dropped."""
        self._newest += 1
        self._decoder.abandon()
        for pool in (self._pool, self._thumbnails):
            pool.shutdown(wait=True, cancel_futures=True)

    def _start(
        self,
        read: Callable[[], OpenedImage],
        tell: SignalInstance,
        wish: object = None,
        search: bool = True,
    ) -> None:
        self._newest += 1
        number = self._newest
        self._pool.submit(self._work, number, read, wish, search).add_done_callback(
            lambda future: self._finish(number, future, tell, wish)
        )

    def _work(
        self, number: int, read: Callable[[], OpenedImage], wish: object, search: bool
    ) -> Opened | None:
        if number != self._newest:
            return None
        image = read()
        whole = self.whole
        faces = self._faces(image, whole) if search else []
        return Opened(image, faces, for_screen(image.pixels), wish, whole)

    def _faces(self, image: OpenedImage, whole: bool) -> list[Face]:
        if not whole:
            return find_faces(image.pixels)
        height, width = image.pixels.shape[:2]
        return [Face((0, 0, width, height), whole_crop(width, height), None, 1.0)]

    def _finish(self, number: int, future: Future[Opened | None], tell: SignalInstance, wish: object) -> None:
        if future.cancelled() or number != self._newest:
            return
        error = future.exception()
        if error is None:
            tell.emit(future.result())
        elif isinstance(error, ImageError):
            self.failed.emit(str(error), wish)
        else:
            self.failed.emit(
                tr(
                    "The picture could not be opened ({kind}: {error}).",
                    kind=type(error).__name__,
                    error=error,
                ),
                wish,
            )

    def _make_thumbnail(self, path: Path) -> None:
        try:
            pixels = self._decoder.open(path, max_side=THUMBNAIL_SIDE).pixels
        except ImageError:
            self.thumbnail_ready.emit(path, None)
        else:
            self.thumbnail_ready.emit(path, pixels)


def small_copy(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The picture with its longer side at most `THUMBNAIL_SIDE`."""
    return _reduce(pixels, THUMBNAIL_SIDE)


def for_screen(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The picture with its longer side at most `SCREEN_SIDE`, areas averaged; height × width × 3."""
    return _reduce(pixels, SCREEN_SIDE)


def _reduce(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode(image: QImage) -> bytes:
    """A Qt image as the bytes of a PNG file, for the one opener of pictures."""
    store = QByteArray()
    buffer = QBuffer(store)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG", 100)  # type: ignore[call-overload]
    return bytes(store.data())
