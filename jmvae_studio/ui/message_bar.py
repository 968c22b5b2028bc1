"""A line at the top of the window that says something and offers what can be done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import qtawesome
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontDatabase, QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jmvae_studio.language import tr, trn
from jmvae_studio.ui.theme import ACCENT

_MOST = 20
"""Messages that wait behind the one shown; older ones are forgotten."""


_LONG = re.compile(r"[^\s/\\-]{33,}")
"""A word without a place to break it, as file names can be: whole, it would make the window wider."""
_NARROW = 560
"""Pixels below which the buttons go under the words."""


@dataclass(frozen=True, eq=False)
class Message:
    """What the bar says.

    Attributes:
        text: A sentence or two.
        choices: Words on a button and what it does; each ends the message.
        details: More, for those who ask.
        warns: Whether something went wrong.
        dismissed: Is called when the message is closed without a choice.
    """

    text: str
    choices: Sequence[tuple[str, Callable[[], None]]] = ()
    details: str = ""
    warns: bool = False
    dismissed: Callable[[], None] | None = None


class MessageBar(QWidget):
    """Shows the newest message with its buttons until it is answered or dismissed; older ones wait behind it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Message"))
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self._messages: list[Message] = []
        self._sign = QLabel()
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.text.setAccessibleName(tr("Message"))
        self.more = QLabel()
        self.buttons: list[QPushButton] = []
        self.details = QPushButton(tr("Details"))
        self.details.setCheckable(True)
        self.details_text = QPlainTextEdit()
        self.details_text.setAccessibleName(tr("Details of the message"))
        self.details_text.setReadOnly(True)
        self.details_text.setTabChangesFocus(True)
        self.details_text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.details_text.setFixedHeight(6 * self.fontMetrics().height())
        self.details.toggled.connect(self.details_text.setVisible)
        self.dismiss_button = QToolButton()
        self.dismiss_button.setText("✕")
        self.dismiss_button.setAutoRaise(True)
        self.dismiss_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.dismiss_button.setAccessibleName(tr("Dismiss the message"))
        self.dismiss_button.setToolTip(tr("Dismiss (Escape while the keyboard is here)"))
        self.dismiss_button.clicked.connect(self.dismiss)
        words, self._actions = QHBoxLayout(), QHBoxLayout()
        words.addWidget(self._sign)
        words.addWidget(self.text, 1)
        self._actions.addStretch(1)
        for widget in (self.more, self.details, self.dismiss_button):
            self._actions.addWidget(widget)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.addLayout(words, 1)
        self._row.addLayout(self._actions)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 6, 6)
        column.addLayout(self._row)
        column.addWidget(self.details_text)
        self.hide()

    @property
    def warning(self) -> str:
        """What went wrong last and was not dismissed; empty when all is well."""
        return next((message.text for message in reversed(self._messages) if message.warns), "")

    def offer(self, text: str, choices: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """Say something and offer choices."""
        self.show_message(Message(text, choices))

    def show_message(self, message: Message) -> None:
        """Show a message before those that are there; one that says the same is replaced."""
        self._messages = [other for other in self._messages if other.text != message.text]
        self._messages = [*self._messages, message][-_MOST:]
        self._show_newest()

    def dismiss(self) -> None:
        """Close the message that is shown; the one before it comes back."""
        if self._messages:
            message = self._messages.pop()
            self._show_newest()
            if message.dismissed is not None:
                message.dismissed()

    def resizeEvent(self, event: QResizeEvent) -> None:
        narrow = self.width() < _NARROW
        direction = QBoxLayout.Direction
        self._row.setDirection(direction.TopToBottom if narrow else direction.LeftToRight)
        super().resizeEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)

    def _show_newest(self) -> None:
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = []
        if not self._messages:
            self.hide()
            return
        message, waiting = self._messages[-1], len(self._messages) - 1
        short = _LONG.sub(lambda word: f"{word[0][:18]}…{word[0][-13:]}", message.text)
        self.text.setText(short)
        self.text.setToolTip(message.text if short != message.text else "")
        self.setAccessibleDescription(message.text)
        self.more.setText(trn("{count} more", "{count} more", waiting) if waiting else "")
        self.more.setVisible(waiting > 0)
        self.details.setChecked(False)
        self.details.setVisible(bool(message.details))
        self.details_text.setPlainText(message.details)
        self.details_text.hide()
        self._show_sign()
        for number, (label, act) in enumerate(message.choices):
            button = QPushButton(label)
            button.clicked.connect(lambda _=False, act=act: self._answer(message, act))
            self._actions.insertWidget(1 + number, button)
            self.buttons.append(button)
        order = [self.text, *self.buttons, self.details, self.details_text, self.dismiss_button]
        for one, other in pairwise(order):
            QWidget.setTabOrder(one, other)
        self.show()

    def _answer(self, message: Message, act: Callable[[], None]) -> None:
        self._messages = [other for other in self._messages if other is not message]
        self._show_newest()
        act()

    def _show_sign(self) -> None:
        warns = bool(self._messages) and self._messages[-1].warns
        self._sign.setVisible(warns)
        if warns:
            icon = qtawesome.icon("mdi6.alert-outline", color=ACCENT)
            self._sign.setPixmap(icon.pixmap(QSize(18, 18), self.devicePixelRatioF()))
