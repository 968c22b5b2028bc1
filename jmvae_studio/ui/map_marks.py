"""What can be meant and marked on the latent map; free of pyqtgraph, so that the window starts as fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

GROUPED = "\n"
"""Stands for the groups among the attributes to colour by: no attribute has this name."""


@dataclass(frozen=True)
class Spot:
    """What lies at a place of the map: a point or a picture by its index, the end of the edit, or nothing."""

    kind: Literal["nothing", "point", "picture", "edit"]
    index: int = -1


NOTHING, EDIT_END = Spot("nothing"), Spot("edit")


@dataclass(frozen=True)
class Marks:
    """What is drawn over the points: the photograph's posterior, that of the attributes, and the edit between.

    Attributes:
        photo: Outline of q(z|x), n × 2.
        asked: Outline of q(z|w'), n × 2.
        start: Where the photograph's code lies.
        end: Where the edit has moved it.
    """

    photo: Floats
    asked: Floats
    start: tuple[float, float]
    end: tuple[float, float]
