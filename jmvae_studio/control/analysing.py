"""What the model says of an edit once the hand rests: asked for once, however many want to know."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from jmvae_studio.control.showing import Showing
from jmvae_studio.document.session import Session
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import Analysis

SETTLED = 120
"""Milliseconds without a change after which the model is asked: never during a drag."""


class Analysing(QObject):
    """Asks for an analysis of the present edit, and keeps the newest."""

    changed = Signal()
    """An analysis has come, or the present edit is again the one that it is of."""

    def __init__(
        self, session: Session, showing: Showing, renderer: Renderer, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._showing, self._renderer = showing, renderer
        self._reasons: list[Callable[[], bool]] = []
        self._found: Analysis | None = None
        self._due = QTimer(self, interval=SETTLED, singleShot=True)
        self._due.timeout.connect(self._ask)
        for changed in (session.edit_changed, session.inferred_changed, session.faces_changed):
            changed.connect(self.follow)
        renderer.analysed.connect(self._take)

    def ask_while(self, wanted: Callable[[], bool]) -> None:
        """Ask from now on whenever ``wanted()`` holds; `follow` when it begins to."""
        self._reasons.append(wanted)

    def follow(self) -> None:
        """Something has changed: ask when the hand rests."""
        if any(wanted() for wanted in self._reasons):
            self._due.start()
        else:
            self._due.stop()

    @property
    def of_face(self) -> Analysis | None:
        """The newest analysis, if it is of the face that is shown, as the model at work sees it."""
        request, found = self._showing.preview_request(), self._found
        if found is None or request is None or found.request.model != request.model:
            return None
        return found if found.request.face == request.face else None

    @property
    def of_edit(self) -> Analysis | None:
        """The newest analysis, if it is of the present edit."""
        found = self.of_face
        return found if found is not None and found.request == self._showing.preview_request() else None

    def _ask(self) -> None:
        request = self._showing.preview_request()
        if self.of_edit is not None:  # an edit that was analysed before has come back
            self.changed.emit()
        elif request is not None:
            self._renderer.analyse(request)

    def _take(self, found: Analysis) -> None:
        self._found = found
        self.changed.emit()
