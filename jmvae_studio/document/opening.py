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

from trainer.data.face_detection import Face, find_faces
from trainer.data.images import OpenedImage, open_image, open_image_bytes
from trainer.errors import ImageError

SCREEN_SIDE = 2000
"""Longest side of the copy that is painted: the window never scales a huge photograph itself."""


@dataclass(frozen=True)
class Opened:
    """A photograph with its faces, the best one first, and a copy for the screen (see `for_screen`)."""

    image: OpenedImage
    faces: list[Face]
    display: npt.NDArray[np.uint8]


class Opener(QObject):
    """Opens one picture at a time on a thread of its own; a newer wish replaces the result of an older one."""

    opened = Signal(object)
    found_again = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="opener")
        self._newest = 0

    def open(self, path: Path) -> None:
        """Open a file."""
        self._start(lambda: open_image(path))

    def open_image(self, image: QImage, name: str) -> None:
        """Open a picture that is not a file, for instance from the clipboard."""
        self._start(lambda: open_image_bytes(_encode(image), name))

    def find_again(self, image: OpenedImage) -> None:
        """Look for faces in an open photograph once more."""
        self._start(lambda: image, self.found_again)

    def close(self) -> None:
        """End the thread; work under way is finished, what waits is dropped."""
        self._newest += 1
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, read: Callable[[], OpenedImage], done: SignalInstance | None = None) -> None:
        self._newest += 1
        number = self._newest
        tell = done or self.opened
        self._pool.submit(self._work, read).add_done_callback(
            lambda future: self._finish(number, future, tell)
        )

    @staticmethod
    def _work(read: Callable[[], OpenedImage]) -> Opened:
        image = read()
        return Opened(image, find_faces(image.pixels), for_screen(image.pixels))

    def _finish(self, number: int, future: Future[Opened], tell: SignalInstance) -> None:
        if future.cancelled() or number != self._newest:
            return
        error = future.exception()
        if error is None:
            tell.emit(future.result())
        elif isinstance(error, ImageError):
            self.failed.emit(str(error))
        else:
            self.failed.emit(f"The picture could not be opened ({type(error).__name__}: {error}).")


def for_screen(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The picture with its longer side at most `SCREEN_SIDE`, areas averaged; height × width × 3."""
    height, width = pixels.shape[:2]
    scale = SCREEN_SIDE / max(height, width)
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
