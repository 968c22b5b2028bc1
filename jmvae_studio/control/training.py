"""Training from the menu: what is asked of the trainer, and what it has to say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from jmvae_studio.control.models import Models
from jmvae_studio.language import mark, tr
from jmvae_studio.settings import Settings
from jmvae_studio.training.measuring import Measured, Measuring
from jmvae_studio.training.run import Run, State
from jmvae_studio.training.survey import Survey, survey
from jmvae_studio.training.trainings import RunError, Trainings
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.train_dialog import TrainDialog
from trainer.checkpoint_header import Header, read_checkpoint, settings_of
from trainer.config import TrainConfig
from trainer.errors import TrainerError

NAME = mark("My model")
"""What a run is called unless the user says otherwise."""


class Training(QObject):
    """Asks for runs, starts them, and tells when they end."""

    begun = Signal(object)
    """A `Run` was made."""

    _surveyed = Signal(object, object)
    """A folder, and its `Survey` or a sentence why there is none."""
    _parent_read = Signal(object, object)
    """A checkpoint, and its `Header` or a sentence why it cannot be used."""

    def __init__(
        self,
        trainings: Trainings,
        models: Models,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._trainings, self._models = trainings, models
        self._window, self._settings = window, settings
        self._measuring = Measuring(self)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="surveyor")
        self._is_closing = False
        self.dialog: TrainDialog | None = None
        """The dialog of a new run, while it is open."""
        window.train_asked.connect(self.ask)
        self._measuring.measured.connect(self._show_measured)
        self._measuring.failed.connect(self._show_no_measure)
        trainings.ended.connect(self._tell_end)
        trainings.failed.connect(self._tell)
        self._surveyed.connect(self._show_survey)
        self._parent_read.connect(self._show_parent)

    def close(self) -> None:
        """Look no more; runs go on."""
        self._is_closing = True
        self._trainings.close()
        self._measuring.close()
        self._pool.shutdown(cancel_futures=True)

    @property
    def is_measuring(self) -> bool:
        """Whether a process measures what a run would take."""
        return self._measuring.is_under_way

    def load(self, run: Run) -> None:
        """Load the newest weights of a run into the editor, whether it still trains or not."""
        if run.model is None:
            self._tell(
                tr("{name} has no model yet: the first one is there after its first epoch.", name=run.name)
            )
        else:
            self._models.load(run.model)

    def ask(self, like: Run | None = None) -> None:
        """Open the dialog of a new run, with the settings of another one if it is given."""
        if self.dialog is not None:
            self.dialog.activateWindow()
            return
        name = self._trainings.free_name(like.name if like else tr(NAME))
        self.dialog = TrainDialog(
            self._window,
            self._trainings.check_name,
            name,
            self._settings.training_data,
            like.config if like else None,
        )
        model = self._models.model
        self.dialog.model_in_editor = model.path.absolute() if model else None
        self.dialog.this_model.setEnabled(model is not None)
        self.dialog.folder_given.connect(self._look_into)
        self.dialog.parent_given.connect(lambda path: self._pool.submit(self._read_parent, path))
        self.dialog.measure_asked.connect(self._measuring.start)
        self.dialog.measure.cancelled.connect(self._measuring.cancel)
        self.dialog.wished.connect(self._begin)
        self.dialog.destroyed.connect(self._forget_dialog)
        self.dialog.open()

    def _forget_dialog(self) -> None:
        self.dialog = None
        self._measuring.cancel()

    def _show_measured(self, found: Measured) -> None:
        if self.dialog is not None:
            self.dialog.measure.show_measured(found, len(self._trainings.under_way()))

    def _show_no_measure(self, reason: str) -> None:
        if self.dialog is not None:
            self.dialog.measure.show_failure(reason)

    def _look_into(self, folder: Path) -> None:
        self._pool.submit(self._survey, folder)

    def _survey(self, folder: Path) -> None:
        """On the surveyor's thread."""
        found: Survey | str
        try:
            found = survey(folder)
        except TrainerError as error:
            found = str(error)
        except OSError as error:
            found = tr("{folder} cannot be read: {reason}.", folder=folder, reason=error.strerror)
        if not self._is_closing:
            self._surveyed.emit(folder, found)

    def _show_survey(self, folder: Path, found: Survey | str) -> None:
        if self.dialog is None:
            return
        if isinstance(found, Survey):
            self.dialog.show_survey(folder, found)
        else:
            self.dialog.refuse_folder(folder, found)

    def _read_parent(self, path: Path) -> None:
        """On the surveyor's thread."""
        found: Header | str
        try:
            found, _ = read_checkpoint(path)
        except TrainerError as error:
            found = str(error)
        if not self._is_closing:
            self._parent_read.emit(path, found)

    def _show_parent(self, path: Path, found: Header | str) -> None:
        if self.dialog is None:
            return
        if isinstance(found, Header):
            self.dialog.show_parent(path, settings_of(found), found.attribute_names)
        else:
            self.dialog.refuse_parent(path, found)

    def _begin(self, name: str, config: TrainConfig) -> None:
        self._settings.training_data = str(config.data)
        try:
            run = self._trainings.add(name, config)
        except RunError as error:
            self._tell(str(error))
            return
        self.begun.emit(run)
        waits = run.state is State.WAITING
        self._window.say(
            tr("{name} waits for the run under way.", name=name)
            if waits
            else tr("Training of {name} begins.", name=name)
        )

    def _tell_end(self, run: Run) -> None:
        if run.state is State.FAILED:
            self._tell(run.failure)
        elif run.state is State.FINISHED:
            load = [(tr("Load into Editor"), partial(self.load, run))] if run.model else []
            self._window.messages.offer(tr("Training of {name} has finished.", name=run.name), load)
        elif run.progress.last == "stopped":
            self._window.say(tr("{name} has stopped; its state is saved.", name=run.name))
        elif run.can_resume:
            self._window.say(tr("{name} was ended; Resume goes on from its last saved state.", name=run.name))
        else:
            self._window.say(tr("{name} was ended before anything of it was saved.", name=run.name))

    def _tell(self, message: str) -> None:
        self._window.messages.offer(message, [])
