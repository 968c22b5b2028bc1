"""Exports in the background: the edit from the renderer's thread, composed and written on a thread of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from jmvae_studio.document.saving import SaveError, check_target, save_picture
from jmvae_studio.inference.compositing import compose
from jmvae_studio.inference.engine import PREVIEW_SIZE, Layer
from jmvae_studio.inference.renderer import PreviewRequest, Renderer
from trainer.data.face_crop import extract
from trainer.data.images import OpenedImage


class Exporter(QObject):
    """Writes results while the window goes on."""

    finished = Signal(object, str)
    """The `Path` written (None if it failed) and a sentence for the user."""

    def __init__(self, renderer: Renderer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._renderer = renderer
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="saver")

    def export(self, image: OpenedImage, request: PreviewRequest, path: Path, whole: bool) -> None:
        """Write the photograph with the edit of ``request`` in place, or the face's crop of it.

        Raises:
            SaveError: The target cannot become a picture; nothing was started.
        """
        check_target(path, image)
        crop = request.face.crop

        def receive(layer: Layer | str) -> None:
            """On the renderer's thread: hand over to the saver's."""
            if isinstance(layer, str):
                self.finished.emit(None, layer)
            else:
                self._pool.submit(save, layer).add_done_callback(done)

        def save(layer: Layer) -> None:
            result = compose(image.pixels, crop, layer.pixels, layer.replaces)
            if not whole:
                result = extract(result, crop, max(PREVIEW_SIZE, round(crop.side)))
            save_picture(path, result, image)

        def done(future: Future[None]) -> None:
            error = future.exception()
            if error is None:
                self.finished.emit(path, f"Saved {path.name} in {path.parent}.")
            else:
                known = isinstance(error, SaveError)
                self.finished.emit(None, str(error) if known else f"{path.name} could not be saved: {error}")

        self._renderer.layer(request, receive)

    def close(self) -> None:
        """Finish what is being written; call after the renderer was closed."""
        self._pool.shutdown(wait=True)
