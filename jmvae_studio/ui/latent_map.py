"""The latent map: every code of a bank as a point, what it is coloured by, and the face under the mouse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QImage, QPalette, QPixmap
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from jmvae_studio.ui.map_view import MapView, Marks
from jmvae_studio.ui.theme import is_dark

CARD_SIDE = 112
"""Side of the face on the card, in pixels."""
CHOSEN_AXES = 10
"""So many axes, the first ones, can be chosen."""

_ABSENT = {False: (148, 163, 184), True: (84, 100, 122)}
_PRESENT = (224, 102, 58)

Floats = npt.NDArray[np.float32]


class LatentMap(QWidget):
    """Shows points and asks for faces; it knows neither the model nor the codes behind its points."""

    axes_chosen = Signal(int, int)
    colour_chosen = Signal(str)
    """An attribute's name; empty for none."""
    hovered = Signal(int, QPointF)
    clicked = Signal(int, QPointF)
    walked = Signal(int, QPointF, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Latent map")
        self.view = MapView()
        self.colour_box, self.across_box, self.up_box = QComboBox(), QComboBox(), QComboBox()
        self.colour_box.setAccessibleName("Colour by")
        self.across_box.setAccessibleName("Axis across")
        self.up_box.setAccessibleName("Axis up")
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.card = _Card(self.view)
        self._points = np.zeros((0, 2), np.float32)
        self._values: Floats | None = None
        self._lay_out()
        self.view.hovered.connect(self._hover)
        self.view.hovered.connect(self.hovered)
        self.view.clicked.connect(self.clicked)
        self.view.walked.connect(self._walk)
        self.view.walked.connect(self.walked)
        self.colour_box.currentIndexChanged.connect(
            lambda _: self.colour_chosen.emit(self.colour_box.currentData() or "")
        )
        for box in (self.across_box, self.up_box):
            box.currentIndexChanged.connect(lambda _: self._choose_axes())

    def set_attributes(self, names: Sequence[tuple[str, str]], chosen: str) -> None:
        """Offer attributes, as (name, title), to colour by."""
        self.colour_box.blockSignals(True)
        self.colour_box.clear()
        self.colour_box.addItem("nothing", "")
        for name, title in names:
            self.colour_box.addItem(title, name)
        self.colour_box.setCurrentIndex(max(0, self.colour_box.findData(chosen)))
        self.colour_box.blockSignals(False)

    def set_axes(self, shares: Sequence[float], own: bool, chosen: tuple[int, int]) -> None:
        """Offer axes with the share of the variance that each explains; ``own`` ones are the model's dimensions."""
        for box, axis in ((self.across_box, chosen[0]), (self.up_box, chosen[1])):
            box.blockSignals(True)
            box.clear()
            for number, share in enumerate(shares[:CHOSEN_AXES], 1):
                name = f"z{number}" if own else f"PC {number}"
                box.addItem(f"{name} · {share:.1%}")
            box.setCurrentIndex(axis)
            box.blockSignals(False)
        self._name_axes()

    @property
    def points(self) -> Floats:
        """What is shown, n × 2."""
        return self._points

    def show_points(self, points: Floats, anew: bool = True) -> None:
        """Show n × 2 points; ``anew`` brings all of them into view."""
        self._points = points
        if self._values is not None and len(self._values) != len(points):
            self._values = None
        self.card.hide()
        self.view.show_points(points, self._colours(), anew)

    def show_values(self, values: Floats | None) -> None:
        """Colour the points by n values, -1…1, or all alike."""
        self._values = values
        self.view.show_points(self._points, self._colours(), anew=False)

    def show_marks(self, marks: Marks | None) -> None:
        """Show where the photograph and its edit lie."""
        self.view.show_marks(marks)

    def show_face(self, image: QImage, caption: str) -> None:
        """Put the face under the mouse on its card."""
        self.card.show_face(image, caption)

    def say(self, text: str) -> None:
        """A line below the map."""
        self.note.setText(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_points"):
            self.view.show_points(self._points, self._colours(), anew=False)

    def _colours(self) -> npt.NDArray[np.uint32]:
        """0xffRRGGBB per point: from what is absent to what is present."""
        absent = np.array(_ABSENT[is_dark(self.palette())], np.float32)
        present = np.array(_PRESENT, np.float32)
        values = np.full(len(self._points), -1, np.float32) if self._values is None else self._values
        share = np.clip((values + 1) / 2, 0, 1)[:, None]
        red, green, blue = np.rint(absent + share * (present - absent)).astype(np.uint32).T
        return np.asarray(np.uint32(0xFF000000) | red << 16 | green << 8 | blue, np.uint32)

    def _hover(self, index: int, place: QPointF) -> None:
        if index == -1:
            self.card.hide()
        else:
            self.card.place_beside(self.view.to_widget(place.x(), place.y()))

    def _walk(self, index: int, place: QPointF, let_go: bool) -> None:
        self.card.place_beside(self.view.to_widget(place.x(), place.y()))

    def _choose_axes(self) -> None:
        self._name_axes()
        self.axes_chosen.emit(self.across_box.currentIndex(), self.up_box.currentIndex())

    def _name_axes(self) -> None:
        self.view.getPlotItem().setLabel("bottom", self.across_box.currentText())
        self.view.getPlotItem().setLabel("left", self.up_box.currentText())

    def _lay_out(self) -> None:
        colour, axes = QHBoxLayout(), QHBoxLayout()
        for row, text, box in (
            (colour, "Colour by", self.colour_box),
            (axes, "Across", self.across_box),
            (axes, "Up", self.up_box),
        ):
            row.addWidget(QLabel(text))
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(11)
            row.addWidget(box, 1)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 6, 8, 6)
        rows.addLayout(colour)
        rows.addLayout(axes)
        rows.addWidget(self.view, 1)
        rows.addWidget(self.note)
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setMinimumSize(320, 300)


class _Card(QFrame):
    """A small picture that keeps beside the mouse and inside the map."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAutoFillBackground(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.picture, self._caption = QLabel(), QLabel()
        self._caption.setWordWrap(True)
        self._caption.setFixedWidth(CARD_SIDE)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(4, 4, 4, 4)
        rows.setSpacing(2)
        rows.addWidget(self.picture)
        rows.addWidget(self._caption)
        self._beside = self.pos()
        self.hide()

    @property
    def caption(self) -> str:
        """The words below the picture."""
        return self._caption.text()

    def place_beside(self, place: QPoint) -> None:
        """Move beside the mouse; what it shows follows."""
        self._beside = place
        if self.isVisible():
            self._move()

    def show_face(self, image: QImage, caption: str) -> None:
        """Show a face; the card's place was given before."""
        smooth = Qt.TransformationMode.SmoothTransformation
        side = Qt.AspectRatioMode.KeepAspectRatio
        self.picture.setPixmap(QPixmap.fromImage(image).scaled(CARD_SIDE, CARD_SIDE, side, smooth))
        self._caption.setText(caption)
        self.adjustSize()
        self._move()
        self.show()

    def _move(self) -> None:
        around = self.parentWidget()
        assert around is not None
        frame = around.rect()
        x = self._beside.x() + 16
        if x + self.width() > frame.right():
            x = self._beside.x() - 16 - self.width()
        y = min(max(self._beside.y() - self.height() // 2, 0), frame.height() - self.height())
        self.move(max(x, 0), max(y, 0))
