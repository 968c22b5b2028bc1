"""The plane of the latent map: points, ellipses and what the mouse does to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyqtgraph
from PySide6.QtCore import QBuffer, QByteArray, QEvent, QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPaintDevice, QPainter, QPalette
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QWidget

from jmvae_studio.language import tr
from jmvae_studio.ui.map_marks import EDIT_END, NOTHING, Floats, Marks, Spot
from jmvae_studio.ui.map_pictures import MapPicture, PictureItem, side_of
from jmvae_studio.ui.point_cloud import PointCloud
from jmvae_studio.ui.theme import ACCENT

REACH = 9
"""Pixels from the mouse within which a point is taken for the one that is meant."""

EXPORT_SCALE = 2
"""How much finer an exported picture is than the screen."""
LASSO_STEP = 3
"""Pixels between two corners of a line that is drawn."""

_PHOTO, _ASKED = QColor("#2f80c2"), ACCENT


class MapView(pyqtgraph.PlotWidget):  # type: ignore[misc]
    """Shows points on a plane. Pass over one to see it, click to take it, drag it to walk; the ground pans.

    With Shift, or while `lassoes` is set, the mouse draws a line around points instead.
    """

    hovered = Signal(object, QPointF)
    """A `Spot`, and where the mouse is on the plane."""
    clicked = Signal(object, QPointF)
    walked = Signal(object, QPointF, bool)
    """A `Spot` is dragged to a place on the plane; whether it was let go there."""

    lassoed = Signal(object)
    """Corners of a line that was drawn, n × 2 on the plane."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lassoes = False
        """Whether the mouse draws lines around points."""
        self.setAccessibleName(tr("Latent map"))
        self.setMenuEnabled(False)
        self.hideButtons()
        self.getPlotItem().getViewBox().setDefaultPadding(0.03)
        self._points = np.zeros((0, 2), np.float32)
        self.marks: Marks | None = None
        """What is drawn over the points."""
        self.pictures: list[PictureItem] = []
        """What lies over the points."""
        self._pressed: tuple[Spot, QPoint] | None = None
        self._walked_to = QPointF()
        self._walks = False
        self._drawn: list[QPointF] | None = None
        """On the widget, while a line is drawn."""
        self._cloud = PointCloud()
        self._photo, self._asked, self._path, self._line = (pyqtgraph.PlotCurveItem() for _ in range(4))
        self._ends, self._ring = pyqtgraph.ScatterPlotItem(), pyqtgraph.ScatterPlotItem()
        for item in (self._cloud, self._photo, self._asked, self._path, self._line, self._ends, self._ring):
            self.addItem(item)
        self._ring.setZValue(30)
        self._legend = self.getPlotItem().addLegend(offset=(8, 8), verSpacing=-6)
        self._legend.hide()
        self._dress()

    def show_points(self, points: Floats, colours: npt.NDArray[np.uint32], anew: bool) -> None:
        """Show n × 2 points in n colours (0xffRRGGBB); ``anew`` brings all of them into view."""
        self._points = points
        self._cloud.show_points(points, colours)
        self._point_at(NOTHING)
        if anew and len(points):
            self.fit()

    def fit(self) -> None:
        """Bring all points and pictures into view."""
        if len(self._points):
            pictures = np.array([[item.x(), item.y()] for item in self.pictures], np.float32).reshape(-1, 2)
            all_of_them = np.concatenate([self._points, pictures])
            low, high = all_of_them.min(0), all_of_them.max(0)
            box = self.getPlotItem().getViewBox()
            box.setRange(
                xRange=(float(low[0]), float(high[0])),
                yRange=(float(low[1]), float(high[1])),
                padding=0.12 if self.pictures else 0.04,
            )

    def show_marks(self, marks: Marks | None) -> None:
        """Show where the photograph and its edit lie, or nothing of them."""
        nothing = np.zeros((0, 2), np.float32)
        self.marks = marks
        self._photo.setData(*(marks.photo if marks else nothing).T)
        self._asked.setData(*(marks.asked if marks else nothing).T)
        ends = np.array([marks.start, marks.end] if marks else nothing, np.float32)
        self._path.setData(*ends.T)
        self._ends.setData(*ends.T, brush=[pyqtgraph.mkBrush(c) for c in (_PHOTO, _ASKED)][: len(ends)])

    def show_pictures(self, pictures: Sequence[MapPicture]) -> None:
        """Show small pictures over the points, in place of those before; only what is new is drawn."""
        shown = self.pictures[: len(pictures)]
        for item in self.pictures[len(pictures) :]:
            self.removeItem(item)
        for index, picture in enumerate(pictures):
            side = side_of(picture, len(pictures))
            if index < len(shown) and shown[index].takes(picture, side):
                continue
            item = PictureItem(picture, index, side)
            self.addItem(item, ignoreBounds=True)
            if index < len(shown):
                self.removeItem(shown[index])
                shown[index] = item
            else:
                shown.append(item)
        self.pictures = shown

    def show_legend(self, entries: Sequence[tuple[str, QColor]]) -> None:
        """Say in the corner what colours mean; nothing hides it."""
        self._legend.clear()
        for name, colour in entries:
            self._legend.addItem(pyqtgraph.ScatterPlotItem(size=9, pen=None, brush=colour), name)
        self._legend.setVisible(bool(entries))

    def picture(self) -> QImage:
        """What is seen, with `EXPORT_SCALE` times as many pixels each way."""
        image = QImage(EXPORT_SCALE * self.size(), QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(EXPORT_SCALE)
        image.fill(self.palette().color(QPalette.ColorRole.Base))
        self._draw(image)
        return image

    def drawing(self) -> bytes:
        """What is seen, as SVG."""
        store = QByteArray()
        buffer = QBuffer(store)
        generator = QSvgGenerator()
        generator.setOutputDevice(buffer)
        generator.setResolution(self.logicalDpiX())  # of the axes, which are recorded for the screen
        generator.setSize(self.size())
        generator.setViewBox(self.rect())
        generator.setTitle(tr("Latent map"))
        self._draw(generator)
        return bytes(store.data())

    def _draw(self, device: QPaintDevice) -> None:
        painter = QPainter(device)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Base))
        items = [item for item in self.scene().items() if hasattr(item, "setExportMode")]
        for item in items:
            item.setExportMode(True, {"antialias": True, "resolutionScale": 1, "painter": painter})
        self._ring.hide()  # the mouse is no part of the figure
        self.scene().render(painter, QRectF(self.rect()), self.sceneRect())
        self._ring.show()
        for item in items:
            item.setExportMode(False)
        painter.end()

    def to_plane(self, place: QPointF) -> QPointF:
        """A place on the widget as one on the plane."""
        point: QPointF = self.getPlotItem().getViewBox().mapSceneToView(self.mapToScene(place.toPoint()))
        return point

    def to_widget(self, x: float, y: float) -> QPoint:
        """A place on the plane as one on the widget."""
        place: QPoint = self.mapFromScene(self.getPlotItem().getViewBox().mapViewToScene(QPointF(x, y)))
        return place

    def spot_at(self, place: QPointF) -> Spot:
        """What is meant at a place on the widget: the edit's end, the uppermost picture, or the nearest point."""
        here = self.to_plane(place)
        across, up = self.getPlotItem().getViewBox().viewPixelSize()
        if self.marks is not None:
            x, y = self.marks.end
            away = np.hypot((x - here.x()) / across, (y - here.y()) / up)
            if away <= REACH:
                return EDIT_END
        for item in sorted(self.pictures, key=lambda item: (item.zValue(), item.index), reverse=True):
            if item.covers((here.x() - item.x()) / across, (item.y() - here.y()) / up):
                return Spot("picture", item.index)
        if not len(self._points):
            return NOTHING
        squared = ((self._points[:, 0] - np.float32(here.x())) / np.float32(across)) ** 2
        squared += ((self._points[:, 1] - np.float32(here.y())) / np.float32(up)) ** 2
        nearest = int(squared.argmin())
        return Spot("point", nearest) if squared[nearest] <= REACH**2 else NOTHING

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            if self.lassoes or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self._drawn = [event.position()]
                event.accept()
                return
            spot = self.spot_at(event.position())
            self._pressed, self._walks = (spot, event.position().toPoint()), False
            if spot != NOTHING:
                event.accept()
                return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._drawn is not None:
            if (event.position() - self._drawn[-1]).manhattanLength() >= LASSO_STEP:
                self._drawn.append(event.position())
                self._line.setData(*self._outline([*self._drawn, self._drawn[0]]).T)
            event.accept()
            return
        if self._pressed is not None and self._pressed[0] != NOTHING:
            spot, start = self._pressed
            if self._walks or (event.position().toPoint() - start).manhattanLength() > 4:
                self._walks = True
                self._walk(spot, event, let_go=False)
            event.accept()
            return
        super().mouseMoveEvent(event)
        if not event.buttons():
            spot = self.spot_at(event.position())
            self._point_at(spot)
            self.hovered.emit(spot, self.to_plane(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drawn is not None and event.button() == Qt.MouseButton.LeftButton:
            drawn, self._drawn = self._drawn, None
            self._line.setData([], [])
            if len(drawn) > 2:
                self.lassoed.emit(self._outline(drawn))
            event.accept()
            return
        pressed, self._pressed = self._pressed, None
        if pressed is None or pressed[0] == NOTHING or event.button() != Qt.MouseButton.LeftButton:
            super().mouseReleaseEvent(event)
            return
        if self._walks:
            self._walk(pressed[0], event, let_go=True)
        else:
            self.clicked.emit(pressed[0], self.to_plane(event.position()))
        event.accept()

    def interrupt(self) -> None:
        """See `Interruptible`; a lasso that is not closed chooses nothing."""
        pressed, self._pressed = self._pressed, None
        if self._drawn is not None:
            self._drawn = None
            self._line.setData([], [])
        elif pressed is not None and self._walks:
            self._walks = False
            self.walked.emit(pressed[0], self._walked_to, True)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.spot_at(event.position()) == NOTHING:
            self.fit()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._point_at(NOTHING)
        self.hovered.emit(NOTHING, QPointF())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_ring"):
            self._dress()

    def _outline(self, drawn: Sequence[QPointF]) -> Floats:
        corners = [self.to_plane(place) for place in drawn]
        return np.array([(corner.x(), corner.y()) for corner in corners], np.float32)

    def _walk(self, spot: Spot, event: QMouseEvent, let_go: bool) -> None:
        self._walked_to = place = self.to_plane(event.position())
        self._show_ring([place.x()], [place.y()])
        self.walked.emit(spot, place, let_go)

    def _point_at(self, spot: Spot) -> None:
        """A ring around what is under the mouse, at once."""
        if spot.kind == "point":
            x, y = self._points[spot.index].tolist()
            self._show_ring([x], [y])
        elif spot.kind == "edit" and self.marks is not None:
            self._show_ring([self.marks.end[0]], [self.marks.end[1]])
        else:
            self._show_ring([], [])

    def _show_ring(self, x: Sequence[float], y: Sequence[float]) -> None:
        self._ring.setData(x, y)

    def _dress(self) -> None:
        """Take the palette's colours."""
        palette = self.palette()
        text = palette.color(QPalette.ColorRole.Text)
        self.setBackground(palette.color(QPalette.ColorRole.Base))
        for name in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(name)
            axis.setPen(pyqtgraph.mkPen(palette.color(QPalette.ColorRole.Mid)))
            axis.setTextPen(pyqtgraph.mkPen(palette.color(QPalette.ColorRole.PlaceholderText)))
        self._photo.setPen(pyqtgraph.mkPen(_PHOTO, width=2))
        self._asked.setPen(pyqtgraph.mkPen(_ASKED, width=2))
        self._path.setPen(pyqtgraph.mkPen(text, width=1.5, style=Qt.PenStyle.DashLine))
        self._legend.setLabelTextColor(text)
        ground = palette.color(QPalette.ColorRole.Base)
        ground.setAlpha(200)
        self._legend.setBrush(pyqtgraph.mkBrush(ground))
        self._line.setPen(pyqtgraph.mkPen(text, width=1.5, style=Qt.PenStyle.DotLine))
        self._ends.setSize(11)
        self._ends.setPen(pyqtgraph.mkPen(palette.color(QPalette.ColorRole.Base), width=1.5))
        self._ring.setSize(16)
        self._ring.setBrush(None)
        self._ring.setPen(pyqtgraph.mkPen(text, width=2))
