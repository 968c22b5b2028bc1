"""A folder's pictures among the codes: looked at once, on a thread of its own, and kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Signal

from jmvae_studio.control.locating import crops_in, locate
from jmvae_studio.explore.collection import Collection
from jmvae_studio.explore.folder_codes import Known, PictureCodes, codes_path, collect, load, to_bytes
from jmvae_studio.inference.renderer import Renderer, RenderError
from jmvae_studio.inference.requests import ModelInfo
from jmvae_studio.language import tr
from trainer.data.decoder import Decoder
from trainer.data.face_crop import extract
from trainer.data.folder import pictures_in
from trainer.errors import ImageError
from trainer.files import write_beside

KEEP_EVERY = 200
"""New pictures after which what is known is kept, in case of a crash."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """The codes of a folder.

    Attributes:
        model: Digest of the model whose codes they are.
        folder: Where the pictures are.
        collection: Their codes; None if no face was found.
        failures: Name of every picture without a code, and why.
        new: How many pictures had not been looked at before.
        complete: Whether all pictures were looked at, and none is left after a cancel.
        message: Why nothing was gathered; empty otherwise.
    """

    model: str
    folder: Path
    collection: Collection | None = None
    failures: tuple[tuple[str, str], ...] = ()
    new: int = 0
    complete: bool = True
    message: str = ""


class MapFolder(QObject):
    """Gathers one folder at a time; the pictures are only read."""

    gathered = Signal(object)
    """A `Gathered`, at the end or after a cancel."""
    progress = Signal(int, int)
    """Pictures looked at, of so many; both 0 at the end."""

    def __init__(self, renderer: Renderer, cache: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._renderer, self._cache = renderer, cache
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explorer-folder")
        self._stop = threading.Event()
        self._decoder = Decoder()
        self._closing = False

    def gather(self, folder: Path, model: ModelInfo) -> None:
        """Look at every picture of ``folder`` that was not looked at before; one under way is given up."""
        self._stop.set()
        self._stop = threading.Event()
        if not self._closing:
            self._pool.submit(self._gather, folder, model, self._stop)

    def cancel(self) -> None:
        """Stop after the picture under way; what was gathered is kept and told."""
        self._stop.set()

    def close(self) -> None:
        """Keep what was gathered and end the thread; call before the renderer is closed."""
        self._closing = True
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._decoder.close()

    # On the thread ---------------------------------------------------------------------------------

    def _gather(self, folder: Path, model: ModelInfo, stop: threading.Event) -> None:
        try:
            made = self._look_through(folder, model, stop.is_set)
        except OSError as error:
            message = tr("{folder} cannot be read: {reason}.", folder=folder, reason=error.strerror)
            made = Gathered(model.digest, folder, message=message)
        except Exception as error:  # whoever waits for the map must hear of it
            message = tr("{folder} cannot be mapped: {reason}", folder=folder, reason=error)
            made = Gathered(model.digest, folder, message=message)
        if stop is self._stop and not self._closing:  # no other folder was asked for meanwhile
            self.progress.emit(0, 0)
            self.gathered.emit(made)

    def _look_through(self, folder: Path, model: ModelInfo, stopped: Callable[[], bool]) -> Gathered:
        pictures = pictures_in(folder)
        if not pictures:
            message = tr("There are no pictures in {folder}: choose another folder.", folder=folder)
            return Gathered(model.digest, folder, message=message)
        path = codes_path(self._cache, folder, model.digest)
        before = load(path, model.latent, len(model.attribute_names))
        known: dict[str, PictureCodes] = {}
        failures: dict[str, str] = {}
        new = 0
        try:
            for number, (name, file) in enumerate(pictures.items(), 1):
                if stopped():
                    break
                try:
                    status = file.stat()
                    found = before.get(name)
                    if found is None or (found.size, found.time) != (status.st_size, status.st_mtime_ns):
                        self.progress.emit(number, len(pictures))
                        found = self._look(file, status.st_size, status.st_mtime_ns, model)
                        new += 1
                        if new % KEEP_EVERY == 0:
                            self._keep(path, {**before, **known, name: found})
                except RenderError:
                    raise
                except (ImageError, OSError) as error:
                    failures[name] = str(error)
                    continue
                except Exception as error:  # an unforeseen one must not stop the others
                    failures[name] = f"{type(error).__name__}: {error}"
                    continue
                known[name] = found
                if not len(found.codes):
                    failures[name] = tr("no face was found")
        finally:
            if new and known:
                self._keep(path, {**before, **known} if stopped() else known)
        complete = len(known) + len(failures.keys() - known.keys()) == len(pictures)
        collection = None
        if any(len(picture.codes) for picture in known.values()):
            collection = collect(known, model.attribute_names, tr("{picture}, face {number}"))
        return Gathered(model.digest, folder, collection, tuple(failures.items()), new, complete)

    def _keep(self, path: Path, known: Known) -> None:
        with suppress(OSError):  # what cannot be kept is looked at again the next time
            path.parent.mkdir(parents=True, exist_ok=True)
            write_beside(path, to_bytes(known))

    def _look(self, file: Path, size: int, time: int, model: ModelInfo) -> PictureCodes:
        photo = self._decoder.open(file).pixels
        crops = crops_in(photo, model.takes_whole)
        if not crops:
            shapes = (0, model.latent), (0, len(model.attribute_names))
            return PictureCodes(size, time, *(np.zeros(shape, np.float32) for shape in shapes))
        faces = [extract(photo, crop, model.image_size) for crop in crops]
        located = locate(self._renderer, model.digest, faces)
        return PictureCodes(size, time, located.codes, located.read)
