"""Small pictures that keep their size on the latent map however far it is zoomed."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QGraphicsPixmapItem

from jmvae_studio.ui.theme import ACCENT

SMALL = 22
"""Side in pixels of pictures of which there are more than `FEW`."""
FEW = 60
_FRAME, _TIP, _HALO = 2, 6, QColor("#9aa4b2")


GROUP_COLOURS = tuple(
    QColor(c)
    for c in (
        *("#2f80c2", "#e0663a", "#3f9b57", "#9a5fb4", "#c79a16", "#1f9e9e"),
        *("#c2477f", "#8a6d55", "#6b7fd7", "#7fa329", "#d0564e", "#5b7083"),
    )
)
"""Colours of groups, in turn."""


@dataclass(frozen=True, eq=False)
class MapPicture:
    """A picture at a place of the map.

    Attributes:
        place: What it shows lies there.
        image: A square.
        name: What it is called, for exports and those who cannot see it.
        chosen: Whether it is framed, as the face that is edited.
        pinned: Whether it stands above its place on a tip, or lies over it.
        side: In pixels.
        colour: Of its frame, unless it is chosen.
    """

    place: tuple[float, float]
    image: QImage
    name: str = ""
    chosen: bool = False
    pinned: bool = True
    side: int = 34
    colour: QColor = field(default_factory=lambda: _HALO)


class PictureItem(QGraphicsPixmapItem):
    """One of them as an item of the plot; ``index`` is its own among the pictures."""

    def __init__(self, picture: MapPicture, index: int, side: int) -> None:
        super().__init__(_framed(picture, side))
        self.index = index
        self._look = _look(picture, side)
        width, height = self.pixmap().width(), self.pixmap().height()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIgnoresTransformations)
        self.setOffset(-width / 2, -height if picture.pinned else -height / 2)
        self.setPos(QPointF(*picture.place))
        self.setZValue(21 if picture.chosen else 20)
        self.setToolTip(picture.name)

    def takes(self, picture: MapPicture, side: int) -> bool:
        """Move to where ``picture`` lies, if it looks the same."""
        same = self._look == _look(picture, side)
        if same:
            self.setPos(QPointF(*picture.place))
        return same

    def covers(self, across: float, down: float) -> bool:
        """Whether it covers what is so many pixels right of its place and below it."""
        return QRectF(self.offset(), self.pixmap().size()).contains(QPointF(across, down))


def side_of(picture: MapPicture, count: int) -> int:
    """How large a picture is drawn among so many: many are small."""
    return SMALL if count > FEW else picture.side


def _look(picture: MapPicture, side: int) -> tuple[object, ...]:
    """What a picture looks like; its place is none of it."""
    colour = picture.colour.rgb()
    return picture.image.cacheKey(), picture.name, picture.chosen, picture.pinned, colour, side


def _framed(picture: MapPicture, side: int) -> QPixmap:
    smooth = Qt.TransformationMode.SmoothTransformation
    fill = Qt.AspectRatioMode.IgnoreAspectRatio
    whole = side + 2 * _FRAME
    pixmap = QPixmap(whole, whole + (_TIP if picture.pinned else 0))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ACCENT if picture.chosen else picture.colour)
    painter.drawRect(0, 0, whole, whole)
    if picture.pinned:
        middle = whole / 2
        tip = (QPointF(middle - _TIP, whole), QPointF(middle + _TIP, whole), QPointF(middle, whole + _TIP))
        painter.drawPolygon(QPolygonF(tip))
    painter.drawImage(QRectF(_FRAME, _FRAME, side, side), picture.image.scaled(side, side, fill, smooth))
    painter.end()
    return pixmap
