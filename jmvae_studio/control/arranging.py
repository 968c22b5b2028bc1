"""How the window is arranged: kept from one start to the next, and put back on demand."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QObject

from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow


class Arranging(QObject):
    """Restores the window's size, docks and dividers, and keeps them."""

    def __init__(self, window: MainWindow, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window, self._settings = window, settings
        self._first = bytes(window.saveState().data()), bytes(window.splitter.saveState().data())
        window.reset_layout_asked.connect(self._reset)
        window.resize(1280, 800)
        if settings.geometry:
            window.restoreGeometry(_decoded(settings.geometry))
        if settings.layout:
            window.restoreState(_decoded(settings.layout))
        if settings.divider:
            window.splitter.restoreState(_decoded(settings.divider))

    def keep(self) -> None:
        """Note the present arrangement in the settings."""
        self._settings.geometry = _encoded(self._window.saveGeometry())
        self._settings.layout = _encoded(self._window.saveState())
        self._settings.divider = _encoded(self._window.splitter.saveState())

    def _reset(self) -> None:
        docks, divider = self._first
        self._window.restoreState(QByteArray(docks))
        self._window.splitter.restoreState(QByteArray(divider))


def _encoded(state: QByteArray) -> str:
    return bytes(state.toBase64().data()).decode()


def _decoded(text: str) -> QByteArray:
    return QByteArray.fromBase64(text.encode())
