"""Which model is at work, and on which device."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, Signal

from jmvae_studio.document.attributes import group, title
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import ModelInfo
from jmvae_studio.inference.results import Device
from jmvae_studio.language import tr
from jmvae_studio.resources import default_model
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_model
from jmvae_studio.ui.main_window import MainWindow


class Models(QObject):
    """Loads models and keeps the choice of model and device."""

    loading = Signal()
    """Another model or device was asked for."""
    arrived = Signal()
    """A model is about to take the present one's place, and its attributes theirs."""
    changed = Signal(object, bool)
    """A `ModelInfo` is at work; whether it is the same model as before, on another device."""
    failed = Signal(str)

    def __init__(
        self,
        renderer: Renderer,
        window: MainWindow,
        settings: Settings,
        path: Path | None,
        device: Device | None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._renderer, self._window, self._settings = renderer, window, settings
        self.model: ModelInfo | None = None
        self.device: Device = device or settings.device
        self._path = path or default_model()
        self._chosen_device: Device | None = None
        renderer.model_loaded.connect(self._loaded)
        renderer.model_failed.connect(self._load_failed)
        renderer.memory_freed.connect(
            lambda: window.say(tr("The model's memory is free; the next change loads it again."))
        )
        window.open_model_asked.connect(self._ask)
        window.model_chosen.connect(self.load)
        window.device_chosen.connect(self._choose_device)
        window.free_memory_asked.connect(renderer.free_memory)

    def start(self) -> None:
        """Load the first model."""
        self._window.say(tr("Loading the model…"), 60)
        self._renderer.load(self._path, self.device)

    def load(self, path: Path) -> None:
        """Load another model; on failure the present one stays."""
        self._path = path
        self.loading.emit()
        self._window.say(tr("Loading {name}…", name=path.name), 60)
        self._renderer.load(path, self.device)

    def _ask(self) -> None:
        path = ask_model(self._window, self._path.parent)
        if path is not None:
            self.load(path)

    def _loaded(self, model: ModelInfo) -> None:
        renewed = self.model is not None and self.model.digest == model.digest
        if not renewed:
            self.arrived.emit()
        self.model = model
        self._path, self.device = model.path, model.device
        if model.device == self._chosen_device:
            self._settings.device = model.device
        self._chosen_device = None
        if model.path != default_model():
            self._settings.remember_model(model.path.absolute())
            self._window.show_recent(self._settings.recent_files, self._settings.recent_models)
        self._window.show_device(model.device_name, model.path.stem)
        if not renewed:
            headings = [
                (heading, [(n, title(n)) for n in names]) for heading, names in group(model.attribute_names)
            ]
            self._window.panel.set_attributes(headings)
        self.changed.emit(model, renewed)

    def _load_failed(self, message: str) -> None:
        self._chosen_device = None
        if self.model is not None:
            self._path = self.model.path
        self.failed.emit(message)

    def _choose_device(self, device: str) -> None:
        self._chosen_device = cast(Device, device)
        self.loading.emit()
        self._window.say(tr("Moving the model…"), 60)
        self._renderer.load(self._path, self._chosen_device)
