"""One dialog for every export: what, in which format, with what inside, and a preview of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.document.naming import PatternError, check_pattern
from jmvae_studio.document.series import Series, Values
from jmvae_studio.language import mark, tr
from jmvae_studio.ui.flipbook import Flipbook
from jmvae_studio.ui.image_canvas import ImageCanvas
from jmvae_studio.ui.overlays import Overlay
from jmvae_studio.ui.photo_view import PhotoView
from jmvae_studio.ui.series_options import AnimationOptions, Attributes, GridOptions, StripOptions
from trainer.data.face_crop import FaceCrop

What = Literal["photograph", "face", "grid", "strip", "animation"]

_WHAT: tuple[tuple[What, str], ...] = (
    ("photograph", mark("Whole photograph")),
    ("face", mark("Face only")),
    ("grid", mark("Grid of one or two attributes")),
    ("strip", mark("Papers' strip")),
    ("animation", mark("Animation of one attribute")),
)
_PAUSE = 200
"""Milliseconds after the last choice until the preview of a series is made anew."""


@dataclass(frozen=True)
class Wish:
    """What the dialog was left with."""

    what: What
    beside: bool
    suffix: str
    quality: int
    longest: int
    keep_exif: bool
    settings: bool
    name: str
    """Pattern of the file's name."""
    series: Series | None = None

    @property
    def whole(self) -> bool:
        """Whether it is the photograph and not a face of it."""
        return self.what == "photograph"


@dataclass(frozen=True)
class Formats:
    """What can be written.

    Attributes:
        pictures: Suffix → name.
        animations: Suffix → name.
        lossy: Names of those for which the quality matters.
        animation: The suffix of animations that is proposed.
    """

    pictures: Mapping[str, str]
    animations: Mapping[str, str]
    lossy: Sequence[str]
    animation: str


@dataclass(frozen=True)
class Shown:
    """What the preview is made from: the photograph and its edited faces."""

    photo: QImage
    size: tuple[int, int]
    crops: Sequence[FaceCrop]
    current: int
    edited: Mapping[int, Overlay]
    original_face: QImage | None


@dataclass(frozen=True)
class Changeable:
    """What a series can change.

    Attributes:
        attributes: Name and name for the eye.
        edited: Those that are set, the strongest first.
        columns: What the strip begins with.
        span: Lowest and highest value.
    """

    attributes: Attributes
    edited: Sequence[str]
    columns: Sequence[Values]
    span: tuple[float, float]


class ExportDialog(QDialog):
    """Asks how to export; `wished` tells, and then a file is asked for."""

    wished = Signal(object)
    """A `Wish`."""
    preview_asked = Signal(object)
    """A `Series`, or None when its preview is not wanted any more."""

    def __init__(
        self, parent: QWidget, formats: Formats, wish: Wish, shown: Shown, changeable: Changeable
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Export"))
        self._formats = formats
        self._chosen = {False: wish.suffix, True: formats.animation}
        self._moving = False
        """Whether the list of formats is that of animations."""
        self._current = shown.current
        self._original_face = shown.original_face
        self._edited_face = _face_in(shown.edited, shown.current)
        self._make_preview(shown)
        self._make_options(wish, changeable)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save_button = self.buttons.addButton(tr("Save As…"), QDialogButtonBox.ButtonRole.AcceptRole)
        for button in self.buttons.buttons():
            if isinstance(button, QPushButton):
                button.setAutoDefault(button is self.save_button)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        self._due = QTimer(self, interval=_PAUSE, singleShot=True)
        self._due.timeout.connect(lambda: self.preview_asked.emit(self.wish().series))
        self.finished.connect(self._due.stop)
        for signal in (
            self.what.currentIndexChanged,
            self.beside.toggled,
            self.format.currentIndexChanged,
            self.quality.valueChanged,
            self.name.textChanged,
        ):
            signal.connect(self._refresh)
        self.what.currentIndexChanged.connect(self._due.start)
        for options in self._options.values():
            options.changed.connect(self._refresh)
            options.changed.connect(self._due.start)
        self._fill_formats()
        self._refresh()
        if wish.what in self._options:
            self._due.start()
        self.resize(760, 480)

    def wish(self) -> Wish:
        """What is chosen."""
        what: What = self.what.currentData()
        options = self._options.get(what)
        return Wish(
            what=what,
            beside=self.beside.isChecked(),
            suffix=self.format.currentData(),
            quality=self.quality.value(),
            longest=self.longest.value(),
            keep_exif=self.exif.isChecked(),
            settings=self.settings.isChecked(),
            name=self.name.text(),
            series=options.series() if options is not None and not options.problem() else None,
        )

    def show_edited(self, edited: Mapping[int, Overlay]) -> None:
        """Show edits that were made after the dialog was opened; see `Shown`."""
        self.photo.show_edited(edited)
        self._edited_face = _face_in(edited, self._current)
        self._refresh()

    def _make_preview(self, shown: Shown) -> None:
        self.photo = PhotoView()
        self.photo.outlined = False
        self.photo.show_photo(shown.photo, shown.size)
        self.photo.show_faces(shown.crops, shown.current)
        self.photo.show_edited(shown.edited)
        self.before, self.after = ImageCanvas(tr("Before")), ImageCanvas(tr("After"))
        self.flipbook = Flipbook()
        faces = QWidget()
        row = QHBoxLayout(faces)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.before)
        row.addWidget(self.after)
        self._preview = QStackedWidget()
        for page in (self.photo, faces, self.flipbook):
            self._preview.addWidget(page)
        self._preview.setMinimumSize(260, 240)

    def _make_options(self, wish: Wish, changeable: Changeable) -> None:
        self.what = QComboBox()
        for value, text in _WHAT:
            self.what.addItem(tr(text), value)
        self.what.setCurrentIndex(self.what.findData(wish.what))
        attributes, edited, span = changeable.attributes, changeable.edited, changeable.span
        first = edited[0] if edited else attributes[0][0]
        self.grid = GridOptions(attributes, edited, span)
        self.strip = StripOptions(attributes, changeable.columns, first, span)
        self.animation = AnimationOptions(attributes, first, span)
        self._options: dict[What, GridOptions | StripOptions | AnimationOptions] = {
            "grid": self.grid,
            "strip": self.strip,
            "animation": self.animation,
        }
        self.beside = QCheckBox(tr("With the original beside it"))
        self.beside.setChecked(wish.beside)
        self.format = QComboBox()
        self.quality = QSlider(Qt.Orientation.Horizontal)
        self.quality.setRange(40, 100)
        self.quality.setValue(wish.quality)
        self._quality_text = QLabel()
        self.longest = QSpinBox()
        self.longest.setRange(0, 30_000)
        self.longest.setSingleStep(256)
        self.longest.setSpecialValueText(tr("As it is"))
        self.longest.setSuffix(tr(" pixels"))
        self.longest.setValue(wish.longest)
        self.name = QLineEdit(wish.name)
        self.name.setToolTip(
            tr(
                "{name}: the photograph's, {what}: what is exported, {attributes}: what was changed, "
                "{number}: the first that is free"
            )
        )
        self.settings = QCheckBox(tr("Include these settings, to continue later"))
        self.settings.setChecked(wish.settings)
        self.exif = QCheckBox(tr("Keep the camera's data (time, place)"))
        self.exif.setChecked(wish.keep_exif)
        self.note = QLabel()
        self.note.setWordWrap(True)

    def _lay_out(self) -> None:
        self._form = form = QFormLayout()
        form.setVerticalSpacing(8)
        quality = QHBoxLayout()
        quality.addWidget(self.quality, 1)
        quality.addWidget(self._quality_text)
        form.addRow(tr("Picture"), self.what)
        form.addRow("", self.beside)
        for options in self._options.values():
            form.addRow(options)
        form.addRow(tr("Format"), self.format)
        form.addRow(tr("Quality"), quality)
        form.addRow(tr("Longest side"), self.longest)
        form.addRow(tr("Name"), self.name)
        side = QVBoxLayout()
        side.addLayout(form)
        side.addSpacing(4)
        for widget in (self.settings, self.exif, self.note):
            side.addWidget(widget)
        side.addStretch(1)
        side.addWidget(self.buttons)
        column = QWidget()
        column.setLayout(side)
        column.setFixedWidth(360)
        layout = QHBoxLayout(self)
        layout.addWidget(self._preview, 1)
        layout.addWidget(column)

    def _fill_formats(self) -> None:
        """The formats of pictures or those of animations, each with the one chosen last."""
        if self.format.count():
            self._chosen[self._moving] = self.format.currentData()
        self._moving = self.what.currentData() == "animation"
        self.format.blockSignals(True)
        self.format.clear()
        for suffix, name in (self._formats.animations if self._moving else self._formats.pictures).items():
            self.format.addItem(name, suffix)
        self.format.setCurrentIndex(max(0, self.format.findData(self._chosen[self._moving])))
        self.format.blockSignals(False)

    def _refresh(self) -> None:
        if self._moving != (self.what.currentData() == "animation"):
            self._fill_formats()
        wish = self.wish()
        made_of_many = wish.what in self._options
        lossy = self.format.currentText() in self._formats.lossy
        self.quality.setEnabled(lossy)
        self._quality_text.setText(str(wish.quality) if lossy else tr("exact"))
        self._form.setRowVisible(self.beside, not made_of_many)
        for what, options in self._options.items():
            self._form.setRowVisible(options, what == wish.what)
        for box in (self.settings, self.exif):
            box.setVisible(not made_of_many)
        self.settings.setEnabled(wish.suffix != ".tif")
        self._preview.setCurrentIndex(2 if made_of_many else 0 if wish.whole else 1)
        self.photo.set_comparison("side" if wish.beside else "edited")
        self.before.setVisible(wish.beside)
        self.before.show_image(self._original_face)
        self.after.show_image(self._edited_face or self._original_face)
        problem = self._problem(wish)
        self.save_button.setEnabled(not problem)
        self.note.setText(
            problem
            or (
                tr("The file holds nothing but the picture.")
                if made_of_many
                else tr("Without both, the file holds nothing but the picture and its colours.")
            )
        )

    def _problem(self, wish: Wish) -> str:
        """Why this cannot be saved, or nothing."""
        options = self._options.get(wish.what)
        if options is not None and options.problem():
            return options.problem()
        try:
            check_pattern(wish.name)
        except PatternError as error:
            return str(error)
        return ""

    def _accept(self) -> None:
        wish = self.wish()
        self.accept()
        self.wished.emit(wish)


def _face_in(edited: Mapping[int, Overlay], index: int) -> QImage | None:
    overlay = edited.get(index)
    return overlay.edited if overlay is not None else None
