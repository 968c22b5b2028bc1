"""The user's settings: a small JSON file that never stops the program, however damaged."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jmvae_studio.document.edit import Mode
from jmvae_studio.document.naming import DEFAULT_PATTERN
from jmvae_studio.language import tr
from trainer.files import write_beside

RECENT = 10


class Settings(BaseModel):
    """What is kept from one start to the next."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    language: str = ""
    """The language to speak, as ``de`` or ``pt_BR``; empty for the system's."""
    theme: Literal["system", "light", "dark"] = "system"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    mode: Mode = "latent"
    recent_files: list[str] = Field(default_factory=list)
    recent_models: list[str] = Field(default_factory=list)
    recent_sessions: list[str] = Field(default_factory=list)
    export_folder: str = ""
    filmstrip: bool = True
    """Whether the filmstrip shows as soon as there are several photographs."""
    spread: bool = True
    """Whether the sliders show how sure the model is."""
    obtained: bool = True
    """Whether the sliders show what the model reads from the edited face."""
    coupling: bool = True
    """Whether they show what would move with the attribute under the mouse."""
    favourites: list[str] = Field(default_factory=list)
    folded: list[str] = Field(default_factory=list)
    """Headings of the attributes' groups that are folded."""
    export_format: str = ".png"
    export_animation: str = ".gif"
    export_name: str = DEFAULT_PATTERN
    """Pattern of exported files' names (`document.naming`)."""
    export_quality: int = Field(default=95, ge=1, le=100)
    export_exif: bool = False
    export_settings: bool = True
    """Whether exported pictures carry the settings they were made with."""
    imagined: list[str] = Field(default=["Male", "Bald", "Smiling", "Eyeglasses", "Young"])
    """Attributes that have a column among the average and random faces."""
    map_source: Literal["bank", "groups", "photographs", "folder"] = "bank"
    """What the latent map shows."""
    map_groups: list[str] = Field(default=["Male", "Bald", "Smiling", "Eyeglasses", "Young"])
    """Attributes that are changed, one in each group of the latent map."""
    map_folder: str = ""
    """The folder that was last mapped."""
    welcomed: bool = False
    """Whether the hint of the first start was dismissed."""
    autosave: bool = True
    """Whether the session is kept in case of a crash."""
    autosave_pause: float = Field(default=0.3, ge=0.3, le=600)
    """Seconds from a change until it is written."""
    memory: int = Field(default=600, ge=100, le=64_000)
    """Megabytes of photographs that are not shown and stay in memory."""
    training_data: str = ""
    """The folder that was last trained on."""
    geometry: str = ""
    """The window's size and docks as Qt writes them, base64."""
    layout: str = ""
    divider: str = ""
    """Where the line between the faces and the photograph stands, as Qt writes it, base64."""

    def remember_file(self, path: Path) -> None:
        """Put a photograph first among the recent ones."""
        self.recent_files = _first(str(path), self.recent_files)

    def remember_model(self, path: Path) -> None:
        """Put a model first among the recent ones."""
        self.recent_models = _first(str(path), self.recent_models)

    def remember_session(self, path: Path) -> None:
        """Put a session's file first among the recent ones."""
        self.recent_sessions = _first(str(path), self.recent_sessions)


class SettingsFile:
    """Where the settings live."""

    def __init__(self, path: Path, data: Path | None = None, cache: Path | None = None) -> None:
        self.path = path
        self.data = data or path.parent
        """Where large things are kept: the runs of the trainer."""
        self.cache = cache or path.parent / "cache"
        """Where what can be made again is kept: the codes of folders."""

    @classmethod
    def for_user(cls) -> SettingsFile:
        """In the user's folders for settings, data and caches, or all in the folder JMVAE_STUDIO_CONFIG names."""
        from platformdirs import user_cache_path, user_config_path, user_data_path

        folder = os.environ.get("JMVAE_STUDIO_CONFIG")
        if folder:
            return cls(Path(folder) / "settings.json")
        name = "jmvae-studio"
        return cls(user_config_path(name) / "settings.json", user_data_path(name), user_cache_path(name))

    @property
    def folder(self) -> Path:
        """Where the settings and what belongs to them are kept."""
        return self.path.parent

    def load(self) -> tuple[Settings, str | None]:
        """The settings, and a sentence for the user if a damaged file had to be set aside."""
        try:
            values: Any = json.loads(self.path.read_text(encoding="utf-8"))
            return Settings.model_validate(values), None
        except FileNotFoundError:
            return Settings(), None
        except OSError as error:
            return (
                Settings(),
                tr(
                    "The settings in {path} cannot be read ({reason}); defaults are used.",
                    path=self.path,
                    reason=error.strerror,
                ),
            )
        except (ValueError, ValidationError, RecursionError):
            kept = self.path.with_suffix(".bad")
            try:
                self.path.replace(kept)
            except OSError:
                return Settings(), tr(
                    "The settings in {path} are damaged; defaults are used.", path=self.path
                )
            return (
                Settings(),
                tr(
                    "The settings were damaged and start anew; the old file is kept as {name}.",
                    name=kept.name,
                ),
            )

    def save(self, settings: Settings) -> None:
        """Write the settings beside and rename; a place that cannot be written is passed over in silence."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(settings.model_dump(), indent=2)  # ASCII: any file name passes
            write_beside(self.path, text)


def _first(entry: str, entries: list[str]) -> list[str]:
    return [entry, *(other for other in entries if other != entry)][:RECENT]
