"""Where faces lie among the codes, asked of the renderer from a thread that may wait."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.renderer import Renderer, RenderError
from jmvae_studio.language import tr
from trainer.data.face_crop import FaceCrop, whole_crop
from trainer.data.face_detection import find_faces

Floats = npt.NDArray[np.float32]
AT_ONCE = 8
"""Faces in one piece of work, so that the editor's own work comes between."""


@dataclass(frozen=True, eq=False)
class Located:
    """Codes of faces (n × latent) and the attributes that the model reads there (n × attributes)."""

    codes: Floats
    read: Floats


def locate(renderer: Renderer, model: str, faces: Sequence[npt.NDArray[np.uint8]]) -> Located:
    """Locate faces between the editor's own work; call from a thread that may wait.

    Args:
        renderer: Not closed before this returns.
        model: Digest of the model that is meant.
        faces: Each size × size × 3, at least one.

    Raises:
        RenderError: Another model is at work, or it failed.
    """

    def work(engine: Engine, stack: npt.NDArray[np.uint8]) -> Located:
        if engine.digest != model:
            raise RenderError(tr("The model was replaced meanwhile."))
        codes = engine.locate(stack)
        return Located(codes, engine.read(codes))

    parts = []
    for start in range(0, len(faces), AT_ONCE):
        stack = np.stack(faces[start : start + AT_ONCE])
        answer: Future[Located | str] = Future()
        renderer.with_engine(lambda engine, stack=stack: work(engine, stack), answer.set_result)  # type: ignore[misc]
        made = answer.result()
        if isinstance(made, str):
            raise RenderError(made)
        parts.append(made)
    return Located(np.concatenate([p.codes for p in parts]), np.concatenate([p.read for p in parts]))


def crops_in(pixels: npt.NDArray[np.uint8], whole: bool) -> list[FaceCrop]:
    """What a model sees of a picture, height × width × 3: its faces, or the ``whole`` of it."""
    if whole:
        return [whole_crop(pixels.shape[1], pixels.shape[0])]
    return [face.crop for face in find_faces(pixels)]
