"""What the attribute panel asks for, done to the edit of the current face."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QObject

from jmvae_studio.control.models import Models
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.edit import Mode, State
from jmvae_studio.document.session import Session
from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow


class Editing(QObject):
    """Connects the panel and the edit."""

    def __init__(
        self,
        session: Session,
        showing: Showing,
        models: Models,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._showing, self._models, self._settings = session, showing, models, settings
        panel = window.panel
        panel.arrange(settings.favourites, settings.folded)
        panel.value_changed.connect(session.preview_value)
        panel.reset_asked.connect(lambda name: session.preview_value(name, None))
        panel.reset_all_asked.connect(session.reset)
        panel.gesture_ended.connect(session.end_gesture)
        panel.click_withdrawn.connect(session.withdraw_gesture)
        panel.state_asked.connect(self._set_state)
        panel.follow_asked.connect(self._follow)
        panel.strength_changed.connect(self._strengthen)
        panel.identity_changed.connect(self._identify)
        panel.arranged.connect(self._keep)
        session.faces_changed.connect(panel.let_go)
        session.gesture_ending.connect(panel.finish_typing)
        window.mode_chosen.connect(self._choose_mode)

    def _set_state(self, name: str, state: str) -> None:
        face = self._session.face
        followed = self._showing.followed(face) if face is not None else {}
        self._session.set_state(name, cast(State, state), followed.get(name))

    def _follow(self, wanted: bool) -> None:
        model = self._models.model
        names = model.attribute_names if model is not None and wanted else ()
        self._session.change(lambda edit: edit.with_followers(names))

    def _strengthen(self, strength: float) -> None:
        if self._session.face is not None:
            self._session.preview_edit(self._session.face.edit.with_strength(strength))

    def _identify(self, identity: float) -> None:
        if self._session.face is not None:
            self._session.preview_edit(self._session.face.edit.with_identity(identity))

    def _keep(self, favourites: list[str], folded: list[str]) -> None:
        self._settings.favourites, self._settings.folded = favourites, folded

    def _choose_mode(self, mode: str) -> None:
        self._settings.mode = cast(Mode, mode)
        self._session.set_mode(self._settings.mode)
