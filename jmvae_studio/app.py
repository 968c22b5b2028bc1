"""The composition root: builds the objects, connects them and starts the loop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from traceback import format_exception
from types import TracebackType
from typing import cast

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QTranslator, Signal
from PySide6.QtWidgets import QApplication

from jmvae_studio import __version__
from jmvae_studio.control.analysing import Analysing
from jmvae_studio.control.arranging import Arranging
from jmvae_studio.control.batches import Batches
from jmvae_studio.control.believing import Believing
from jmvae_studio.control.correcting import Correcting
from jmvae_studio.control.coupling import Coupling
from jmvae_studio.control.editing import Editing
from jmvae_studio.control.evaluating import Evaluating
from jmvae_studio.control.exploring import Exploring
from jmvae_studio.control.exports import Exports
from jmvae_studio.control.imagining import Imagining
from jmvae_studio.control.models import Models
from jmvae_studio.control.photographs import Photographs
from jmvae_studio.control.preferring import Preferring
from jmvae_studio.control.presets import Presets
from jmvae_studio.control.remaking import Remaking
from jmvae_studio.control.runs import Runs
from jmvae_studio.control.sessions import Sessions
from jmvae_studio.control.showing import Showing
from jmvae_studio.control.tagging import Tagging
from jmvae_studio.control.training import Training
from jmvae_studio.control.versions import Versions
from jmvae_studio.control.welcoming import Welcoming
from jmvae_studio.document.edit import HIGHEST, LOWEST, MODES
from jmvae_studio.document.presets import PresetFolder
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import sweep
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import ModelInfo, PreviewResult
from jmvae_studio.inference.results import Device
from jmvae_studio.language import choose, tr
from jmvae_studio.resources import samples, shipped_models
from jmvae_studio.settings import SettingsFile
from jmvae_studio.training.trainings import Trainings
from jmvae_studio.ui.help import show_about, show_guide
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.theme import Theme, apply_theme


class Studio(QObject):
    """The program: the window, the session, the renderer and what connects them."""

    exported = Signal(object)
    """A `Path` that was written."""

    def __init__(
        self,
        application: QApplication,
        settings_file: SettingsFile,
        model: Path | None = None,
        device: Device | None = None,
        languages: Sequence[str] = (),
    ) -> None:
        """Args: ``languages`` are the user's, the best first; one that the settings name goes before them."""
        super().__init__()
        self._application = application
        self._settings_file = settings_file
        spoken = choose(languages) if languages else ""
        self.settings, damage = settings_file.load()
        if self.settings.language:
            spoken = choose([self.settings.language])
        self._translate_qt(spoken)
        apply_theme(application, self.settings.theme)
        self.session = Session(self)
        self.renderer = Renderer(self)
        self.window = MainWindow(self.session.undo_group, (LOWEST, HIGHEST), MODES)
        window, session, settings = self.window, self.session, self.settings
        self.models = Models(self.renderer, window, settings, model, device, self)
        self.showing = Showing(session, self.renderer, self.models, window, settings, self)
        self.editing = Editing(session, self.showing, self.models, window, settings, self)
        self.correcting = Correcting(session, self.models, window, self)
        folder = PresetFolder(settings_file.folder / "presets")
        self.presets = Presets(session, self.models, window, folder, self)
        self.batches = Batches(session, self.models, self.renderer, folder, window, settings, self)
        self.photographs = Photographs(session, window, settings, self)
        self.versions = Versions(session, window, self)
        self.remaking = Remaking(session, self.photographs, window, self)
        self.sessions = Sessions(
            session, self.photographs, window, settings, settings_file.folder / "sessions", self
        )
        keep = partial(settings_file.save, settings)
        self.preferring = Preferring(session, self.sessions, self.models, window, settings, keep, self)
        self.exports = Exports(session, self.showing, self.models, self.renderer, window, settings, self)
        self.analysing = Analysing(session, self.showing, self.renderer, self)
        self.believing = Believing(session, self.analysing, self.models, window, settings, self)
        self.exploring = Exploring(
            session,
            self.showing,
            self.analysing,
            self.renderer,
            self.models,
            self.photographs,
            window,
            settings,
            settings_file.cache,
            self,
        )
        self.coupling = Coupling(session, self.showing, self.renderer, self.models, window, settings, self)
        self.imagining = Imagining(session, self.showing, self.renderer, self.models, window, settings, self)
        self.arranging = Arranging(window, settings, self)
        self.trainings = Trainings(settings_file.data / "runs", self)
        self.training = Training(self.trainings, self.models, window, settings, self)
        self.tagging = Tagging(window, self.models, self.renderer, settings, self.training.ask, self)
        self.evaluating = Evaluating(window, self.models, settings, self)
        self.runs = Runs(self.trainings, session, window, self.training.ask, self)
        self._connect()
        window.show_recent(settings.recent_files, settings.recent_models)
        window.show_samples(samples())
        window.show_shipped(shipped_models())
        window.show_choice(settings.theme, self.models.device, settings.mode)
        session.mode = settings.mode
        window.show_strip.setChecked(settings.filmstrip)
        self.showing.show_photo()
        self.showing.show_faces()
        self.welcoming = Welcoming(window, settings, self)
        if damage:
            window.warn(damage)

    @property
    def model(self) -> ModelInfo | None:
        """The model at work."""
        return self.models.model

    @property
    def last_result(self) -> PreviewResult | None:
        """The preview on the screen."""
        return self.showing.last_result

    def start(self, paths: Sequence[Path]) -> None:
        """Show the window, and only then load the model and the photograph (or a generated face)."""
        self.window.show()
        self._application.processEvents()  # painted before anything heavy begins
        self.models.start()
        if self.settings.export_folder:
            sweep(Path(self.settings.export_folder))
        self.sessions.start()
        self.trainings.start()
        self.photographs.start(list(paths))

    def close(self) -> None:
        """Keep the settings and end every thread."""
        self.session.end_gesture()
        self.arranging.keep()
        self._settings_file.save(self.settings)
        self.photographs.close()
        self.sessions.close()
        self.exploring.close()
        self.batches.close()
        self.runs.close()
        self.tagging.close()
        self.evaluating.close()
        self.training.close()
        self.renderer.close()
        self.imagining.close()
        self.exports.close()

    def is_settled(self) -> bool:
        """Whether the preview on the screen is that of the present edit."""
        return self.showing.is_settled()

    def open_path(self, path: Path) -> None:
        """Open a photograph; a model file is opened as a model."""
        self.photographs.open_path(path)

    def load_model(self, path: Path) -> None:
        """Load another model; on failure the present one stays."""
        self.models.load(path)

    def export(self, path: Path, whole: bool = True) -> None:
        """Write the result: the whole photograph with the edit in place, or the face's crop of it."""
        self.exports.export(path, whole)

    def report(self, message: str, details: str = "") -> None:
        """Tell the user that something failed."""
        self.window.say(message, 12)
        self.window.warn(message, details)

    def choose_theme(self, theme: str) -> None:
        """Change the colours: system, light or dark."""
        self.settings.theme = cast(Theme, theme)
        apply_theme(self._application, self.settings.theme)
        self.window.refresh_icons()

    def _translate_qt(self, language: str) -> None:
        """Qt's own words, as on “Cancel”, in the language of all others; empty is English."""
        translator = QTranslator(self)
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if language and translator.load(f"qtbase_{language}", folder):
            self._application.installTranslator(translator)

    def _model_loading(self) -> None:
        self.photographs.notice = ""

    def _model_changed(self, model: ModelInfo, renewed: bool) -> None:
        self.window.show_choice(self.settings.theme, model.device, self.session.shown_mode)
        if not renewed:
            self.showing.forget_overlays()
        # What was said of the photograph stays.
        self.window.say(self.photographs.notice or tr("{name} is ready.", name=model.path.name))
        self.showing.show_faces()
        self.photographs.take_whole(model.takes_whole)

    def _model_failed(self, message: str) -> None:
        self.window.show_choice(self.settings.theme, self.models.device, self.session.shown_mode)
        self.report(message)

    def _connect(self) -> None:
        window = self.window
        self.renderer.failed.connect(self.report)
        self.models.loading.connect(self._model_loading)
        self.models.arrived.connect(self.session.end_gesture)
        self.models.changed.connect(self._model_changed)
        self.models.failed.connect(self._model_failed)
        self.presets.failed.connect(self.report)
        self.sessions.failed.connect(self.report)
        self.imagining.failed.connect(self.report)
        self.exploring.failed.connect(self.report)
        self.photographs.preset_given.connect(self.presets.apply_file)
        self.photographs.model_given.connect(self.models.load)
        self.photographs.failed.connect(self.report)
        self.photographs.closed.connect(self.showing.forget_photo)
        self.exports.exported.connect(self.exported)
        self.training.begun.connect(self.runs.show)
        self.runs.load_asked.connect(self.models.load)
        self.runs.failed.connect(self.report)
        self.runs.evaluate_asked.connect(self.evaluating.evaluate_run)
        self.runs.export_asked.connect(self.evaluating.export_run)
        self.evaluating.failed.connect(self.report)
        window.theme_chosen.connect(self.choose_theme)
        window.shortcuts_asked.connect(partial(show_guide, window))
        window.about_asked.connect(partial(show_about, window, __version__))
        window.closing.connect(self.close)


def make_application(arguments: Sequence[str] = ()) -> QApplication:
    """The one `QApplication` of the process."""
    application = QApplication.instance() or QApplication([sys.argv[0], *arguments])
    assert isinstance(application, QApplication)
    application.setApplicationName("JMVAE Studio")
    application.setApplicationVersion(__version__)
    # The renderer's thread and the window's trade places at every preview; the default of 5 ms would show.
    sys.setswitchinterval(0.0005)
    return application


def run_window(paths: Sequence[Path], model: Path | None, device: Device | None) -> int:
    """Open the window on ``paths`` and run until it is closed; the process's exit code."""
    application = make_application()
    studio = Studio(application, SettingsFile.for_user(), model, device, QLocale.system().uiLanguages())

    def unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An error nobody foresaw goes to standard error whole and to the user as a sentence; the window stays."""
        sys.__excepthook__(kind, error, trace)
        if isinstance(error, Exception):
            details = "".join(format_exception(kind, error, trace))
            studio.report(
                tr(
                    "Something went wrong ({kind}: {error}). Your work is still here.",
                    kind=kind.__name__,
                    error=error,
                ),
                details,
            )

    sys.excepthook = unforeseen
    studio.start(paths)
    return application.exec()
