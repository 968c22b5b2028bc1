"""All attributes of the model: grouped under headings that fold, searchable, with favourites."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import qtawesome
from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QActionGroup, QCursor
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import mark, tr
from jmvae_studio.ui.attribute_slider import LABEL_WIDTH, WIDEST_LABEL, AttributeSlider, State
from jmvae_studio.ui.told_menu import add_told_menu

Groups = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Heading in English, by which its fold is kept, then (name, title) of each attribute."""

_LEAST = 340
"""Width of the panel, at least, with titles of the usual width."""

_STATES: tuple[tuple[State, str], ...] = (
    ("held", mark("&Keep as Read Until Set")),
    ("locked", mark("&Lock Where It Is")),
    ("free", mark("Let It &Follow the Others")),
)


class AttributePanel(QWidget):
    """A search line, the sliders under their headings, and what acts on the whole edit."""

    value_changed = Signal(str, float)
    reset_asked = Signal(str)
    reset_all_asked = Signal()
    gesture_ended = Signal()
    click_withdrawn = Signal()
    """The gesture that ended last was the first click of two: it is not to count."""
    pointed = Signal(str, bool)
    """The mouse is over an attribute, or has left it."""
    state_asked = Signal(str, str)
    """An attribute is to be held, locked or free."""
    told_asked = Signal(str, object)
    """An attribute is true of the face or not, whatever the model reads; None: as the model reads it."""
    wrong_asked = Signal(str)
    """The model has read an attribute wrongly; said again: it has not."""
    follow_asked = Signal(bool)
    """All attributes that are not set are to be free, or held."""
    strength_changed = Signal(float)
    identity_changed = Signal(float)
    arranged = Signal(list, list)
    """The favourites and the folded headings, after a change."""

    def __init__(self, lowest: float, highest: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._range = (lowest, highest)
        self.sliders: dict[str, AttributeSlider] = {}
        self._shown: dict[str, tuple[float, float | None, bool]] = {}
        self._states: tuple[Collection[str], Collection[str]] = ((), ())
        self._headings: list[tuple[str, QToolButton, list[AttributeSlider]]] = []
        self._favourites: set[str] = set()
        self._folded: set[str] = set()
        self._active = True
        self._told: Mapping[str, float] = {}
        self._incorrigible = ""
        self.search = QLineEdit(self)
        self.search.setPlaceholderText(tr("Search attributes"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(tr("Search attributes"))
        self.search.textChanged.connect(self._filter)
        self.only_favourites = QToolButton(self)
        self.only_favourites.setCheckable(True)
        self.only_favourites.setAutoRaise(True)
        self.only_favourites.setToolTip(tr("Show favourites only; the button left of an attribute adds one"))
        self.only_favourites.setAccessibleName(tr("Favourites only"))
        self.only_favourites.toggled.connect(self._filter)
        self.strength = AttributeSlider("strength", tr("Strength"), 0, 2, self)
        self.strength.explain(tr("How much of the edit is applied; 1 is all of it"))
        self.strength.value_changed.connect(lambda _, value: self.strength_changed.emit(value))
        self.strength.reset_asked.connect(lambda: self.strength_changed.emit(1.0))
        self.identity = AttributeSlider("identity", tr("Identity"), 0, 2, self)
        self.identity.explain(tr("How much of this person is kept; 0 is the average face of the attributes"))
        self.identity.value_changed.connect(lambda _, value: self.identity_changed.emit(value))
        self.identity.reset_asked.connect(lambda: self.identity_changed.emit(1.0))
        for slider in (self.strength, self.identity):
            slider.mark.hide()
            slider.gesture_ended.connect(self.gesture_ended)
            slider.click_withdrawn.connect(self.click_withdrawn)
        self.follow = QCheckBox(tr("The others follow"), self)
        self.follow.setToolTip(tr("Attributes that you did not set go where the model believes them to be"))
        self.follow.clicked.connect(self.follow_asked)
        self.reset_all = QPushButton(tr("Reset all"), self)
        self.reset_all.clicked.connect(self.reset_all_asked)
        self._nothing = QLabel(tr("No attribute of this name"), self)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.hide()
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._lay_out()
        self.set_attributes([])

    def set_attributes(self, groups: Groups) -> None:
        """Make a slider for each attribute of a model."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.sliders = {}
        self._shown = {}
        self._states = ((), ())
        self._headings = []
        for heading, members in groups:
            button = self._heading(heading, page)
            column.addWidget(button)
            sliders = []
            for name, title in members:
                slider = AttributeSlider(name, title, *self._range, parent=page)
                slider.value_changed.connect(self.value_changed)
                slider.reset_asked.connect(self.reset_asked)
                slider.gesture_ended.connect(self.gesture_ended)
                slider.click_withdrawn.connect(self.click_withdrawn)
                slider.pointed.connect(self.pointed)
                slider.menu_asked.connect(self._offer)
                slider.wrong_asked.connect(self.wrong_asked)
                slider.set_state("held", name in self._favourites)
                column.addWidget(slider)
                self.sliders[name] = slider
                sliders.append(slider)
            self._headings.append((heading, button, sliders))
        widest = max((slider.label_width for slider in self.sliders.values()), default=0)
        width = max(LABEL_WIDTH, min(widest, WIDEST_LABEL))
        for slider in (*self.sliders.values(), self.strength, self.identity):
            slider.set_label_width(width)
        self.setMinimumWidth(_LEAST + width - LABEL_WIDTH)  # the sliders stay as long
        column.addStretch(1)
        self._scroll.setWidget(page)
        self._order_focus()
        self.set_active(self._active)
        self._filter()

    def arrange(self, favourites: Sequence[str], folded: Sequence[str]) -> None:
        """Show these favourites, and fold the groups with these headings."""
        self._favourites, self._folded = set(favourites), set(folded)
        self._show_states()
        self._filter()

    def show_values(
        self, values: Mapping[str, float], inferred: Mapping[str, float], asked: set[str]
    ) -> None:
        """Show every slider's value, the model's mark and which ones the user set."""
        shown = {name: (values.get(name, 0.0), inferred.get(name), name in asked) for name in self.sliders}
        for name, state in shown.items():
            if self._shown.get(name) != state or name in asked:
                self.sliders[name].show_value(*state)
        self._shown = shown
        self.reset_all.setEnabled(bool(asked) and self._active)

    def show_beliefs(self, spread: Mapping[str, tuple[float, float]], obtained: Mapping[str, float]) -> None:
        """Show, for the attributes there are, how sure the model is and what it reads from the result."""
        for name, slider in self.sliders.items():
            slider.show_beliefs(spread.get(name), obtained.get(name))

    def set_correctable(self, reason: str) -> None:
        """Say why the model's readings cannot be corrected; nothing if they can."""
        self._incorrigible = reason

    def show_told(self, told: Mapping[str, float]) -> None:
        """Show of which attributes the user says what is true, and what."""
        self._told = told
        for name, slider in self.sliders.items():
            slider.show_told(name in told)

    def show_coupling(self, moves: Mapping[str, float]) -> None:
        """Show how far attributes would move with the one under the mouse."""
        for name, slider in self.sliders.items():
            slider.show_coupling(moves.get(name))

    def show_whole(
        self, strength: float, identity: float, locked: Collection[str], free: Collection[str]
    ) -> None:
        """Show what acts on the whole edit, and which attributes are locked and free."""
        self.strength.show_value(strength, 1.0, strength != 1.0)
        self.identity.show_value(identity, 1.0, identity != 1.0)
        if strength != 1.0 or identity != 1.0:
            self.reset_all.setEnabled(self._active)
        if (locked, free) != self._states:
            self._states = (locked, free)
            self._show_states()

    def set_active(self, active: bool) -> None:
        """Sliders act only while a face is there."""
        self._active = active
        for slider in (*self.sliders.values(), self.strength, self.identity):
            slider.set_active(active)
        self.follow.setEnabled(active)
        if not active:
            self.reset_all.setEnabled(False)

    def let_go(self) -> None:
        """End a drag under way: what it moved is no longer shown."""
        for slider in (*self.sliders.values(), self.strength, self.identity):
            slider.groove.let_go()

    def finish_typing(self) -> None:
        """Take the number that is being typed, as Return does."""
        number = self.focusWidget()
        if isinstance(number, QDoubleSpinBox):
            number.interpretText()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._show_star()
        super().changeEvent(event)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.search, 1)
        top.addWidget(self.only_favourites)
        self._show_star()
        bottom = QHBoxLayout()
        bottom.addWidget(self.follow, 1)
        bottom.addWidget(self.reset_all)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(top)
        layout.addWidget(self._nothing)
        layout.addWidget(self._scroll, 1)
        whole = QVBoxLayout()
        whole.setSpacing(0)
        whole.addWidget(self.strength)
        whole.addWidget(self.identity)
        layout.addLayout(whole)
        layout.addLayout(bottom)

    def _order_focus(self) -> None:
        """Tab goes through the panel as the eye does."""
        order: list[QWidget] = [self.search, self.only_favourites]
        for _, button, sliders in self._headings:
            order.append(button)
            for slider in sliders:
                order += slider.stops
        for slider in (self.strength, self.identity):
            order += slider.stops
        for one, other in pairwise([*order, self.follow, self.reset_all]):
            QWidget.setTabOrder(one, other)

    def _heading(self, heading: str, page: QWidget) -> QToolButton:
        button = QToolButton(page)
        button.setText(tr(heading))
        font = button.font()
        font.setBold(True)
        button.setFont(font)
        button.setAutoRaise(True)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setMinimumHeight(button.fontMetrics().height() + 14)
        button.clicked.connect(lambda: self._fold(heading))
        return button

    def _fold(self, heading: str) -> None:
        self._folded ^= {heading}
        self._filter()
        self._tell_arranged()

    def _tell_arranged(self) -> None:
        self.arranged.emit(sorted(self._favourites), sorted(self._folded))

    def _offer(self, name: str) -> None:
        """What may become of an attribute, as a menu under the mouse."""
        state, favourite = self.sliders[name].mark.shown
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        group = QActionGroup(menu)
        for value, text in _STATES:
            action = menu.addAction(tr(text))
            action.setCheckable(True)
            action.setChecked(value == state)
            group.addAction(action)
            action.triggered.connect(lambda _=False, value=value: self.state_asked.emit(name, value))
        menu.addSeparator()
        heading, told = self.sliders[name].title, self._told.get(name)
        add_told_menu(
            menu, heading, told, self._incorrigible, lambda there: self.told_asked.emit(name, there)
        )
        star = menu.addAction(tr("F&avourite"))
        star.setCheckable(True)
        star.setChecked(favourite)
        star.triggered.connect(lambda: self._set_favourite(name, not favourite))
        reset = menu.addAction(tr("&Reset"))
        reset.triggered.connect(lambda: self._reset(name))
        menu.popup(QCursor.pos() if self.sliders[name].underMouse() else self._below(name))

    def _reset(self, name: str) -> None:
        self.reset_asked.emit(name)
        self.gesture_ended.emit()

    def _below(self, name: str) -> QPoint:
        mark = self.sliders[name].mark
        return mark.mapToGlobal(mark.rect().bottomLeft())

    def _set_favourite(self, name: str, favourite: bool) -> None:
        self._favourites = self._favourites | {name} if favourite else self._favourites - {name}
        self._show_states()
        self._filter()
        self._tell_arranged()

    def _show_states(self) -> None:
        locked, free = self._states
        for name, slider in self.sliders.items():
            state: State = "locked" if name in locked else "free" if name in free else "held"
            slider.set_state(state, name in self._favourites)

    def _show_star(self) -> None:
        self.only_favourites.setIcon(qtawesome.icon("mdi6.star-outline", color=self.palette().text().color()))

    def _filter(self) -> None:
        words = self.search.text().lower().replace("_", " ").split()
        starred = self.only_favourites.isChecked()
        found = False
        for heading, button, sliders in self._headings:
            folded = heading in self._folded and not words and not starred
            button.setArrowType(Qt.ArrowType.RightArrow if folded else Qt.ArrowType.DownArrow)
            shown = 0
            for slider in sliders:
                name = slider.name.lower().replace("_", " ")
                haystack = f"{button.text().lower()} {slider.title.lower()} {name}"
                matches = all(word in haystack for word in words)
                matches = matches and (not starred or slider.name in self._favourites)
                slider.setVisible(matches and not folded)
                shown += matches
            button.setVisible(shown > 0)
            found = found or shown > 0
        self._nothing.setText(
            tr("No favourites yet") if starred and not words else tr("No attribute of this name")
        )
        self._nothing.setVisible((bool(words) or starred) and not found)
