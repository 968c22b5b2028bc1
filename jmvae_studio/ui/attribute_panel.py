"""All attributes of the model: grouped under headings, searchable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from jmvae_studio.ui.attribute_slider import AttributeSlider

Groups = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Heading, then (name, title) of each attribute."""


class AttributePanel(QWidget):
    """A search line, the sliders under their headings, and a button that resets them all."""

    value_changed = Signal(str, float)
    reset_asked = Signal(str)
    reset_all_asked = Signal()
    gesture_ended = Signal()

    def __init__(self, lowest: float, highest: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range = (lowest, highest)
        self.sliders: dict[str, AttributeSlider] = {}
        self._shown: dict[str, tuple[float, float | None, bool]] = {}
        self._headings: list[tuple[QLabel, list[AttributeSlider]]] = []
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search attributes")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.reset_all = QPushButton("Reset all", self)
        self.reset_all.clicked.connect(self.reset_all_asked)
        self._nothing = QLabel("No attribute of this name", self)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.hide()
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.search)
        layout.addWidget(self._nothing)
        layout.addWidget(self._scroll, 1)
        layout.addWidget(self.reset_all)
        self.setMinimumWidth(340)
        self.set_attributes([])

    def set_attributes(self, groups: Groups) -> None:
        """Make a slider for each attribute of a model."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.sliders = {}
        self._shown = {}
        self._headings = []
        for heading, members in groups:
            label = QLabel(heading, page)
            font = label.font()
            font.setBold(True)
            label.setFont(font)
            label.setContentsMargins(4, 10, 0, 2)
            column.addWidget(label)
            sliders = []
            for name, title in members:
                slider = AttributeSlider(name, title, *self._range, parent=page)
                slider.value_changed.connect(self.value_changed)
                slider.reset_asked.connect(self.reset_asked)
                slider.gesture_ended.connect(self.gesture_ended)
                column.addWidget(slider)
                self.sliders[name] = slider
                sliders.append(slider)
            self._headings.append((label, sliders))
        column.addStretch(1)
        self._scroll.setWidget(page)
        self._filter(self.search.text())

    def show_values(
        self, values: Mapping[str, float], inferred: Mapping[str, float], asked: set[str]
    ) -> None:
        """Show every slider's value, the model's mark and which ones the user set."""
        shown = {name: (values.get(name, 0.0), inferred.get(name), name in asked) for name in self.sliders}
        for name, state in shown.items():
            if self._shown.get(name) != state or name in asked:
                self.sliders[name].show_value(*state)
        self._shown = shown
        self.reset_all.setEnabled(bool(asked))

    def set_active(self, active: bool) -> None:
        """Sliders act only while a face is there."""
        for slider in self.sliders.values():
            slider.groove.setEnabled(active)
            slider.number.setEnabled(active)
        if not active:
            self.reset_all.setEnabled(False)

    def _filter(self, text: str) -> None:
        words = text.lower().replace("_", " ").split()
        found = False
        for label, sliders in self._headings:
            heading = label.text().lower()
            shown = 0
            for slider in sliders:
                haystack = f"{heading} {slider.label.text().lower()} {slider.name.lower().replace('_', ' ')}"
                visible = all(word in haystack for word in words)
                slider.setVisible(visible)
                shown += visible
            label.setVisible(shown > 0)
            found = found or shown > 0
        self._nothing.setVisible(bool(words) and not found)
