"""Pixels to Qt images, and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage


def to_qimage(pixels: npt.NDArray[np.uint8]) -> QImage:
    """A picture of its own for height × width × 3 pixels.

    It owns its pixels: on Python 3.11 a QImage does not keep the buffer it was made from alive. Four bytes a
    pixel, which Qt scales more than twice as fast as three.
    """
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    borrowed = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return borrowed.convertToFormat(QImage.Format.Format_RGB32)


def to_pixels(image: QImage) -> npt.NDArray[np.uint8]:
    """Height × width × 3, a copy."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    return rows[:, : 3 * plain.width()].reshape(plain.height(), plain.width(), 3).copy()
