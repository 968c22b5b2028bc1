"""What the engine gives back, and in which terms it is asked; free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Mode = Literal["residual", "latent", "generate"]
Device = Literal["auto", "cpu", "cuda", "mps"]
Pixels = npt.NDArray[np.uint8]

PREVIEW_SIZE = 320
"""Side of the edited face in pixels while dragging; the photograph itself is edited at its own size."""


@dataclass(frozen=True)
class Asked:
    """What an edit asks of a face, in a model's terms.

    Attributes:
        attributes: Of the edited face, in the order of the model's names.
        mode: How the change reaches the photograph.
        free: Indices of the attributes that go where the model believes them to be, given the others
            (`Engine.follow`).
        identity: How much of the person's own is kept; 1 is all.
    """

    attributes: tuple[float, ...]
    mode: Mode = "latent"
    free: tuple[int, ...] = ()
    identity: float = 1.0


@dataclass(frozen=True)
class Preview:
    """What a drag brings back.

    Attributes:
        average: Average face of the attributes, uint8, size × size × 3.
        edited: The face as it will be in the photograph, uint8, `PREVIEW_SIZE` squared × 3.
        milliseconds: Spent in the engine.
    """

    average: Pixels
    edited: Pixels
    milliseconds: float


@dataclass(frozen=True)
class Layer:
    """An edit at the model's resolution, to be laid into the photograph.

    Attributes:
        pixels: size × size × 3, float32: a difference to add, or colours that replace, 0…255.
        replaces: Whether the pixels replace the photograph (mode ``generate``).
    """

    pixels: npt.NDArray[np.float32]
    replaces: bool


@dataclass(frozen=True)
class Places:
    """Where a face, its attributes and its edit lie among the codes; each latent, float32.

    Attributes:
        photo: Mean and variance of q(z|x).
        attributes: Mean and variance of q(z|w) for the attributes read from the face.
        asked: Mean and variance of q(z|w') for the attributes of the edit.
        edited: The photograph's code moved by mu(w') - mu(w).
    """

    photo: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    attributes: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    asked: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    edited: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Beliefs:
    """What the model believes of a face beyond one number for an attribute, in the order of its names.

    Attributes:
        lowest: Of each attribute over codes of q(z|x), a value that one code in six lies below.
        highest: One that one code in six lies above: two in three lie between both.
        obtained: What the model reads from the edited face.
    """

    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    obtained: tuple[float, ...]


@dataclass(frozen=True)
class Imagined:
    """Faces that no photograph shows: a row of averages, then random ones.

    Attributes:
        faces: Rows × columns × size × size × 3.
        codes: Rows × columns × latent.
    """

    faces: Pixels
    codes: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Faded:
    """Faces on the way from all of a photograph to its attributes alone.

    Attributes:
        faces: Steps × size × size × 3.
        codes: Steps × latent.
        attributes: What the model reads at each code, in the order of its names.
    """

    faces: Pixels
    codes: npt.NDArray[np.float32]
    attributes: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Completed:
    """A picture that a model completes from attributes alone, after 0, 1, … passes of iterative sampling.

    Attributes:
        faces: Passes + 1 × size × size × 3.
        codes: Passes + 1 × latent.
        likelihoods: Log p(x|w) of the photograph's face after each, in nats.
    """

    faces: Pixels
    codes: npt.NDArray[np.float32]
    likelihoods: tuple[float, ...]


@dataclass(frozen=True)
class Decoded:
    """A code as the model sees it.

    Attributes:
        pixels: The face, size × size × 3.
        attributes: The mean of p(w|z), in the order of the model's names.
    """

    pixels: Pixels
    attributes: tuple[float, ...]
