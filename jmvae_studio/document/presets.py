"""Edits as text: named presets, and the settings that an exported picture carries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jmvae_studio.document.edit import HIGHEST, LOWEST, STRONGEST, Edit, Mode
from jmvae_studio.language import tr
from trainer.files import write_beside

SUFFIX = ".jmvae-preset"
_MOST_BYTES = 1_000_000
_LONGEST = 80
"""Letters of a preset's name."""


class PresetError(Exception):
    """A preset that could not be read or written: what, where and what to do."""


class Preset(BaseModel):
    """A named part of an edit; what it does not name it leaves alone.

    Attributes:
        format: Of the file.
        name: For the menu.
        values: Attribute → value.
        mode: Edit mode, if it names one.
        strength: Overall strength, if it names one.
        identity: Identity strength, if it names one.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    format: Literal["jmvae-preset 1"] = "jmvae-preset 1"
    name: str = Field(min_length=1, max_length=_LONGEST)
    values: dict[str, float] = Field(default_factory=dict, max_length=1000)
    mode: Mode | None = None
    strength: float | None = Field(default=None, ge=0, le=STRONGEST)
    identity: float | None = Field(default=None, ge=0, le=STRONGEST)

    @classmethod
    def of(cls, name: str, edit: Edit) -> Preset:
        """What was asked in an edit, under a name."""
        return cls(
            name=name,
            values=dict(edit.values),
            strength=None if edit.strength == 1 else edit.strength,
            identity=None if edit.identity == 1 else edit.identity,
        )

    def apply(self, edit: Edit) -> Edit:
        """An edit with what this preset names; locked attributes stay."""
        edit = edit.with_values(self.values)
        if self.mode is not None:
            edit = edit.with_mode(self.mode)
        if self.strength is not None:
            edit = edit.with_strength(self.strength)
        if self.identity is not None:
            edit = edit.with_identity(self.identity)
        return edit

    def for_names(self, names: tuple[str, ...]) -> tuple[Preset, list[str]]:
        """This preset without the attributes that a model does not have, and those."""
        unknown = sorted(set(self.values) - set(names))
        known = {name: value for name, value in self.values.items() if name in names}
        return self.model_copy(update={"values": known}), unknown

    def to_json(self) -> str:
        """As text."""
        return self.model_dump_json(indent=2, exclude_none=True)


def parse_preset(text: str, source: str) -> Preset:
    """A preset from text.

    Raises:
        PresetError: The text is no preset; the sentence names ``source``.
    """
    try:
        raw: Any = json.loads(text)
        preset = Preset.model_validate(raw)
    except (ValueError, ValidationError, RecursionError) as error:
        raise PresetError(
            tr("{source} is not a preset: choose a file that this program saved.", source=source)
        ) from error
    for name, value in preset.values.items():
        if not LOWEST <= value <= HIGHEST:
            raise PresetError(
                tr(
                    "{source}: {name} is {value:g}, but attributes go from {lowest:g} to {highest:g}.",
                    source=source,
                    name=name,
                    value=value,
                    lowest=LOWEST,
                    highest=HIGHEST,
                )
            )
    return preset


def load_preset(path: Path) -> Preset:
    """Read a preset's file.

    Raises:
        PresetError: It cannot be read or is no preset.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise PresetError(
                tr("{name} is too large for a preset: choose a file that this program saved.", name=path.name)
            )
        return parse_preset(data.decode("utf-8"), path.name)
    except OSError as error:
        raise PresetError(tr("{path} cannot be read: {reason}.", path=path, reason=error.strerror)) from error
    except UnicodeDecodeError as error:
        raise PresetError(
            tr("{name} is not a preset: choose a file that this program saved.", name=path.name)
        ) from error


def save_preset(path: Path, preset: Preset) -> None:
    """Write a preset beside its target and rename it.

    Raises:
        PresetError: It could not be written; an older file is unchanged.
    """
    try:
        write_text(path, preset.to_json())
    except OSError as error:
        raise PresetError(
            tr("The preset cannot be saved in {folder}: {reason}.", folder=path.parent, reason=error.strerror)
        ) from error


def write_text(path: Path, text: str) -> None:
    """Write a text file, and the folder around it; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_beside(path, text)


class PresetFolder:
    """The user's own presets, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> Mapping[str, Preset]:
        """Name → preset; files that are none are passed over."""
        found = {}
        for path in sorted(self._folder.glob(f"*{SUFFIX}")) if self._folder.is_dir() else []:
            try:
                preset = load_preset(path)
            except PresetError:
                continue
            found[preset.name] = preset
        return dict(sorted(found.items(), key=lambda item: item[0].lower()))

    def save(self, preset: Preset) -> None:
        """Keep a preset; one of the same name is replaced. Raises `PresetError`."""
        save_preset(self._path(preset.name), preset)

    def add(self, preset: Preset) -> Preset:
        """Keep a preset that came from elsewhere; a different one of the same name stays. Raises `PresetError`.

        Returns:
            The preset as it is kept, under a free name if its own is taken.
        """
        known, kept, number = self.load(), preset, 1
        while known.get(kept.name, kept) != kept:
            number += 1
            ending = f" {number}"
            kept = preset.model_copy(update={"name": preset.name[: _LONGEST - len(ending)] + ending})
        if kept.name not in known:
            self.save(kept)
        return kept

    def remove(self, name: str) -> None:
        """Forget a preset. Raises `PresetError`."""
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise PresetError(
                tr("The preset {name} cannot be removed: {reason}.", name=name, reason=error.strerror)
            ) from error

    def _path(self, name: str) -> Path:
        """The preset's file, or a free one: several names may make the same one."""
        for path in self._folder.glob(f"*{SUFFIX}"):
            with suppress(PresetError):
                if load_preset(path).name == name:
                    return path
        stem = re.sub(r"[^\w\- ]", "_", name).strip()[:60] or "preset"
        path, number = self._folder / f"{stem}{SUFFIX}", 1
        while path.exists():
            number += 1
            path = self._folder / f"{stem} {number}{SUFFIX}"
        return path
