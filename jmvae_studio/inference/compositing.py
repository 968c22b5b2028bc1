"""From an edit at the model's resolution to the photograph at its own: resampled, feathered, laid in."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from trainer.data.face_crop import FaceCrop

Pixels = npt.NDArray[np.uint8]

FEATHER = 0.14
"""Share of the crop's side over which an edit fades to nothing at the border."""

_OVERSAMPLING = 8
"""An edit is first enlarged exactly by this factor: OpenCV's warp works with 1/32 of a source pixel."""


def feather_ramp(size: int) -> npt.NDArray[np.float32]:
    """Weight of the edit along one side of ``size`` pixels: 0 at both ends, 1 inside, smooth between."""
    position = (np.arange(size) + 0.5) / size
    ramp = np.clip(np.minimum(position, 1 - position) / FEATHER, 0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)


def feather(size: int) -> npt.NDArray[np.float32]:
    """Weight of the edit over a crop of ``size`` pixels: size × size, the product of both sides' ramps."""
    ramp = feather_ramp(size)
    return np.outer(ramp, ramp)


def compose(photo: Pixels, crop: FaceCrop, layer: npt.NDArray[np.float32], replaces: bool) -> Pixels:
    """Lay an edit into a copy of the photograph.

    Args:
        photo: Height × width × 3.
        crop: Where the face was cut out.
        layer: size × size × 3, a difference to add, or colours (0…255) if ``replaces``.
        replaces: Whether the layer replaces the photograph instead of being added.

    Returns:
        Height × width × 3; outside the crop every pixel is the photograph's own.
    """
    result = photo.copy()
    height, width = photo.shape[:2]
    corners = crop.corners()
    left, top = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, (width, height))
    if left >= right or top >= bottom:
        return result
    large = layer.shape[0] * _OVERSAMPLING
    fine = cv2.resize(layer, (large, large), interpolation=cv2.INTER_CUBIC)
    fine = np.dstack([fine, feather(large)])
    to_photo = crop.to_photo(large)
    to_photo[:, 2] -= (left, top)
    warped = cv2.warpAffine(fine, to_photo, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    weight = warped[..., 3:]
    region = result[top:bottom, left:right]
    change = warped[..., :3] - region if replaces else warped[..., :3]
    region[:] = np.clip(np.rint(region + weight * change), 0, 255).astype(np.uint8)
    return result
