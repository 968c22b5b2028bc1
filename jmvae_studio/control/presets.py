"""Presets, and adjustments that go from one face to another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from jmvae_studio.control.models import Models
from jmvae_studio.document.attributes import title
from jmvae_studio.document.edit import Edit
from jmvae_studio.document.presets import (
    SUFFIX,
    Preset,
    PresetError,
    PresetFolder,
    load_preset,
    save_preset,
)
from jmvae_studio.document.session import Session
from jmvae_studio.language import tr, trn
from jmvae_studio.ui.choosing import ChooseAttributes
from jmvae_studio.ui.dialogs import ask_export, ask_open
from jmvae_studio.ui.main_window import MainWindow

_STRENGTH, _IDENTITY = "strength of the edit", "strength of the identity"
"""Keys of what acts on the whole edit; no attribute has such a name."""


class Presets(QObject):
    """Saves and applies presets, copies and pastes adjustments."""

    failed = Signal(str)

    def __init__(
        self,
        session: Session,
        models: Models,
        window: MainWindow,
        folder: PresetFolder,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._models, self._window, self._folder = session, models, window, folder
        self._copied: Preset | None = None
        self.dialog: ChooseAttributes | None = None
        window.save_preset_asked.connect(self._ask_save)
        window.share_preset_asked.connect(self._ask_share)
        window.load_preset_asked.connect(self._ask_load)
        window.preset_chosen.connect(self._choose)
        window.preset_removed.connect(self._remove)
        window.copy_adjustments_asked.connect(self._ask_copy)
        window.paste_adjustments_asked.connect(self._paste)
        window.show_presets(list(folder.load()))
        window.paste_adjustments.setEnabled(False)

    def apply_file(self, path: Path) -> None:
        """Apply a preset's file to the current face, and keep the preset."""
        try:
            given = load_preset(path)
            preset = self._folder.add(given)
        except PresetError as error:
            self.failed.emit(str(error))
            return
        self._window.show_presets(list(self._folder.load()))
        if preset.name != given.name:
            self._window.messages.offer(
                tr(
                    "You have another preset called {name}: the one of {file} is kept as {kept}.",
                    name=given.name,
                    file=path.name,
                    kept=preset.name,
                ),
                [],
            )
        self.apply(preset, tr("preset {name}", name=preset.name))

    def apply(self, preset: Preset, name: str) -> None:
        """Apply a preset to the current face, as one undo entry."""
        if self._session.face is None:
            self._window.say(tr("A preset needs a face: open a photograph first."))
            return
        unknown: list[str] = []
        if self._models.model is not None:
            preset, unknown = preset.for_names(self._models.model.attribute_names)
        locked = sorted(set(self._session.face.edit.locked) & set(preset.values))
        self._session.change(preset.apply, name)
        said = [tr("Applied {name}.", name=name)]
        if locked:
            said.append(tr("Locked and left as they are: {title}.", title=", ".join(map(title, locked))))
        if unknown:
            said.append(tr("This model does not have: {names}.", names=", ".join(map(title, unknown))))
        self._window.say(" ".join(said), 10)

    def _ask_save(self) -> None:
        def save(edit: Edit, keys: list[str], name: str) -> None:
            before, preset = self._folder.load().get(name), _part(edit, keys, name)
            if not self._keep(preset):
                return
            self._window.say(tr("The preset {name} is kept.", name=name))
            if before is not None and before != preset:
                self._window.messages.offer(
                    tr("The preset {name} is kept in place of the one before.", name=name),
                    [(tr("Bring the One Before Back"), partial(self._bring_back, before))],
                )

        self._ask(tr("Save Preset"), tr("Save"), save, named=True)

    def _bring_back(self, preset: Preset) -> None:
        if self._keep(preset):
            self._window.say(tr("The preset {name} is as it was before.", name=preset.name))

    def _keep(self, preset: Preset) -> bool:
        """Keep a preset in place of one of its name; False if it could not be written."""
        try:
            self._folder.save(preset)
        except PresetError as error:
            self.failed.emit(str(error))
            return False
        self._window.show_presets(list(self._folder.load()))
        return True

    def _ask_share(self) -> None:
        def share(edit: Edit, keys: list[str], name: str) -> None:
            preset = _part(edit, keys, name)

            def save(path: Path) -> None:
                try:
                    save_preset(path, preset)
                except PresetError as error:
                    self.failed.emit(str(error))

            title = tr("Save Preset to a File")
            ask_export(self._window, title, "", f"{name}{SUFFIX}", {SUFFIX: tr("Presets")}, save)

        self._ask(tr("Save Preset to a File"), tr("Save…"), share, named=True)

    def _ask_load(self) -> None:
        path = ask_open(
            self._window, tr("Open Preset"), tr("Presets (*{suffix});;All files (*)", suffix=SUFFIX)
        )
        if path is not None:
            self.apply_file(path)

    def _ask_copy(self) -> None:
        def copy(edit: Edit, keys: list[str], name: str) -> None:
            self._copied = _part(edit, keys, tr("pasted adjustments"))
            self._window.paste_adjustments.setEnabled(True)
            self._window.say(
                trn(
                    "{count} adjustment is copied; Ctrl+Shift+V applies it to another face.",
                    "{count} adjustments are copied; Ctrl+Shift+V applies them to another face.",
                    len(keys),
                )
            )

        self._ask(tr("Copy Adjustments"), tr("Copy"), copy, named=False)

    def _ask(
        self, heading: str, accept: str, chosen: Callable[[Edit, list[str], str], None], named: bool
    ) -> None:
        self._session.end_gesture()
        face = self._session.face
        edit = face.edit if face is not None else Edit()
        entries = _entries(edit)
        if not entries:
            self._window.say(tr("Nothing has been adjusted yet: move a slider first."))
            return
        # Another photograph may arrive while this is asked: what is listed is what is taken.
        answer = partial(chosen, edit)
        self.dialog = ChooseAttributes(self._window, heading, entries, answer, accept, named)
        self.dialog.open()

    def _paste(self) -> None:
        if self._copied is not None:
            self.apply(self._copied, self._copied.name)

    def _choose(self, name: str) -> None:
        preset = self._folder.load().get(name)
        if preset is None:
            self.failed.emit(tr("The preset {name} is no longer there.", name=name))
            self._window.show_presets(list(self._folder.load()))
        else:
            self.apply(preset, tr("preset {name}", name=name))

    def _remove(self, name: str) -> None:
        """Remove a preset, and offer to bring it back."""
        removed = self._folder.load().get(name)
        try:
            self._folder.remove(name)
        except PresetError as error:
            self.failed.emit(str(error))
        else:
            if removed is not None:
                choices = [(tr("Bring Back"), partial(self._bring_back, removed))]
                self._window.messages.offer(tr("The preset {name} is removed.", name=name), choices)
        self._window.show_presets(list(self._folder.load()))


def _part(edit: Edit, keys: list[str], name: str) -> Preset:
    """What of an edit was chosen."""
    whole = Preset.of(name, edit)
    return whole.model_copy(
        update={
            "values": {key: value for key, value in whole.values.items() if key in keys},
            "strength": whole.strength if _STRENGTH in keys else None,
            "identity": whole.identity if _IDENTITY in keys else None,
        }
    )


def _entries(edit: Edit) -> list[tuple[str, str]]:
    entries = [(name, f"{title(name)}  {value:+.2f}") for name, value in edit.values]
    if edit.strength != 1:
        entries.append((_STRENGTH, tr("Strength  {strength:.0%}", strength=edit.strength)))
    if edit.identity != 1:
        entries.append((_IDENTITY, tr("Identity  {identity:.0%}", identity=edit.identity)))
    return entries
