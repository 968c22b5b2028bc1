"""The settings dialog at work: every change takes effect at once and is kept."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from jmvae_studio.control.models import Models
from jmvae_studio.control.sessions import Sessions
from jmvae_studio.document.edit import MODES
from jmvae_studio.document.session import Session
from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.settings_dialog import Preferences, SettingsDialog


class Preferring(QObject):
    """Opens the settings and does what they say."""

    def __init__(
        self,
        session: Session,
        sessions: Sessions,
        models: Models,
        window: MainWindow,
        settings: Settings,
        keep: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        """Args: ``keep`` writes the settings to their file."""
        super().__init__(parent)
        self._session, self._sessions, self._models = session, sessions, models
        self._window, self._settings, self._keep = window, settings, keep
        self.dialog: SettingsDialog | None = None
        window.settings_asked.connect(self._open)
        models.changed.connect(lambda model, renewed: self._refresh())
        models.failed.connect(lambda message: self._refresh())
        session.set_memory(settings.memory * 1_000_000)

    def _open(self) -> None:
        if self.dialog is None:
            self.dialog = SettingsDialog(self._window, [(text, mode) for mode, text, _ in MODES])
            self.dialog.changed.connect(self._change)
            self.dialog.free_memory_asked.connect(self._window.free_memory_asked)
            self.dialog.finished.connect(self._forget)
            self._refresh()
        self.dialog.open()

    def _forget(self) -> None:
        self.dialog = None

    def _refresh(self) -> None:
        if self.dialog is not None:
            kept = self._settings
            self.dialog.show_preferences(
                Preferences(
                    kept.theme,
                    self._models.device,
                    self._session.mode,
                    kept.export_settings,
                    kept.export_exif,
                    kept.autosave,
                    kept.autosave_pause,
                    kept.memory,
                )
            )

    def _change(self, field: str, value: object) -> None:
        kept = self._settings
        match field, value:
            case "theme", str():
                self._window.theme_chosen.emit(value)
            case "device", str():
                self._window.device_chosen.emit(value)
            case "mode", str():
                self._window.mode_chosen.emit(value)
            case "settings", bool():
                kept.export_settings = value
            case "exif", bool():
                kept.export_exif = value
            case "autosave", bool():
                kept.autosave = value
                self._sessions.follow_settings()
            case "pause", float():
                kept.autosave_pause = round(value, 1)
                self._sessions.follow_settings()
            case "memory", int():
                kept.memory = value
                self._session.set_memory(value * 1_000_000)
        self._window.show_choice(kept.theme, self._models.device, self._session.shown_mode)
        self._keep()
