"""Exports in the background: the edit from the renderer's thread, composed and written on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from jmvae_studio.document.saving import (
    SaveError,
    SaveStoppedError,
    Saving,
    check_target,
    identities,
    save_picture,
)
from jmvae_studio.inference.compositing import compose
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import PreviewRequest
from jmvae_studio.inference.results import PREVIEW_SIZE, Layer
from jmvae_studio.language import tr
from trainer.data.face_crop import FaceCrop, extract
from trainer.data.images import OpenedImage


class Exporter(QObject):
    """Writes results while the window goes on."""

    finished = Signal(object, str)
    """The `Path` written (None if it failed) and a sentence for the user."""
    stopped = Signal(str)
    """A picture that is no longer wanted was not written; a sentence for the user."""

    def __init__(self, renderer: Renderer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._renderer = renderer
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="saver")
        self._stops: set[threading.Event] = set()
        """One for each picture that is not written yet."""

    @property
    def is_busy(self) -> bool:
        """Whether a picture is being written, or waits for it."""
        return bool(self._stops)

    def cancel(self) -> None:
        """Give up the pictures that are not written yet; `stopped` tells of each."""
        for stop in list(self._stops):
            stop.set()

    def export(
        self,
        image: OpenedImage,
        requests: Sequence[PreviewRequest],
        path: Path,
        face: FaceCrop | None,
        saving: Saving | None = None,
        beside: bool = False,
    ) -> None:
        """Write the photograph with every edit in place.

        Args:
            image: The photograph.
            requests: The edits of its faces.
            path: The target.
            face: Write only this crop of the result; None writes the whole photograph.
            saving: How it is written.
            beside: Put the original to the left of the result.

        Raises:
            SaveError: The target cannot become a picture; nothing was started.
        """
        check_target(path, identities([image.path]))
        layers: list[Layer | str] = []
        stop = threading.Event()
        self._stops.add(stop)

        def receive(layer: Layer | str) -> None:
            """On the renderer's thread: when the last layer is there, hand over to the saver's."""
            layers.append(layer)
            if len(layers) == len(requests):
                self._pool.submit(save).add_done_callback(done)

        def save() -> None:
            result = image.pixels
            if stop.is_set():
                raise SaveStoppedError(tr("{name} was not exported: cancelled.", name=path.name))
            for request, layer in zip(requests, layers, strict=True):
                if isinstance(layer, str):
                    raise SaveError(layer)
                result = compose(result, request.face.crop, layer.pixels, layer.replaces)
            pictures = [image.pixels, result] if beside else [result]
            if face is not None:
                side = max(PREVIEW_SIZE, round(face.side))
                pictures = [extract(picture, face, side) for picture in pictures]
            whole = np.hstack(pictures) if beside else pictures[0]
            save_picture(path, whole, image, saving=saving, stopped=stop.is_set)

        def done(future: Future[None]) -> None:
            error = future.exception()
            self._stops.discard(stop)
            if isinstance(error, SaveStoppedError):
                self.stopped.emit(str(error))
            elif error is None:
                self.finished.emit(path, tr("Saved {name} in {folder}.", name=path.name, folder=path.parent))
            else:
                known = isinstance(error, SaveError)
                self.finished.emit(
                    None,
                    str(error)
                    if known
                    else tr("{name} could not be saved: {error}", name=path.name, error=error),
                )

        for request in requests:
            self._renderer.layer(request, receive, image.pixels)

    def close(self) -> None:
        """Finish what is being written; call after the renderer was closed."""
        self._pool.shutdown(wait=True)
