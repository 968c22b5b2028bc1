"""The hint of the first start: what to do first, until it is dismissed."""

from __future__ import annotations

from PySide6.QtCore import QObject

from jmvae_studio.language import mark, tr
from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.message_bar import Message

_HINT = mark(
    "Welcome. Drag a slider at the right and watch the face change; drop a photograph of your own here or open one. "
    "F1 lists keys and gestures, Ctrl+K finds every command."
)


class Welcoming(QObject):
    """Shows the hint, and never again once it was answered."""

    def __init__(self, window: MainWindow, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._settings = window, settings
        if not settings.welcomed:
            choices = [(tr("Open…"), self._open), (tr("Keys"), self._guide)]
            window.messages.show_message(Message(tr(_HINT), choices, dismissed=self._done))

    def _done(self) -> None:
        self._settings.welcomed = True

    def _open(self) -> None:
        self._done()
        self._window.open_asked.emit()

    def _guide(self) -> None:
        self._done()
        self._window.shortcuts_asked.emit()
