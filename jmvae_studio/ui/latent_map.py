"""The latent map: every code of a bank as a point, what it is coloured by, and the face under the mouse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QImage, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr
from jmvae_studio.ui.attribute_menu import AttributeMenu
from jmvae_studio.ui.face_card import FaceCard
from jmvae_studio.ui.map_marks import GROUPED, NOTHING, Marks, Spot
from jmvae_studio.ui.map_pictures import GROUP_COLOURS, MapPicture
from jmvae_studio.ui.map_view import MapView
from jmvae_studio.ui.selection_panel import SelectionPanel
from jmvae_studio.ui.theme import is_dark

BESIDE = 560
"""Width in pixels from which a selection is described beside the points, and not below them."""
CHOSEN_AXES = 10
"""So many axes, the first ones, can be chosen."""

_ABSENT = {False: (148, 163, 184), True: (84, 100, 122)}
_PRESENT = (224, 102, 58)
_FADED = 0.25
Floats = npt.NDArray[np.float32]


class LatentMap(QWidget):
    """Shows points and asks for faces; it knows neither the model nor the codes behind its points."""

    axes_chosen = Signal(int, int)
    colour_chosen = Signal(str)
    """An attribute's name; `GROUPED` for the groups, empty for none."""
    read_chosen = Signal(bool)
    """Whether colours are what the model reads, or what was given."""
    source_chosen = Signal(str)
    folder_asked = Signal()
    export_asked = Signal()
    full_view_asked = Signal(bool)
    hovered = Signal(object, QPointF)
    """These four as `MapView` has them."""
    clicked = Signal(object, QPointF)
    walked = Signal(object, QPointF, bool)
    lassoed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Latent map"))
        self.view = MapView()
        self.source_box, self.colour_box, self.read_box = QComboBox(), QComboBox(), QComboBox()
        self.across_box, self.up_box = QComboBox(), QComboBox()
        for box, name in (
            (self.source_box, tr("What the map shows")),
            (self.colour_box, tr("Colour by")),
            (self.read_box, tr("Whose attributes")),
            (self.across_box, tr("Axis across")),
            (self.up_box, tr("Axis up")),
        ):
            box.setAccessibleName(name)
        self.folder_button = QPushButton(tr("Folder…"))
        self.folder_button.setToolTip(tr("Find the faces in a folder's pictures and put them on the map"))
        self.folder_button.clicked.connect(self.folder_asked)
        self.read_box.addItem(tr("as given"))
        self.read_box.addItem(tr("as read"))
        self.read_box.setToolTip(
            tr("The attributes that the codes come with, or what the model reads from them")
        )
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.card = FaceCard(self.view)
        self.selection = SelectionPanel()
        self.groups = AttributeMenu(tr("Groups"))
        self.groups.setToolTip(tr("Which attributes are changed, one in each group"))
        self.export_button = QToolButton()
        self.export_button.setText(tr("Export…"))
        self.export_button.setToolTip(tr("Save the map as a picture (PNG), a drawing (SVG) or a table (CSV)"))
        self.export_button.clicked.connect(self.export_asked)
        self.full_button = QToolButton()
        self.full_button.setText(tr("Full View"))
        self.full_button.setCheckable(True)
        self.full_button.setToolTip(tr("The map on the whole screen, or back in the window"))
        self.full_button.clicked.connect(self.full_view_asked)
        self.lasso_button = QToolButton()
        self.lasso_button.setText(tr("Lasso"))
        self.lasso_button.setCheckable(True)
        self.lasso_button.setToolTip(
            tr("Draw a line around points to compare them with the others (or hold Shift)")
        )
        self.lasso_button.toggled.connect(self._set_lasso)
        self._points = np.zeros((0, 2), np.float32)
        self.values: Floats | None = None
        """What the points are coloured by, -1…1."""
        self._member: npt.NDArray[np.int64] | None = None
        self._chosen: npt.NDArray[np.bool_] | None = None
        self._lay_out()
        self.view.hovered.connect(self._hover)
        self.view.hovered.connect(self.hovered)
        self.view.clicked.connect(self.clicked)
        self.view.walked.connect(self._walk)
        self.view.lassoed.connect(self.lassoed)
        self.view.walked.connect(self.walked)
        self.colour_box.currentIndexChanged.connect(
            lambda _: self.colour_chosen.emit(self.colour_box.currentData() or "")
        )
        self.read_box.currentIndexChanged.connect(lambda index: self.read_chosen.emit(index == 1))
        self.source_box.currentIndexChanged.connect(
            lambda _: self.source_chosen.emit(self.source_box.currentData())
        )
        for box in (self.across_box, self.up_box):
            box.currentIndexChanged.connect(lambda _: self._choose_axes())

    def set_sources(self, sources: Sequence[tuple[str, str]], chosen: str) -> None:
        """Offer what can be shown, as (name, title)."""
        self.source_box.blockSignals(True)
        self.source_box.clear()
        for name, title in sources:
            self.source_box.addItem(title, name)
        self.source_box.setCurrentIndex(max(0, self.source_box.findData(chosen)))
        self.source_box.blockSignals(False)

    def set_readings(self, both: bool, read: bool) -> None:
        """Whether there are attributes given and ones read to choose from, and which are shown."""
        self.read_box.setVisible(both)
        self.read_box.blockSignals(True)
        self.read_box.setCurrentIndex(int(read))
        self.read_box.blockSignals(False)

    def set_attributes(self, names: Sequence[tuple[str, str]], chosen: str, grouped: str = "") -> None:
        """Offer attributes, as (name, title), to colour by, and groups under this title."""
        self.colour_box.blockSignals(True)
        self.colour_box.clear()
        self.colour_box.addItem(tr("nothing"), "")
        if grouped:
            self.colour_box.addItem(grouped, GROUPED)
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
                name = f"z{number}" if own else tr("PC {number}", number=number)
                box.addItem(f"{name} · {share:.1%}")
            box.setCurrentIndex(axis)
            box.blockSignals(False)
        self._name_axes()

    @property
    def axes_names(self) -> tuple[str, str]:
        """Of the axes across and up, with what they explain."""
        return self.across_box.currentText(), self.up_box.currentText()

    @property
    def points(self) -> Floats:
        """What is shown, n × 2."""
        return self._points

    def show_points(self, points: Floats, anew: bool = True) -> None:
        """Show n × 2 points; ``anew`` brings all of them into view."""
        self._points = points
        if self.values is not None and len(self.values) != len(points):
            self.values = None
        if self._member is not None and len(self._member) != len(points):
            self._member = None
            self.view.show_legend([])
        if self._chosen is not None and len(self._chosen) != len(points):
            self._chosen = None
        self.card.hide()
        self.view.show_points(points, self._colours(), anew)

    def show_values(self, values: Floats | None) -> None:
        """Colour the points by n values, -1…1, or all alike."""
        self.values, self._member = values, None
        self.view.show_legend([])
        self.view.show_points(self._points, self._colours(), anew=False)

    def show_groups(self, member: npt.NDArray[np.int64], names: Sequence[str]) -> None:
        """Colour the points by the number of the group that each is in."""
        self._member = member
        self.view.show_points(self._points, self._colours(), anew=False)
        self.view.show_legend([(name, GROUP_COLOURS[n % len(GROUP_COLOURS)]) for n, name in enumerate(names)])

    def show_chosen(self, chosen: npt.NDArray[np.bool_] | None) -> None:
        """Fade all points but those that are chosen; None fades none."""
        self._chosen = chosen
        self.view.show_points(self._points, self._colours(), anew=False)

    def show_pictures(self, pictures: Sequence[MapPicture]) -> None:
        """Show small pictures over the points."""
        self.view.show_pictures(pictures)

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
        values = np.full(len(self._points), -1, np.float32) if self.values is None else self.values
        share = np.clip((values + 1) / 2, 0, 1)[:, None]
        colours = absent + share * (present - absent)
        if self._member is not None:
            own = np.array([(c.red(), c.green(), c.blue()) for c in GROUP_COLOURS], np.float32)
            colours = own[self._member % len(own)]
        if self._chosen is not None:
            base = self.palette().color(QPalette.ColorRole.Base)
            ground = np.array([base.red(), base.green(), base.blue()], np.float32)
            colours = np.where(self._chosen[:, None], colours, ground + _FADED * (colours - ground))
        red, green, blue = np.rint(colours).astype(np.uint32).T
        return np.asarray(np.uint32(0xFF000000) | red << 16 | green << 8 | blue, np.uint32)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= BESIDE
        direction = QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom
        self._middle.setDirection(direction)
        self.selection.setMaximumHeight(self.height() if wide else self.height() * 2 // 5)

    def _set_lasso(self, on: bool) -> None:
        self.view.lassoes = on
        self.view.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def _hover(self, spot: Spot, place: QPointF) -> None:
        if spot == NOTHING:
            self.card.hide()
        else:
            self.card.place_beside(self.view.to_widget(place.x(), place.y()))

    def _walk(self, spot: Spot, place: QPointF, let_go: bool) -> None:
        self.card.place_beside(self.view.to_widget(place.x(), place.y()))

    def _choose_axes(self) -> None:
        self._name_axes()
        self.axes_chosen.emit(self.across_box.currentIndex(), self.up_box.currentIndex())

    def _name_axes(self) -> None:
        across, up = self.axes_names
        self.view.getPlotItem().setLabel("bottom", across)
        self.view.getPlotItem().setLabel("left", up)

    def _lay_out(self) -> None:
        source, colour, axes = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for row, text, box in (
            (source, tr("Show"), self.source_box),
            (colour, tr("Colour by"), self.colour_box),
            (axes, tr("Across"), self.across_box),
            (axes, tr("Up"), self.up_box),
        ):
            row.addWidget(QLabel(text))
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(7)
            row.addWidget(box, 1)
        source.addWidget(self.folder_button)
        colour.addWidget(self.read_box)
        colour.addWidget(self.groups)
        foot = QHBoxLayout()
        for button in (self.lasso_button, self.export_button):
            foot.addWidget(button)
        foot.addStretch(1)
        foot.addWidget(self.full_button)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 6, 8, 6)
        rows.addLayout(source)
        rows.addLayout(colour)
        rows.addLayout(axes)
        self._middle = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._middle.addWidget(self.view, 3)
        self._middle.addWidget(self.selection, 1)
        rows.addLayout(self._middle, 1)
        rows.addWidget(self.note)
        rows.addLayout(foot)
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.setMinimumSize(250, 260)
