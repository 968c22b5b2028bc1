"""A face's edit as it lies over the whole photograph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage, QPainter

from jmvae_studio.ui.images import to_pixels, to_qimage


@dataclass(frozen=True)
class Overlay:
    """The preview of one face.

    Attributes:
        edited: The face's square with its edit.
        original: The same square without it, of the same size; None while it is not known.
        replaces: Whether the edit takes the place of the face, so that nothing of the photograph shows through.
    """

    edited: QImage
    original: QImage | None = None
    replaces: bool = False

    def paint(self, painter: QPainter) -> None:
        """Paint it into a square of its own size, as an export lays it in.

        What it changes is added to what is there: edits of other faces and the photograph's own detail stay. What
        replaces a face covers it.

        Args:
            painter: On the photograph, transformed to the square.
        """
        if self.replaces or self.original is None:
            painter.drawImage(0, 0, self.edited)
            return
        lighter, darker = self._changes
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Plus)
        painter.drawImage(0, 0, lighter)
        painter.setCompositionMode(
            QPainter.CompositionMode.CompositionMode_Difference
        )  # from what is lighter: minus
        painter.drawImage(0, 0, darker)

    @cached_property
    def _changes(self) -> tuple[QImage, QImage]:
        """By how much it lightens and by how much it darkens."""
        assert self.original is not None
        change = to_pixels(self.edited).astype(np.int16) - to_pixels(self.original)
        return _picture(change), _picture(-change)


def _picture(change: npt.NDArray[np.int16]) -> QImage:
    return to_qimage(np.clip(change, 0, 255).astype(np.uint8))
