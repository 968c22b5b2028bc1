"""A line at the top of the window that says something and offers what can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget


class MessageBar(QWidget):
    """Shows one message with its buttons until it is answered or dismissed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Message")
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.AlternateBase)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.buttons: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 6, 6, 6)
        self._row.addWidget(self.text, 1)
        self._dismiss = QToolButton()
        self._dismiss.setText("✕")
        self._dismiss.setAutoRaise(True)
        self._dismiss.setAccessibleName("Dismiss")
        self._dismiss.clicked.connect(self.hide)
        self._row.addWidget(self._dismiss)
        self.hide()

    def offer(self, text: str, choices: Sequence[tuple[str, Callable[[], None]]]) -> None:
        """Say something and offer choices; a message that is there already is replaced."""
        for button in self.buttons:
            button.deleteLater()
        self.buttons = []
        self.text.setText(text)
        for number, (label, act) in enumerate(choices):
            button = QPushButton(label)
            button.clicked.connect(self.hide)
            button.clicked.connect(lambda _=False, act=act: act())
            self._row.insertWidget(1 + number, button)
            self.buttons.append(button)
        self.show()
