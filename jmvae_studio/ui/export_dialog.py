"""One dialog for every export: what, in which format, with what inside, and a preview of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.ui.image_canvas import ImageCanvas
from jmvae_studio.ui.photo_view import PhotoView
from trainer.data.face_crop import FaceCrop


@dataclass(frozen=True)
class Wish:
    """What the dialog was left with."""

    whole: bool
    beside: bool
    suffix: str
    quality: int
    longest: int
    keep_exif: bool
    settings: bool


@dataclass(frozen=True)
class Shown:
    """What the preview is made from: the photograph and its edited faces."""

    photo: QImage
    size: tuple[int, int]
    crops: Sequence[FaceCrop]
    current: int
    edited: Mapping[int, QImage]
    original_face: QImage | None


class ExportDialog(QDialog):
    """Asks how to export; `wished` tells, and then a file is asked for."""

    wished = Signal(object)
    """A `Wish`."""

    def __init__(
        self, parent: QWidget, kinds: Mapping[str, str], lossy: Sequence[str], wish: Wish, shown: Shown
    ) -> None:
        """Args: ``kinds`` are suffix → name, ``lossy`` the suffixes for which the quality matters."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Export")
        self._lossy = set(lossy)
        self._original_face, self._edited_face = shown.original_face, shown.edited.get(shown.current)
        self.photo = PhotoView()
        self.photo.outlined = False
        self.photo.show_photo(shown.photo, shown.size)
        self.photo.show_faces(shown.crops, shown.current)
        self.photo.show_edited(shown.edited)
        self.before, self.after = ImageCanvas("Before"), ImageCanvas("After")
        faces = QWidget()
        row = QHBoxLayout(faces)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.before)
        row.addWidget(self.after)
        self._preview = QStackedWidget()
        self._preview.addWidget(self.photo)
        self._preview.addWidget(faces)
        self._preview.setMinimumSize(300, 260)
        self.what = QComboBox()
        for text, whole in (("The whole photograph", True), ("The face only", False)):
            self.what.addItem(text, whole)
        self.what.setCurrentIndex(0 if wish.whole else 1)
        self.beside = QCheckBox("With the original beside it")
        self.beside.setChecked(wish.beside)
        self.format = QComboBox()
        for suffix, name in kinds.items():
            self.format.addItem(name, suffix)
        self.format.setCurrentIndex(max(0, self.format.findData(wish.suffix)))
        self.quality = QSlider(Qt.Orientation.Horizontal)
        self.quality.setRange(40, 100)
        self.quality.setValue(wish.quality)
        self._quality_text = QLabel()
        self.longest = QSpinBox()
        self.longest.setRange(0, 30_000)
        self.longest.setSingleStep(256)
        self.longest.setSpecialValueText("As it is")
        self.longest.setSuffix(" pixels")
        self.longest.setValue(wish.longest)
        self.settings = QCheckBox("Include these settings, to continue later")
        self.settings.setChecked(wish.settings)
        self.exif = QCheckBox("Keep the camera's data (time, place)")
        self.exif.setChecked(wish.keep_exif)
        self.nothing = QLabel("Without both, the file holds nothing but the picture and its colours.")
        self.nothing.setWordWrap(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.save_button = self.buttons.addButton("Save As…", QDialogButtonBox.ButtonRole.AcceptRole)
        for button in self.buttons.buttons():
            if isinstance(button, QPushButton):
                button.setAutoDefault(button is self.save_button)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        for signal in (
            self.what.currentIndexChanged,
            self.beside.toggled,
            self.format.currentIndexChanged,
            self.quality.valueChanged,
        ):
            signal.connect(self._refresh)
        self._refresh()
        self.resize(700, 420)

    def wish(self) -> Wish:
        """What is chosen."""
        return Wish(
            whole=self.what.currentData(),
            beside=self.beside.isChecked(),
            suffix=self.format.currentData(),
            quality=self.quality.value(),
            longest=self.longest.value(),
            keep_exif=self.exif.isChecked(),
            settings=self.settings.isChecked(),
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(10)
        quality = QHBoxLayout()
        quality.addWidget(self.quality, 1)
        quality.addWidget(self._quality_text)
        form.addRow("Picture", self.what)
        form.addRow("", self.beside)
        form.addRow("Format", self.format)
        form.addRow("Quality", quality)
        form.addRow("Longest side", self.longest)
        side = QVBoxLayout()
        side.addLayout(form)
        side.addSpacing(6)
        side.addWidget(self.settings)
        side.addWidget(self.exif)
        side.addWidget(self.nothing)
        side.addStretch(1)
        side.addWidget(self.buttons)
        layout = QHBoxLayout(self)
        layout.addWidget(self._preview, 1)
        layout.addSpacing(8)
        layout.addLayout(side)

    def _refresh(self) -> None:
        wish = self.wish()
        self.quality.setEnabled(wish.suffix in self._lossy)
        self._quality_text.setText(str(wish.quality) if wish.suffix in self._lossy else "exact")
        self.settings.setEnabled(wish.suffix != ".tif")
        self._preview.setCurrentIndex(0 if wish.whole else 1)
        self.photo.set_comparison("side" if wish.beside else "edited")
        self.before.setVisible(wish.beside)
        self.before.show_image(self._original_face)
        self.after.show_image(self._edited_face or self._original_face)

    def _accept(self) -> None:
        wish = self.wish()
        self.accept()
        self.wished.emit(wish)
