"""The open photographs among the codes: read on a thread of their own while the map is seen."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from jmvae_studio.control.locating import Floats, Located, crops_in, locate
from jmvae_studio.control.photographs import Photographs
from jmvae_studio.document.photo import Photo
from jmvae_studio.document.session import Session
from jmvae_studio.inference.renderer import Renderer, RenderError
from jmvae_studio.inference.requests import FaceKey, ModelInfo
from jmvae_studio.language import tr
from jmvae_studio.ui.images import to_qimage
from trainer.data.decoder import Decoder
from trainer.data.face_crop import FaceCrop, extract
from trainer.data.images import OpenedImage
from trainer.errors import ImageError

SHOWN = 72
"""Side of the small pictures, in pixels."""


@dataclass(frozen=True, eq=False)
class PhotoFace:
    """A face of an open photograph with its code.

    Attributes:
        photo: Whose face it is.
        number: Which of its faces.
        code: Mean of q(z|x), latent.
        read: Attributes that the model reads there.
        image: The face.
    """

    photo: Photo
    number: int
    code: Floats
    read: Floats
    image: QImage


def face_name(face: PhotoFace) -> str:
    """What a face is called: after its photograph."""
    if len(face.photo.faces) > 1:
        return tr("{picture}, face {number}", picture=face.photo.name, number=face.number + 1)
    return face.photo.name


@dataclass(frozen=True, eq=False)
class _Looked:
    """What became of a photograph: the crops of its faces, their codes and pictures; no crops where none is."""

    model: ModelInfo
    photo: Photo
    crops: Sequence[FaceCrop]
    located: Located | None = None
    shown: Sequence[npt.NDArray[np.uint8]] = ()


class MapPhotographs(QObject):
    """Knows the code of every face of the open photographs, one after the other."""

    changed = Signal()
    """A photograph was looked at."""
    _looked = Signal(object)

    def __init__(
        self, session: Session, photographs: Photographs, renderer: Renderer, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._photographs, self._renderer = session, photographs, renderer
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="explorer-photographs")
        self._decoder = Decoder()
        self._model: ModelInfo | None = None
        self._codes: dict[FaceKey, tuple[Floats, Floats, QImage]] = {}
        """Of the faces, as the model sees them."""
        self._found: dict[int, Sequence[FaceCrop]] = {}
        """By number, of photographs in which only the map has looked for faces."""
        self._passed: set[FaceKey] = set()
        """Faces that could not be read."""
        self._busy = self._closing = False
        self._going: tuple[Photo, int] | None = None
        self._looked.connect(self._take)
        session.faces_changed.connect(self._arrive)

    def close(self) -> None:
        """Drop the photograph under way and end the thread; call before the renderer is closed."""
        self._closing = True
        self._decoder.abandon()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def follow(self, model: ModelInfo) -> None:
        """Look at the photographs that the model has not seen yet."""
        if self._model is None or model.digest != self._model.digest:
            self._codes.clear()
            self._passed.clear()
            if self._model is not None and model.takes_whole != self._model.takes_whole:
                self._found.clear()
            self._model = model
        known = {FaceKey(p.number, crop) for p in self._session.photos for crop in self._crops(p) or ()}
        self._codes = {key: code for key, code in self._codes.items() if key in known}
        self._look_on()

    def faces(self) -> list[PhotoFace]:
        """Those whose codes are known, in the order of the filmstrip."""
        return [
            PhotoFace(photo, number, *self._codes[key])
            for photo in self._session.photos
            for number, crop in enumerate(self._crops(photo) or ())
            if (key := FaceKey(photo.number, crop)) in self._codes
        ]

    def go_to(self, face: PhotoFace) -> None:
        """Show the photograph, and edit this face of it."""
        self._going = (face.photo, face.number)
        self._photographs.show(face.photo)
        self._arrive()

    def _arrive(self) -> None:
        if self._going is None:
            return
        photo, number = self._going
        if self._session.photo is photo and number < len(photo.faces):
            self._going = None
            self._session.choose_face(number)

    def _crops(self, photo: Photo) -> Sequence[FaceCrop] | None:
        """Of the faces for a model of this kind; None before anyone has looked for them."""
        whole = self._model is not None and self._model.takes_whole
        if photo.searched and photo.whole == whole:
            return [face.crop for face in photo.faces]
        if photo.searched and photo.aside is not None:
            return [face.crop for face in photo.aside[0]]
        return self._found.get(photo.number)

    def _look_on(self) -> None:
        if self._busy or self._closing or self._model is None:
            return
        for photo in self._session.photos:
            crops = self._crops(photo)
            if crops is not None:
                keys = (FaceKey(photo.number, crop) for crop in crops)
                crops = [key.crop for key in keys if key not in self._codes and key not in self._passed]
            if crops is None or crops:
                self._busy = True
                self._pool.submit(self._look, self._model, photo, photo.image, crops)
                return

    def _take(self, looked: _Looked) -> None:
        self._busy = False
        photo = looked.photo
        if self._model is None or looked.model.digest != self._model.digest:
            self._look_on()
            return
        if self._crops(photo) is None:
            self._found[photo.number] = looked.crops
        if looked.located is None:
            self._passed.update(FaceKey(photo.number, crop) for crop in looked.crops)
        else:
            for crop, code, read, shown in zip(
                looked.crops, looked.located.codes, looked.located.read, looked.shown, strict=True
            ):
                self._codes[FaceKey(photo.number, crop)] = (code, read, to_qimage(shown))
        self.changed.emit()
        self._look_on()

    # On the thread ---------------------------------------------------------------------------------

    def _look(
        self, model: ModelInfo, photo: Photo, image: OpenedImage | None, crops: Sequence[FaceCrop] | None
    ) -> None:
        looked = _Looked(model, photo, crops or ())
        try:
            image = image or self._decoder.open(photo.path)
            if crops is None:
                crops = crops_in(image.pixels, model.takes_whole)
            if crops:
                faces = [extract(image.pixels, crop, model.image_size) for crop in crops]
                shown = [extract(image.pixels, crop, SHOWN) for crop in crops]
                located = locate(self._renderer, model.digest, faces)
                looked = _Looked(model, photo, crops, located, shown)
        except (ImageError, RenderError):
            pass  # it has no place on the map; opening it tells why
        finally:
            self._looked.emit(looked)
