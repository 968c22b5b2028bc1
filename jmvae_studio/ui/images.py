"""Pixels to Qt images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage


def to_qimage(pixels: npt.NDArray[np.uint8]) -> QImage:
    """A picture of its own for height × width × 3 pixels.

    The copy matters: on Python 3.11 a QImage does not keep the buffer it was made from alive.
    """
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
