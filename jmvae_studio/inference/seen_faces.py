"""The faces that the model has looked at lately, so that none is looked at twice."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from jmvae_studio.inference.engine import Engine, FaceCode
from jmvae_studio.inference.requests import EncodeRequest, FaceKey
from jmvae_studio.inference.results import PREVIEW_SIZE, Pixels
from trainer.data.face_crop import extract

KEPT_FACES = 32

T = TypeVar("T")


class SeenFaces:
    """Crops and codes of the last `KEPT_FACES` faces, and the code of a square that is being dragged.

    Faces that are asked for stay longest, and the `current` one as long as it is that. Codes live on the model's device
    and can be forgotten; they are made anew from the crops. Used by one thread.
    """

    def __init__(self) -> None:
        self._codes: OrderedDict[FaceKey, FaceCode] = OrderedDict()
        self._crops: OrderedDict[FaceKey, tuple[Pixels, Pixels]] = OrderedDict()
        self.current: FaceKey | None = None
        """The face being edited, which no other pushes out."""
        self._passing: dict[FaceKey, FaceCode] = {}
        """Where a square that is being dragged was a moment ago."""

    def look(self, engine: Engine, request: EncodeRequest) -> tuple[FaceCode, Pixels]:
        """The code of a face, kept for later, and its crop as the eye sees it, `PREVIEW_SIZE` squared × 3."""
        crop = request.face.crop
        face = extract(request.photo, crop, engine.image_size)
        preview = extract(request.photo, crop, PREVIEW_SIZE)
        code = engine.encode(face, preview, dict(request.face.told))
        if request.passing:
            self._passing = {request.face: code}
        else:
            self._remember(self._crops, request.face, (face, preview))
            self._remember(self._codes, request.face, code)
        return code, preview

    def code(self, engine: Engine, face: FaceKey) -> FaceCode | None:
        """The code of a face that was seen; None if it was seen too long ago, or by a model of another size."""
        for kept in (self._codes, self._crops):
            if face in kept:
                kept.move_to_end(face)
        code = self._codes.get(face) or self._passing.get(face)
        if code is None and face in self._crops:
            pixels, preview = self._crops[face]
            if pixels.shape[0] != engine.image_size:
                return None
            code = self._remember(self._codes, face, engine.encode(pixels, preview, dict(face.told)))
        return code

    def forget_codes(self) -> None:
        """Let go of what is on the device; the crops stay."""
        self._codes.clear()
        self._passing.clear()

    def _remember(self, kept: OrderedDict[FaceKey, T], key: FaceKey, value: T) -> T:
        """Keep ``value`` as the newest, and no more than `KEPT_FACES` of its kind."""
        kept[key] = value
        kept.move_to_end(key)
        while len(kept) > KEPT_FACES:
            del kept[next(other for other in kept if other != self.current)]
        return value
