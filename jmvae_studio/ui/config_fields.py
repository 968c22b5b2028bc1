"""Editors for the settings of a run, made from the fields of `TrainConfig`: their kinds, choices and meanings."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from typing import Any, Literal, Union, get_args, get_origin

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QCheckBox, QComboBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from jmvae_studio.language import tr
from jmvae_studio.ui.choice_box import ChoiceBox
from jmvae_studio.ui.theme import ACCENT
from trainer.config import TrainConfig
from trainer.systems import SYSTEMS

_WORDS = {"gan": "GAN", "ema": "EMA"}


def title(name: str) -> str:
    """A setting's name for people: “gan_epochs” is “GAN epochs”."""
    return tr(_english_title(name))


def _english_title(name: str) -> str:
    words = [_WORDS.get(word, word) for word in name.split("_")]
    return " ".join([words[0] if words[0].isupper() else words[0].capitalize(), *words[1:]])


def _english_help(name: str) -> str:
    return (TrainConfig.model_fields[name].description or "").replace("``", "")


def trainer_texts() -> list[str]:
    """The trainer's own words that are shown, for the translators' list: of settings and systems, in English."""
    settings = [text(name) for name in TrainConfig.model_fields for text in (_english_title, _english_help)]
    return [text for text in [*settings, *(system.title for system in SYSTEMS.values())] if text]


class ConfigField:
    """The editor of one setting. It takes any text: whether that makes sense, `make_config` says.

    Attributes:
        name: Of the setting.
        widget: A box to tick, a list to choose from, or a line to write in.
        touched: Whether the user has changed it.
    """

    def __init__(self, name: str, changed: Callable[[], None], choices: Iterable[str] = ()) -> None:
        """Args: ``changed`` is called when the user has; ``choices`` are those of a setting that is any text."""
        field = TrainConfig.model_fields[name]
        self.name, self._changed = name, changed
        self.touched = False
        self.help = tr(english) if (english := _english_help(name)) else ""
        kinds = _kinds(field.annotation)
        self._may_be_none = type(None) in kinds
        literal = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ())
        self.widget: QCheckBox | QComboBox | QLineEdit
        if bool in kinds:
            self.widget = QCheckBox()
            self.widget.toggled.connect(self._touch)
        elif literal or choices:
            self.widget = ChoiceBox()
            self.widget.addItems([*literal, *choices])
            self.widget.currentIndexChanged.connect(self._touch)
        else:
            self.widget = QLineEdit()
            if self._may_be_none:
                self.widget.setPlaceholderText(tr("none"))
            self.widget.textEdited.connect(self._touch)
            self.widget.textChanged.connect(lambda _: self._changed())
        self.widget.setObjectName(name)
        self.widget.setAccessibleName(title(name))
        self.widget.setToolTip(self.help)

    @property
    def value(self) -> Any:
        """As `make_config` takes it."""
        if isinstance(self.widget, QCheckBox):
            return self.widget.isChecked()
        if isinstance(self.widget, QComboBox):
            return self.widget.currentText()
        return self.widget.text().strip() or (None if self._may_be_none else "")

    def set_value(self, value: object) -> None:
        """Show a value; the user has not touched it."""
        if isinstance(self.widget, QCheckBox):
            self.widget.setChecked(bool(value))
        elif isinstance(self.widget, QComboBox):
            self.widget.setCurrentText(str(value))
        else:
            self.widget.setText("" if value is None else str(value))
        self.touched = False

    def mark(self, wrong: bool) -> None:
        """Show whether it is this value that is refused."""
        palette = QPalette()
        if wrong:
            for role in (
                QPalette.ColorRole.Text,
                QPalette.ColorRole.WindowText,
                QPalette.ColorRole.ButtonText,
            ):
                palette.setColor(role, ACCENT)
        self.widget.setPalette(palette)

    def _touch(self) -> None:
        self.touched = True
        self._changed()


class FieldList(QWidget):
    """Settings below each other, each with its meaning."""

    def __init__(self, fields: Iterable[ConfigField]) -> None:
        super().__init__()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 8)
        rows.setSpacing(2)
        for field in fields:
            label = QLabel(title(field.name))
            label.setBuddy(field.widget)
            meaning = QLabel(field.help)
            meaning.setWordWrap(True)
            meaning.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            meaning.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            rows.addWidget(label)
            rows.addWidget(field.widget)
            rows.addWidget(meaning)
            rows.addSpacing(8)
        rows.addStretch(1)


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a type, without what pydantic adds to them."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def default_of(name: str) -> Any:
    """A setting's default; None where it has none."""
    field = TrainConfig.model_fields[name]
    return None if field.is_required() else field.default
