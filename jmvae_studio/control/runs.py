"""The dock of the runs: what is shown of them, and what the user asks of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage

from jmvae_studio.document.session import Session
from jmvae_studio.language import tr
from jmvae_studio.training.commands import shell_line, train_arguments
from jmvae_studio.training.run import Run, State
from jmvae_studio.training.trainings import RunError, Trainings
from jmvae_studio.ui.dialogs import ask_about_runs
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.training_panel import TrainingPanel

HELD_BACK, RENEWED = 10.0, 4000
"""Seconds that runs compute on one thread after the last change of an edit; milliseconds between two wishes."""


class Runs(QObject):
    """Shows the runs, and passes on what is asked of them."""

    load_asked = Signal(Path)
    """Edit with this model."""
    evaluate_asked = Signal(object)
    """A `Run`, whose best model is to be evaluated."""
    export_asked = Signal(object)
    """A `Run`, whose best model is to be written somewhere."""
    failed = Signal(str)

    _read = Signal(Path, QImage)

    def __init__(
        self,
        trainings: Trainings,
        session: Session,
        window: MainWindow,
        ask_new: Callable[[Run | None], None],
        parent: QObject | None = None,
    ) -> None:
        """Args: ``ask_new`` opens the dialog of a new run, with the settings of another one if it is given."""
        super().__init__(parent)
        self._trainings, self._window, self._ask_new = trainings, window, ask_new
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sheet-reader")
        self._is_closing = False
        self._held_back = QTimer(self, interval=RENEWED, singleShot=True)
        self._close_answered = self._close_asked = False
        window.may_close.append(self._may_close)
        window.training_dock.made.connect(self._fill)
        window.training_dock.seen.connect(trainings.watch)
        trainings.listed.connect(self._list)
        trainings.changed.connect(self._show_news)
        trainings.ended.connect(self._show_news)
        session.edit_changed.connect(self._hold_back)
        self._read.connect(self._show_sheet)

    @property
    def panel(self) -> TrainingPanel | None:
        """What is in the dock; None until it is first seen."""
        return self._window.training_dock.content

    def close(self) -> None:
        """Keep the notes and read no more."""
        self._is_closing = True
        if self.panel is not None:
            self.panel.details.keep_notes()
        self._pool.shutdown(cancel_futures=True)

    def show(self, run: Run) -> None:
        """Show a run in the dock."""
        self._window.training_dock.show()
        self._window.training_dock.raise_()
        if self.panel is not None:
            self.panel.table.select(run)

    def _may_close(self) -> bool:
        """Whether no run goes on, or the user has said what becomes of it; else the user is asked."""
        under_way = [run.name for run in self._trainings.under_way() if run.state is not State.STOPPING]
        if not under_way or self._close_answered:
            return True
        if not self._close_asked:
            self._close_asked = True
            waiting = len(self._trainings.waiting())
            box = ask_about_runs(self._window, under_way, waiting, self._stop_and_close, self._close)
            box.finished.connect(self._forget_question)
        return False

    def _stop_and_close(self) -> None:
        self._trainings.stop_all()
        self._close()

    def _close(self) -> None:
        self._close_answered = True
        QTimer.singleShot(0, self._window, self._window.close)  # when the question is gone

    def _forget_question(self) -> None:
        self._close_asked = False

    def _fill(self, panel: TrainingPanel) -> None:
        panel.new_asked.connect(lambda: self._ask_new(None))
        panel.duplicate_asked.connect(self._ask_new)
        panel.pause_asked.connect(self._trainings.pause)
        panel.resume_asked.connect(self._trainings.resume)
        panel.stop_asked.connect(self._trainings.stop)
        panel.newest_asked.connect(lambda run: self._load(run.model))
        panel.best_asked.connect(lambda run: self._load(run.best))
        panel.evaluate_asked.connect(self.evaluate_asked)
        panel.export_asked.connect(self.export_asked)
        panel.command_asked.connect(self._copy_command)
        panel.delete_asked.connect(self._delete)
        panel.folder_asked.connect(lambda run: QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.folder))))
        panel.samples.wanted.connect(lambda path: self._pool.submit(self._read_sheet, path))
        panel.details.notes_written.connect(self._keep_notes)
        self._list()

    def _list(self) -> None:
        if self.panel is not None:
            self.panel.show_runs(self._trainings.runs)

    def _show_news(self, run: Run) -> None:
        if self.panel is not None and self.panel.isVisible():
            self.panel.show_news(run)

    def _load(self, model: Path | None) -> None:
        if model is not None:
            self.load_asked.emit(model)

    def _copy_command(self, run: Run) -> None:
        line = shell_line(train_arguments(run.folder, run.config))
        QGuiApplication.clipboard().setText(line)
        self._window.say(tr("The command is on the clipboard; give it another folder after --out."))

    def _delete(self, run: Run) -> None:
        try:
            self._trainings.delete(run)
        except RunError as error:
            self.failed.emit(str(error))
        else:
            self._window.say(tr("{name} is in the trash.", name=run.name))

    def _keep_notes(self, run: Run, text: str) -> None:
        try:
            run.write_notes(text)
        except OSError as error:
            self.failed.emit(
                tr(
                    "The notes cannot be kept in {folder}: {reason}.",
                    folder=run.folder,
                    reason=error.strerror,
                )
            )

    def _hold_back(self) -> None:
        """The editor is in use: runs yield to it. Not on the way from a slider to a pixel, but right after."""
        if not self._held_back.isActive() and self._trainings.under_way():
            self._held_back.start()
            QTimer.singleShot(0, self, lambda: self._trainings.hold_back(HELD_BACK))

    def _read_sheet(self, path: Path) -> None:
        """On the reader's thread."""
        image = QImage(str(path))
        if not self._is_closing:
            self._read.emit(path, image)

    def _show_sheet(self, path: Path, image: QImage) -> None:
        if self.panel is not None:
            self.panel.samples.show_sheet(path, image)
