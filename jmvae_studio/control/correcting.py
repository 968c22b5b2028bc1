"""The user says that the model is wrong about an attribute of a face, and the model reads it anew with that."""

from __future__ import annotations

from PySide6.QtCore import QObject

from jmvae_studio.control.models import Models
from jmvae_studio.document.attributes import title
from jmvae_studio.document.session import Session
from jmvae_studio.inference.requests import ModelInfo
from jmvae_studio.language import tr
from jmvae_studio.ui.main_window import MainWindow


class Correcting(QObject):
    """Connects what the panel is told with the current face."""

    def __init__(
        self, session: Session, models: Models, window: MainWindow, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._models, self._window = session, models, window
        window.panel.told_asked.connect(self._tell)
        window.panel.wrong_asked.connect(self._contradict)
        models.changed.connect(self._follow_model)
        for changed in (session.told_changed, session.faces_changed, session.inferred_changed):
            changed.connect(self._show)

    def _follow_model(self, model: ModelInfo) -> None:
        reason = "" if model.corrects else tr("This model has no encoder of picture and attributes together.")
        self._window.panel.set_correctable(reason)
        self._show()

    def _show(self) -> None:
        face = self._session.face
        self._window.panel.show_told(dict(face.told) if face else {})

    def _contradict(self, name: str) -> None:
        """The opposite of what was read is true; said again, the model's reading holds."""
        face, model = self._session.face, self._models.model
        if face is None or model is None or not model.corrects or name not in face.inferred:
            return
        if name in dict(face.told):
            self._tell(name, None)
        else:
            self._tell(name, face.inferred[name] <= (0.5 if model.takes_whole else 0.0))

    def _tell(self, name: str, there: bool | None) -> None:
        face, model = self._session.face, self._models.model
        if face is None or model is None:
            return
        told = dict(face.told)
        told.pop(name, None)
        text = tr("as the model reads {attribute}", attribute=title(name))
        if there and model.takes_whole:
            told = {}  # one label alone is true
        if there is not None:
            told[name] = 1.0 if there else 0.0 if model.takes_whole else -1.0
            text = (
                tr("correct: {attribute}", attribute=title(name))
                if there
                else tr("correct: not {attribute}", attribute=title(name))
            )
        self._session.tell(told, text)
