"""Before a slider is touched: which other attributes the model would move with it, shown honestly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from jmvae_studio.control.models import Models
from jmvae_studio.control.showing import Showing
from jmvae_studio.document.session import Session
from jmvae_studio.inference.engine import FaceCode
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import PreviewRequest
from jmvae_studio.inference.results import Asked
from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow

LINGER = 400
"""Milliseconds that the mouse rests on an attribute before the model is asked."""
NOTABLE = 0.1
"""How far an attribute must move to be shown."""


@dataclass(frozen=True)
class _Moves:
    """How far each attribute would go, in the order of the model's names."""

    request: PreviewRequest
    index: int
    moves: tuple[float, ...]


class Coupling(QObject):
    """Asks the model when the mouse rests on an attribute, and shows the answer until it leaves."""

    _found = Signal(object)

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
        self._showing, self._renderer, self._models = showing, renderer, models
        self._window, self._settings = window, settings
        self._name = ""
        self._is_shown = False
        self._due = QTimer(self, interval=LINGER, singleShot=True)
        self._due.timeout.connect(self._ask)
        self._found.connect(self._show)
        window.panel.pointed.connect(self._point)
        session.edit_changed.connect(self._forget)
        session.faces_changed.connect(self._forget)
        window.show_coupling.setChecked(settings.coupling)
        window.show_coupling.toggled.connect(self._choose)

    def _choose(self, wanted: bool) -> None:
        self._settings.coupling = wanted
        self._forget()

    def _point(self, name: str, there: bool) -> None:
        self._forget()
        if there and self._settings.coupling:
            self._name = name
            self._due.start()

    def _forget(self) -> None:
        self._name = ""
        self._due.stop()
        if self._is_shown:
            self._is_shown = False
            self._window.panel.show_coupling({})

    def _ask(self) -> None:
        request, model = self._showing.preview_request(), self._models.model
        if request is not None and model is not None and self._name in model.attribute_names:
            index = model.attribute_names.index(self._name)
            self._renderer.with_code(request, partial(_moves, request, index), self._found.emit)

    def _show(self, found: _Moves | str) -> None:
        model = self._models.model
        if isinstance(found, str) or model is None or found.request != self._showing.preview_request():
            return
        names = model.attribute_names
        if names[found.index] != self._name:
            return  # the mouse has gone on
        moves = zip(names, found.moves, strict=True)
        shown = {name: move for name, move in moves if abs(move) >= NOTABLE and name != self._name}
        self._is_shown = bool(shown)
        self._window.panel.show_coupling(shown)


def _moves(request: PreviewRequest, index: int, code: FaceCode) -> _Moves:
    """On the renderer's thread: the attribute goes one step towards its other side, and all others follow."""
    engine, now = code.engine, request.asked.attributes
    step = -1.0 if now[index] > 0 else 1.0
    there = (*now[:index], now[index] + step, *now[index + 1 :])
    others = tuple(other for other in range(len(now)) if other != index)
    before, after = (engine.follow(code, Asked(values, free=others)).attributes for values in (now, there))
    return _Moves(request, index, tuple(b - a for a, b in zip(before, after, strict=True)))
