"""What the model believes beside one number for an attribute: how sure it is, and what the edit obtained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from PySide6.QtCore import QObject

from jmvae_studio.control.analysing import Analysing
from jmvae_studio.control.models import Models
from jmvae_studio.document.attributes import title
from jmvae_studio.document.edit import HIGHEST, LOWEST, STRONGEST, Edit
from jmvae_studio.document.session import Session
from jmvae_studio.language import tr
from jmvae_studio.settings import Settings
from jmvae_studio.ui.main_window import MainWindow

NOTABLE = 0.25
"""How far an attribute that nobody set must have moved for its mark to be shown."""
ASKED = 1.0
"""From here on an attribute is meant to show: the training data's own value."""
SHOWN = 1 / 3
"""An attribute that is read nearer to the middle shows hardly: the model takes it for two in three at most."""


class Believing(QObject):
    """Shows on the sliders what an analysis says of the face, until the next change."""

    def __init__(
        self,
        session: Session,
        analysing: Analysing,
        models: Models,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._analysing, self._models = session, analysing, models
        self._window, self._settings = window, settings
        self._is_marked = False
        analysing.ask_while(lambda: settings.spread or settings.obtained)
        analysing.changed.connect(self._show)
        session.edit_changed.connect(self._follow)
        for changed in (session.inferred_changed, session.faces_changed):
            changed.connect(self._show)
        window.show_spread.setChecked(settings.spread)
        window.show_obtained.setChecked(settings.obtained)
        for action in (window.show_spread, window.show_obtained):
            action.toggled.connect(self._choose)

    def _choose(self) -> None:
        self._settings.spread = self._window.show_spread.isChecked()
        self._settings.obtained = self._window.show_obtained.isChecked()
        self._show()
        self._analysing.follow()

    def _follow(self) -> None:
        """What was obtained is no longer that of the edit; the spread is the face's and stays."""
        if self._is_marked:  # once in a drag, at its first step
            self._show()

    def _show(self) -> None:
        spread: dict[str, tuple[float, float]] = {}
        obtained: dict[str, float] = {}
        hint = ""
        model, of_face, of_edit = self._models.model, self._analysing.of_face, self._analysing.of_edit
        if model is not None and of_face is not None and self._settings.spread:
            edges = zip(of_face.beliefs.lowest, of_face.beliefs.highest, strict=True)
            spread = dict(zip(model.attribute_names, edges, strict=True))
        if model is not None and of_edit is not None and self._settings.obtained:
            obtained = self._notable(dict(zip(model.attribute_names, of_edit.beliefs.obtained, strict=True)))
            if of_edit.request.asked.mode != "generate":
                reached = of_edit.request.asked.attributes
                hint = self._advise(dict(zip(model.attribute_names, reached, strict=True)), obtained)
        self._is_marked = bool(obtained)
        self._window.panel.show_beliefs(spread, obtained)
        self._window.hint_line.show_hint(hint)

    def _advise(self, reached: Mapping[str, float], obtained: Mapping[str, float]) -> str:
        """What helps the attribute that shows least of those that were clearly asked to change sides.

        Args:
            reached: Attribute → the value that the edit asks for, at its strength.
            obtained: Attribute → what the model reads from the edited face.
        """
        face = self._session.face
        if face is None:
            return ""
        shown = {
            name: obtained[name] * math.copysign(1, reached[name])
            for name, _ in face.edit.values
            if name in obtained and abs(reached[name]) >= ASKED
            if reached[name] * face.inferred.get(name, 0.0) < 0
        }
        least = min(shown, key=shown.__getitem__, default=None)
        if least is None or shown[least] >= SHOWN:
            return ""
        if reached[least] > 0:
            found = tr("{title} hardly shows on this face.", title=title(least))
        else:
            found = tr("{title} still shows on this face.", title=title(least))
        ways = ", ".join(_ways(face.edit, least, reached))
        return f"{found} {tr('What may help: {ways}.', ways=ways)}" if ways else found

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


def _ways(edit: Edit, name: str, reached: Mapping[str, float]) -> Iterator[str]:
    """What can still be done for an attribute: words amid a sentence."""
    if not edit.free:
        yield tr("let the others follow (below the sliders)")
    elif reached.keys() - {*edit.free, *edit.locked, *dict(edit.values)}:
        yield tr("let more of the others follow")
    if LOWEST < reached[name] < HIGHEST and name not in edit.locked:
        if LOWEST < dict(edit.values)[name] < HIGHEST:
            yield tr("drag further")
        elif edit.strength < STRONGEST:
            yield tr("raise Strength")
