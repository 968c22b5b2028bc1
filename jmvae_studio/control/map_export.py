"""The latent map as a file: a picture, a drawing or a table."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, Signal
from PySide6.QtGui import QImage

from jmvae_studio.control.map_selection import MapSelection
from jmvae_studio.document.saving import SaveError, check_place, identities
from jmvae_studio.document.session import Session
from jmvae_studio.explore.collection import Collection
from jmvae_studio.explore.projection import Floats
from jmvae_studio.explore.table import to_csv
from jmvae_studio.language import tr
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_export
from jmvae_studio.ui.main_window import MainWindow
from trainer.files import write_beside

if TYPE_CHECKING:
    from jmvae_studio.ui.latent_map import LatentMap


class MapExport(QObject):
    """Asks where, draws what is on the screen, and writes it on a thread of its own."""

    failed = Signal(str)
    saved = Signal(object)
    """A `Path` was written."""

    def __init__(
        self,
        collection: Callable[[], Collection | None],
        values: Callable[[Collection], Floats | None],
        session: Session,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        """Args: ``collection`` gives the codes of the map, ``values`` their attributes."""
        super().__init__(parent)
        self._collection, self._values = collection, values
        self._session, self._window, self._settings = session, window, settings
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="figure-saver")
        self.saved.connect(
            lambda path: window.say(tr("Saved {name} in {folder}.", name=path.name, folder=path.parent))
        )

    def close(self) -> None:
        """Finish what is being written, and end the thread."""
        self._pool.shutdown()

    def ask(self, chart: LatentMap, selection: MapSelection) -> None:
        """Ask where the map should be written; the file's ending says as what."""
        if self._collection() is None:
            return
        kinds = {
            ".png": tr("Picture, PNG"),
            ".svg": tr("Drawing, SVG"),
            ".csv": tr("Table of places and attributes, CSV"),
        }
        ask_export(
            self._window,
            tr("Export the Latent Map"),
            self._settings.export_folder,
            "latent-map.png",
            kinds,
            lambda path: self.export(path, chart, selection),
        )

    def export(self, path: Path, chart: LatentMap, selection: MapSelection) -> None:
        """Write the map as it is on the screen, or the table of its codes."""
        collection = self._collection()
        if collection is None:
            return
        kind = path.suffix.lower()
        make: Callable[[], bytes]
        if kind == ".png":
            make = partial(_png, chart.view.picture())
        elif kind == ".svg":
            make = partial(bytes, chart.view.drawing())
        elif kind == ".csv":
            values = self._values(collection)
            make = partial(to_csv, collection, chart.axes_names, chart.points, values, selection.chosen)
        else:
            self.failed.emit(
                tr(
                    "“{name}”: a map is saved as .png, .svg or .csv. Choose one of these endings.",
                    name=path.name,
                )
            )
            return
        originals = identities(photo.path for photo in self._session.photos)

        def write() -> None:
            check_place(path, originals)
            write_beside(path, make())

        self._pool.submit(write).add_done_callback(lambda future: self._finish(path, future))

    def _finish(self, path: Path, future: Future[None]) -> None:
        """On the thread."""
        error = future.exception()
        if error is None:
            self.saved.emit(path)
        elif isinstance(error, SaveError):
            self.failed.emit(str(error))
        else:
            reason = getattr(error, "strerror", None) or str(error)
            text = tr("{name} could not be saved in {folder}: {reason}. Try another folder.")
            self.failed.emit(text.format(name=path.name, folder=path.parent, reason=reason))


def _png(image: QImage) -> bytes:
    store = QByteArray()
    buffer = QBuffer(store)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]
    return bytes(store.data())
