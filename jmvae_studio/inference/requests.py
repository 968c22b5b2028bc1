"""What the application asks of the renderer, and what comes back: immutable, and every answer names its request."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jmvae_studio.inference.results import Asked, Beliefs, Decoded, Device, Places, Preview
from trainer.data.face_crop import FaceCrop


@dataclass(frozen=True)
class FaceKey:
    """Names a face to the renderer.

    Attributes:
        photo: Number of the photograph.
        crop: The square of it.
        told: Attributes whose values are known, in place of what the model reads.
    """

    photo: int
    crop: FaceCrop
    told: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class PreviewRequest:
    """Show an edit on a face, in the terms of the model with the digest ``model``.

    Attributes:
        model: Digest of the model.
        face: Which face.
        asked: The edit.
    """

    model: str
    face: FaceKey
    asked: Asked


@dataclass(frozen=True)
class PreviewResult:
    """A preview with the request it answers, and the attributes with the free ones in place."""

    request: PreviewRequest
    preview: Preview
    attributes: tuple[float, ...]


@dataclass(frozen=True)
class HoverRequest:
    """Decode a code, in the terms of the model with the digest ``model``."""

    model: str
    code: npt.NDArray[np.float32] = field(repr=False, compare=False)


@dataclass(frozen=True)
class HoverResult:
    """A decoded code with the request it answers."""

    request: HoverRequest
    decoded: Decoded


@dataclass(frozen=True)
class Analysis:
    """What is worked out after a drag: where a face and its edit lie among the codes, and what the model reads."""

    request: PreviewRequest
    places: Places
    beliefs: Beliefs


@dataclass(frozen=True)
class EncodeRequest:
    """Upload a face and infer its attributes.

    Attributes:
        face: Which face.
        photo: The photograph's pixels.
        passing: Whether its square is on its way elsewhere: its code makes room for the next.
    """

    face: FaceKey
    photo: npt.NDArray[np.uint8] = field(repr=False, compare=False)
    passing: bool = False


@dataclass(frozen=True)
class EncodeResult:
    """Attributes inferred from a face, how plausible its crop is (0…1), and the crop as the eye sees it."""

    face: FaceKey
    digest: str
    attributes: tuple[float, ...]
    plausibility: float
    preview: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ModelInfo:
    """What the application needs to know of a loaded model."""

    path: Path
    digest: str
    system: str
    attribute_names: tuple[str, ...]
    image_size: int
    latent: int
    """Dimensions of its code."""
    device: Device
    """As it was asked for."""
    device_name: str
    takes_whole: bool = False
    """Whether it sees whole pictures and not faces in them."""
    corrects: bool = True
    """Whether it takes what is known of a face beside the picture."""
    iterates: bool = False
    """Whether it completes a picture from attributes in several passes."""
