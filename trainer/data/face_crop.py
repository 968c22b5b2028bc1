"""From a photograph to the square the model sees, and the way back.

The same code crops training data and a user's photograph, so that what the model is shown at work is
what it was trained on. Coordinates are pixels of the *upright* photograph with the origin at its upper
left corner; pixel centres lie at +0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Height × width × 3, RGB."""

ALIGNED_SIZE = (178, 218)
"""Width and height of CelebA's aligned pictures as distributed."""
ALIGNED_CENTER = (89.0, 107.0)
ALIGNED_SIDE = 148.0
"""The usual CelebA crop: 148 of 178 pixels wide, hair and chin inside."""


@dataclass(frozen=True)
class FaceCrop:
    """A square on a photograph, possibly turned.

    Attributes:
        center_x: Horizontal centre in pixels.
        center_y: Vertical centre in pixels.
        side: Side of the square in pixels.
        roll: Clockwise turn of the square in degrees; a face tilted by ``roll`` is upright in the crop.
    """

    center_x: float
    center_y: float
    side: float
    roll: float = 0.0

    def to_photo(self, size: int) -> npt.NDArray[np.float64]:
        """Affine map from pixels of a ``size`` × ``size`` crop to the photograph.

        Returns:
            2×3 matrix for pixel *indices* (OpenCV's convention: index 0 is the centre of the first pixel).
        """
        scale = self.side / size
        angle = math.radians(self.roll)
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        offset = 0.5 - size / 2
        return np.array(
            [
                [cos, -sin, self.center_x - 0.5 + cos * offset - sin * offset],
                [sin, cos, self.center_y - 0.5 + sin * offset + cos * offset],
            ]
        )

    def corners(self) -> npt.NDArray[np.float64]:
        """The four corners on the photograph, 4×2, clockwise from the face's upper left."""
        angle = math.radians(self.roll)
        cos, sin = math.cos(angle), math.sin(angle)
        half = self.side / 2
        square = np.array([[-half, -half], [half, -half], [half, half], [-half, half]])
        rotation = np.array([[cos, sin], [-sin, cos]])
        return np.asarray(square @ rotation + (self.center_x, self.center_y))


def aligned_crop(width: int, height: int) -> FaceCrop:
    """The crop of an aligned CelebA picture of any scale, in proportion and without detection."""
    scale_x, scale_y = width / ALIGNED_SIZE[0], height / ALIGNED_SIZE[1]
    side = ALIGNED_SIDE * math.sqrt(scale_x * scale_y)
    return FaceCrop(ALIGNED_CENTER[0] * scale_x, ALIGNED_CENTER[1] * scale_y, side)


def whole_crop(width: int, height: int) -> FaceCrop:
    """The square that holds the whole picture, for models that see no faces; what is over is reflected."""
    return FaceCrop(width / 2, height / 2, max(width, height))


_WARP_LIMIT = 32_000
"""OpenCV's warp addresses source pixels with 16 bits."""


def _region(photo: Pixels, crop: FaceCrop) -> tuple[Pixels, FaceCrop]:
    """The part of an enormous photograph around ``crop``, with room for the reflection at its borders."""
    height, width = photo.shape[:2]
    reach = 1.5 * crop.side + 2
    left = int(min(max(crop.center_x - reach, 0), width - 1))
    top = int(min(max(crop.center_y - reach, 0), height - 1))
    right = int(max(min(crop.center_x + reach, width), left + 1))
    bottom = int(max(min(crop.center_y + reach, height), top + 1))
    moved = FaceCrop(crop.center_x - left, crop.center_y - top, crop.side, crop.roll)
    return photo[top:bottom, left:right], moved


def extract(photo: Pixels, crop: FaceCrop, size: int) -> Pixels:
    """Cut ``crop`` out of ``photo`` and resample it to ``size`` × ``size`` × 3.

    Areas are averaged when the crop is larger than ``size`` (no aliasing), and the photograph is
    reflected where the crop leaves it.
    """
    if max(photo.shape) > _WARP_LIMIT:
        photo, crop = _region(photo, crop)
    oversampling = max(1, math.ceil(crop.side / size))
    fine = size * oversampling
    warped = cv2.warpAffine(
        np.ascontiguousarray(photo),
        crop.to_photo(fine),
        (fine, fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    if oversampling > 1:
        warped = cv2.resize(warped, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(warped, dtype=np.uint8)
