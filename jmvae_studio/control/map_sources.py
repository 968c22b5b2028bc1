"""What the latent map shows: codes that come with the model, of photographs, of a folder or of attributes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, Signal

from jmvae_studio.control.map_folder import Gathered, MapFolder
from jmvae_studio.control.map_photographs import PhotoFace, face_name
from jmvae_studio.document.columns import single_labels, turned
from jmvae_studio.explore.bank import bank_of
from jmvae_studio.explore.collection import Collection, Group
from jmvae_studio.explore.groups import sample
from jmvae_studio.explore.projection import Projection, fit
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.renderer import Renderer, RenderError
from jmvae_studio.inference.requests import ModelInfo
from jmvae_studio.language import tr, trn
from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.message_bar import Message
from trainer.errors import DataError, TrainerError

FEWEST = 2
"""Codes of which principal components can be made."""

Columns = tuple[tuple[str, tuple[float, ...]], ...]
"""Captions of groups and their attributes."""
Source = Literal["bank", "groups", "photographs", "folder"]


@dataclass(frozen=True)
class Wish:
    """What the map shall show, of the model with the digest ``model``; equal wishes need no second answer."""

    model: str
    source: Source
    content: Hashable = None

    def is_like(self, other: Wish | None) -> bool:
        """Whether only the content is another."""
        return other is not None and replace(other, content=self.content) == self


@dataclass(frozen=True, eq=False)
class Chart:
    """A collection with its projection and a word about it, or a sentence why there is none."""

    wish: Wish | None = None
    collection: Collection | None = None
    projection: Projection | None = None
    message: str = ""


class MapSources(QObject):
    """Finds the codes and their principal components, on threads of its own; the newest wish is answered."""

    begun = Signal()
    """Something else than before is worked out."""
    charted = Signal(object)
    """A `Chart` of the newest wish."""
    _made = Signal(object)
    _sampled = Signal(object, object)

    def __init__(
        self,
        renderer: Renderer,
        window: MainWindow,
        settings: Settings,
        cache: Path,
        parent: QObject | None = None,
    ) -> None:
        """Args: ``cache`` is the folder in which codes of folders are kept."""
        super().__init__(parent)
        self._renderer, self._window, self._settings = renderer, window, settings
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explorer")
        self._folder = MapFolder(renderer, cache, self)
        self._closing = False
        self._asked: Wish | None = None
        self._made.connect(self._tell)
        self._sampled.connect(self._take_samples)
        self._folder.progress.connect(self._show_progress)
        self._folder.gathered.connect(self._take_folder)
        window.map_progress.cancelled.connect(self._folder.cancel)

    def close(self) -> None:
        """End the threads; call before the renderer is closed."""
        self._closing = True
        self._folder.close()
        self._pool.shutdown(cancel_futures=True)

    def offered(self, model: ModelInfo) -> list[tuple[str, str]]:
        """What can be shown, as name and title."""
        if model.takes_whole:
            sources = [("groups", tr("Samples of every label"))]
        else:
            sources = [
                ("bank", tr("Codes that come with the model")),
                ("groups", tr("Samples of changed attributes")),
            ]
        sources.append(("photographs", tr("The open photographs")))
        if self._settings.map_folder:
            name = Path(self._settings.map_folder).name
            sources.append(("folder", tr("The folder {name}", name=name)))
        return sources

    def source(self, model: ModelInfo) -> Source:
        """What is shown of a model: a model of labels comes without a bank."""
        wanted: Source = self._settings.map_source
        return "groups" if wanted == "bank" and model.takes_whole else wanted

    def take_folder(self, folder: Path) -> None:
        """Show a folder from now on, and look at its pictures again."""
        self._settings.map_folder, self._settings.map_source = str(folder), "folder"
        self._asked = None

    def follow(self, model: ModelInfo, faces: Sequence[PhotoFace], base: tuple[float, ...] | None) -> None:
        """Work out what is to be shown, unless it was asked for already.

        Args:
            model: Whose codes.
            faces: Of the open photographs.
            base: Attributes that the model reads from the face that is edited; None without one.
        """
        source = self.source(model)
        folder = Path(self._settings.map_folder)
        columns: Columns = ()
        content: Hashable = None
        if source == "folder":
            content = str(folder)
        elif source == "photographs":
            content = tuple((face.photo.number, face.code.tobytes()) for face in faces)
        elif source == "groups":
            content = columns = self._columns(model, base)
        wish = Wish(model.digest, source, content)
        is_read = source != "groups" or bool(columns)  # another face is read soon, and has groups then
        if wish == self._asked or (not is_read and wish.is_like(self._asked)):
            return
        before, self._asked = self._asked, wish
        if not wish.is_like(before):
            self.begun.emit()
        if source == "bank":
            path, digest = Path(model.path), model.digest
            self._submit(wish, lambda: Collection.of_bank(bank_of(path, digest)))
        elif source == "folder":
            self._folder.gather(folder, model)
        elif source == "photographs":
            self._submit(wish, lambda: _collect(faces, model))
        elif columns:
            names = model.attribute_names
            self._renderer.with_engine(
                partial(_sample, model.digest, names, columns), partial(self._sampled.emit, wish)
            )
        else:
            self._tell(Chart(wish, message=tr("Open a photograph to begin.")))

    def _columns(self, model: ModelInfo, base: tuple[float, ...] | None) -> Columns:
        """Captions and attributes of the groups."""
        if model.takes_whole:
            return tuple(single_labels(model.attribute_names))
        if base is None:
            return ()
        return ((tr("Base"), base), *turned(model.attribute_names, base, self._settings.map_groups))

    def _take_samples(self, wish: Wish, sampled: Collection | str) -> None:
        if isinstance(sampled, str):
            self._tell(Chart(wish, message=sampled))
        elif wish == self._asked:
            self._submit(
                wish, lambda: sampled, tr("The axes are those on which the groups' averages differ.")
            )

    def _submit(self, wish: Wish, collect: Callable[[], Collection], remark: str = "") -> None:
        if not self._closing:
            self._pool.submit(self._make, wish, collect, remark)

    def _make(self, wish: Wish, collect: Callable[[], Collection], remark: str) -> None:
        """On the explorer's thread."""
        try:
            collection = collect()
            if len(collection.codes) < FEWEST:
                raise DataError(tr("A map needs two faces at least: open more photographs, or map a folder."))
            spread = collection.codes  # the groups' averages, whose distances the samples' noise would hide
            if len(collection.groups) >= FEWEST:
                spread = np.stack([group.code for group in collection.groups])
            made = Chart(wish, collection, fit(spread, lambda: self._closing), remark)
        except (TrainerError, MemoryError, np.linalg.LinAlgError) as error:
            made = Chart(wish, message=str(error))
        if not self._closing:
            self._made.emit(made)

    def _tell(self, made: Chart) -> None:
        if made.wish == self._asked:
            self.charted.emit(made)

    # Folders ---------------------------------------------------------------------------------------

    def _show_progress(self, done: int, total: int) -> None:
        if total:
            text = tr("Mapping {done:,} of {total:,}", done=done, total=total)
            self._window.map_progress.show_progress(text, done, total)
        else:
            self._window.map_progress.hide()

    def _take_folder(self, made: Gathered) -> None:
        wish = self._asked
        if wish is None or wish != Wish(made.model, "folder", str(made.folder)):
            return
        remarks = []
        if made.failures:
            left = len(made.failures)
            remarks.append(
                trn("{count:,} picture has no face on it.", "{count:,} pictures have no face on it.", left)
            )
        if not made.complete:
            remarks.append(tr("Not all pictures were looked at: map the folder again to go on."))
        if made.failures and made.new:
            text = trn(
                "{count:,} picture of {folder} is not on the map.",
                "{count:,} pictures of {folder} are not on the map.",
                len(made.failures),
                folder=made.folder.name,
            )
            details = "\n".join(f"{name}: {reason}" for name, reason in made.failures)
            self._window.messages.show_message(Message(text, details=details))
        collection = made.collection
        if collection is None:
            text = tr("No face was found in the pictures of {folder}.", folder=made.folder.name)
            self._tell(Chart(wish, message=made.message or text))
        else:
            self._submit(wish, lambda: collection, " ".join(remarks))


def _collect(faces: Sequence[PhotoFace], model: ModelInfo) -> Collection:
    """The open photographs as a collection."""
    codes = np.array([face.code for face in faces], np.float32).reshape(-1, model.latent)
    read = np.array([face.read for face in faces], np.float32)
    return Collection(codes, model.attribute_names, read=read, titles=tuple(map(face_name, faces)))


def _sample(digest: str, names: tuple[str, ...], columns: Columns, engine: Engine) -> Collection:
    """On the renderer's thread."""
    if engine.digest != digest:
        raise RenderError(tr("The model was replaced meanwhile."))
    means, variances = engine.posteriors([column for _, column in columns])
    codes, member = sample(means, variances)
    groups = tuple(
        Group(caption, mean, engine.decode(mean).pixels)
        for (caption, _), mean in zip(columns, means, strict=True)
    )
    return Collection(codes, names, read=engine.read(codes), groups=groups, member=member)
