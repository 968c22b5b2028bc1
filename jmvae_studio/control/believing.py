"""What the model believes beside one number for an attribute: how sure it is, and what the edit obtained."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from jmvae_studio.control.models import Models
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.session import Session
from jmvae_studio.inference.renderer import Analysis, Renderer
from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow

SETTLED = 150
"""Milliseconds without a change after which the model is asked: never during a drag."""
NOTABLE = 0.25
"""How far an attribute that nobody set must have moved for its mark to be shown."""


class Believing(QObject):
    """Asks for an analysis when the hand rests, and shows it on the sliders until the next change."""

    def __init__(
        self,
        session: Session,
        showing: Showing,
        renderer: Renderer,
        models: Models,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._showing, self._renderer = session, showing, renderer
        self._models, self._window, self._settings = models, window, settings
        self._found: Analysis | None = None
        self._due = QTimer(self, interval=SETTLED, singleShot=True)
        self._due.timeout.connect(self._ask)
        self._is_marked = False
        session.edit_changed.connect(self._follow)
        for changed in (session.inferred_changed, session.faces_changed):
            changed.connect(self._renew)
        renderer.analysed.connect(self._take)
        window.show_spread.setChecked(settings.spread)
        window.show_obtained.setChecked(settings.obtained)
        for action in (window.show_spread, window.show_obtained):
            action.toggled.connect(self._choose)

    def _choose(self) -> None:
        self._settings.spread = self._window.show_spread.isChecked()
        self._settings.obtained = self._window.show_obtained.isChecked()
        self._renew()

    def _renew(self) -> None:
        """Another face is shown, or other things of it."""
        self._show()
        self._follow()

    def _follow(self) -> None:
        """What was obtained is no longer that of the edit; the spread is the face's and stays."""
        if self._is_marked:  # once in a drag, at its first step
            self._show()
        if self._settings.spread or self._settings.obtained:
            self._due.start()
        else:
            self._due.stop()

    def _ask(self) -> None:
        request = self._showing.preview_request()
        if request is not None and (self._found is None or self._found.request != request):
            self._renderer.analyse(request)

    def _take(self, found: Analysis) -> None:
        self._found = found
        self._show()

    def _show(self) -> None:
        spread: dict[str, tuple[float, float]] = {}
        obtained: dict[str, float] = {}
        found, request, model = self._found, self._showing.preview_request(), self._models.model
        if found is not None and request is not None and model is not None:
            names, beliefs = model.attribute_names, found.beliefs
            same = found.request.model == request.model and found.request.face == request.face
            if self._settings.spread and same:
                edges = zip(beliefs.lowest, beliefs.highest, strict=True)
                spread = dict(zip(names, edges, strict=True))
            if self._settings.obtained and found.request == request:
                obtained = self._notable(dict(zip(names, beliefs.obtained, strict=True)))
        self._is_marked = bool(obtained)
        self._window.panel.show_beliefs(spread, obtained)

    def _notable(self, obtained: dict[str, float]) -> dict[str, float]:
        """Of the attributes that were set, and of the others that moved with them; nothing without an edit.

        Where the user knows better than the model, what it reads tells nothing.
        """
        face = self._session.face
        if face is None or not face.edit.values:
            return {}
        asked, read, told = dict(face.edit.values), face.inferred, dict(face.told)
        return {
            name: value
            for name, value in obtained.items()
            if name not in told and (name in asked or abs(value - read.get(name, value)) > NOTABLE)
        }
