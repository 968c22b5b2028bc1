"""Presets, and adjustments that go from one face to another."""

from __future__ import annotations

from collections.abc import Callable
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
from jmvae_studio.ui.dialogs import ask_open, ask_save
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
            preset = load_preset(path)
            self._folder.save(preset)
        except PresetError as error:
            self.failed.emit(str(error))
            return
        self._window.show_presets(list(self._folder.load()))
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
        def save(keys: list[str], name: str) -> None:
            try:
                self._folder.save(self._part(keys, name))
            except PresetError as error:
                self.failed.emit(str(error))
                return
            self._window.show_presets(list(self._folder.load()))
            self._window.say(tr("The preset {name} is kept.", name=name))

        self._ask(tr("Save Preset"), tr("Save"), save, named=True)

    def _ask_share(self) -> None:
        def share(keys: list[str], name: str) -> None:
            path = ask_save(
                self._window,
                tr("Save Preset to a File"),
                f"{name}{SUFFIX}",
                tr("Presets (*{suffix})", suffix=SUFFIX),
            )
            if path is not None:
                try:
                    save_preset(path, self._part(keys, name))
                except PresetError as error:
                    self.failed.emit(str(error))

        self._ask(tr("Save Preset to a File"), tr("Save…"), share, named=True)

    def _ask_load(self) -> None:
        path = ask_open(
            self._window, tr("Open Preset"), tr("Presets (*{suffix});;All files (*)", suffix=SUFFIX)
        )
        if path is not None:
            self.apply_file(path)

    def _ask_copy(self) -> None:
        def copy(keys: list[str], name: str) -> None:
            self._copied = self._part(keys, tr("pasted adjustments"))
            self._window.paste_adjustments.setEnabled(True)
            self._window.say(
                trn(
                    "{count} adjustment is copied; Ctrl+Shift+V applies it to another face.",
                    "{count} adjustments are copied; Ctrl+Shift+V applies them to another face.",
                    len(keys),
                )
            )

        self._ask(tr("Copy Adjustments"), tr("Copy"), copy, named=False)

    def _ask(self, heading: str, accept: str, chosen: Callable[[list[str], str], None], named: bool) -> None:
        face = self._session.face
        entries = _entries(face.edit) if face is not None else []
        if not entries:
            self._window.say(tr("Nothing has been adjusted yet: move a slider first."))
            return
        self.dialog = ChooseAttributes(self._window, heading, entries, chosen, accept, named)
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
        try:
            self._folder.remove(name)
        except PresetError as error:
            self.failed.emit(str(error))
        self._window.show_presets(list(self._folder.load()))

    def _part(self, keys: list[str], name: str) -> Preset:
        """What of the current face's edit was chosen."""
        assert self._session.face is not None
        whole = Preset.of(name, self._session.face.edit)
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
