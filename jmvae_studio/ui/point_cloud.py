"""Very many coloured points: drawn as one picture by numpy, so that 200,000 of them can be panned."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

MOST_DRAWN = 20_000
"""Points up to which a drawing (SVG) has each of them; of more it has the picture."""
_DOTS = ((6_000, 5), (60_000, 3))
"""Up to so many points each is so many pixels wide; more are 2."""


class PointCloud(pyqtgraph.GraphicsObject):  # type: ignore[misc]
    """Points of a plot, in its coordinates; later ones lie over earlier ones."""

    def __init__(self) -> None:
        super().__init__()
        self._points = np.zeros((0, 2), np.float32)
        self._colours = np.zeros(0, np.uint32)
        self._bounds = QRectF()
        self._picture: QImage | None = None
        self._drawn: tuple[float, ...] = ()

    def show_points(self, points: npt.NDArray[np.float32], colours: npt.NDArray[np.uint32]) -> None:
        """Show points.

        Args:
            points: n × 2, finite.
            colours: n, as Qt's opaque 0xffRRGGBB.
        """
        self.prepareGeometryChange()
        self._points, self._colours = points, colours
        self._bounds = QRectF()
        if len(points):
            (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
            self._bounds = QRectF(left, top, right - left, bottom - top)
        self._drawn = ()
        self.update()

    def boundingRect(self) -> QRectF:
        return self._bounds  # asked many times a frame

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        if not len(self._points):
            return
        to_pixels = painter.transform()
        if isinstance(painter.device(), QSvgGenerator) and len(self._points) <= MOST_DRAWN:
            self._draw_each(painter)
            return
        ratio = painter.device().devicePixelRatioF()
        seen = to_pixels.mapRect(self.viewRect()).toAlignedRect()
        scale = (to_pixels.m11() * ratio, to_pixels.m22() * ratio)
        shift = ((to_pixels.dx() - seen.x()) * ratio, (to_pixels.dy() - seen.y()) * ratio)
        size = (round(seen.width() * ratio), round(seen.height() * ratio))
        if self._drawn != (*scale, *shift, *size):
            self._picture = draw(self._points, self._colours, scale, shift, size, ratio)
            self._drawn = (*scale, *shift, *size)
        painter.save()
        painter.resetTransform()
        if self._picture is not None:
            painter.drawImage(seen.topLeft(), self._picture)
        painter.restore()

    def _draw_each(self, painter: QPainter) -> None:
        """Every point as a circle, for drawings that keep their sharpness."""
        to_pixels = painter.transform()
        radius = _dot(len(self._points)) / 2
        seen = to_pixels.mapRect(self.viewRect())
        painter.save()
        painter.resetTransform()
        painter.setPen(Qt.PenStyle.NoPen)
        for (x, y), colour in zip(self._points.tolist(), self._colours.tolist(), strict=True):
            place = to_pixels.map(QPointF(x, y))
            if seen.contains(place):
                painter.setBrush(QColor.fromRgba(colour))
                painter.drawEllipse(place, radius, radius)
        painter.restore()


def _dot(count: int) -> int:
    """Width of a point in pixels where there are so many."""
    return next((pixels for most, pixels in _DOTS if count <= most), 2)


def draw(
    points: npt.NDArray[np.float32],
    colours: npt.NDArray[np.uint32],
    scale: tuple[float, float],
    shift: tuple[float, float],
    size: tuple[int, int],
    ratio: float = 1,
) -> QImage:
    """Points as a transparent picture of ``size`` (width, height) pixels; a point is drawn at scale · point + shift."""
    width, height = size
    dot = max(1, round(_dot(len(points)) * ratio))
    steps = np.arange(dot) - (dot - 1) / 2
    disc = np.add.outer(steps**2, steps**2) <= (dot / 2) ** 2
    rows, columns = np.nonzero(disc)
    wide = width + 2 * dot  # a margin takes what sticks out at the border
    canvas = np.zeros((height + 2 * dot) * wide, np.uint32)
    across = np.floor(points[:, 0] * np.float32(scale[0]) + np.float32(shift[0] - dot / 2 + 0.5)).astype(
        np.int32
    )
    down = np.floor(points[:, 1] * np.float32(scale[1]) + np.float32(shift[1] - dot / 2 + 0.5)).astype(
        np.int32
    )
    seen = (across > -dot) & (across < width) & (down > -dot) & (down < height)
    first = (down[seen] + dot) * wide + across[seen] + dot
    offsets = (rows * wide + columns).astype(np.int32)
    canvas[(first[:, None] + offsets).ravel()] = np.repeat(colours[seen], len(offsets))
    inside = np.ascontiguousarray(canvas.reshape(height + 2 * dot, wide)[dot:-dot, dot:-dot])
    picture = QImage(inside.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    picture = picture.copy()  # its own pixels: see `images.to_qimage`
    picture.setDevicePixelRatio(ratio)
    return picture
