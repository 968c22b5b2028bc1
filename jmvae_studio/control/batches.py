"""A folder of pictures edited alike, in the background, while the window goes on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from PySide6.QtCore import QObject, Signal

from jmvae_studio.batch import FolderTask, Found, Outcome, edit_folder, make_layer
from jmvae_studio.control.models import Models
from jmvae_studio.document.edit import Edit, mode_word
from jmvae_studio.document.photo import changes
from jmvae_studio.document.presets import PresetFolder
from jmvae_studio.document.saving import Saving
from jmvae_studio.document.session import Session
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.renderer import Renderer, RenderError
from jmvae_studio.inference.results import Layer
from jmvae_studio.language import tr, trn
from jmvae_studio.settings import Settings
from jmvae_studio.ui.batch_dialog import BatchDialog, BatchWish
from jmvae_studio.ui.main_window import MainWindow
from trainer.data.face_crop import FaceCrop
from trainer.data.images import list_images
from trainer.errors import ImageError
from trainer.files import typed_path

_Layers = list[tuple[Layer, FaceCrop]]


class _BadWishError(Exception):
    """What cannot be started, as a sentence."""


class Batches(QObject):
    """Opens the window of folders and does what it asks for: one folder at a time."""

    _moved_on = Signal(object, object)
    """The stop of the run, and an `Outcome`; None at its end."""

    def __init__(
        self,
        session: Session,
        models: Models,
        renderer: Renderer,
        presets: PresetFolder,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._models, self._renderer = session, models, renderer
        self._presets, self._window, self._settings = presets, window, settings
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="saver-batch")
        self._stop: threading.Event | None = None
        """Of the run under way."""
        self._outcomes: list[Outcome] = []
        self.dialog: BatchDialog | None = None
        self._moved_on.connect(self._show)
        window.batch_asked.connect(self._open)
        for changed in (session.photo_changed, session.faces_changed, session.edit_changed):
            changed.connect(self._name_current)

    @property
    def is_busy(self) -> bool:
        """Whether pictures are being edited."""
        return self._stop is not None

    def close(self) -> None:
        """Stop after the picture under way; call before the renderer is closed."""
        self._cancel()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _open(self) -> None:
        if self.dialog is None:
            self.dialog = BatchDialog(self._window)
            self.dialog.start_asked.connect(self._start)
            self.dialog.cancel_asked.connect(self._cancel)
            if self._session.photo is not None and self._session.photo.path.is_file():
                self.dialog.folder.setText(str(self._session.photo.path.parent))
        if not self.is_busy:
            self.dialog.show_edits(self._describe_current(), list(self._presets.load()))
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()

    def _name_current(self) -> None:
        """Name the edit that Start would take; while pictures are edited, theirs stays named."""
        if self.dialog is not None and self.dialog.isVisible() and not self.is_busy:
            self.dialog.show_current(self._describe_current())

    def _describe_current(self) -> str:
        photo, face = self._session.photo, self._session.face
        if photo is None or face is None or face.edit.is_empty:
            return tr("The current photograph's edit (nothing is changed yet)")
        edit = face.edit
        changed = ", ".join(changes(edit, 3, 1)) + ("…" if len(edit.values) > 3 else "")
        return tr("As {name}: {changes}", name=photo.name, changes=changed or mode_word(edit.mode))

    def _start(self, wish: BatchWish) -> None:
        assert self.dialog is not None
        if self.is_busy:
            return
        try:
            task = self._task(wish)
        except _BadWishError as error:
            self.dialog.say(str(error))
            return
        stop = self._stop = threading.Event()
        self._outcomes = []
        self.dialog.say("")
        self.dialog.show_files(task.files)
        self.dialog.set_running(True)
        assert self._models.model is not None  # or there were no task
        self._pool.submit(self._work, task, self._models.model.digest, stop)

    def _task(self, wish: BatchWish) -> FolderTask:
        model = self._models.model
        if model is None:
            raise _BadWishError(tr("No model is at work yet: wait until it is loaded and start again."))
        if not wish.folder:
            raise _BadWishError(tr("No folder is chosen: choose the folder of the pictures."))
        folder, out = typed_path(wish.folder), typed_path(wish.out or wish.folder)
        try:
            files = list_images(folder)
        except ImageError as error:
            raise _BadWishError(str(error)) from error
        if not files:
            raise _BadWishError(
                tr("There are no pictures in the folder {folder}: choose another one.", folder=folder)
            )
        asked = self._asked(wish.edit, model.attribute_names)
        try:
            out.mkdir(parents=True, exist_ok=True)
            same = out.samefile(folder)
        except OSError as error:
            raise _BadWishError(
                tr(
                    "The folder {folder} cannot be made: {reason}. Choose another one.",
                    folder=out,
                    reason=error.strerror,
                )
            ) from error
        if same:
            raise _BadWishError(
                tr("The results would lie among the originals: choose another folder for the results.")
            )
        kept = self._settings
        saving = Saving(kept.export_quality, 0, kept.export_exif)
        whole = model.takes_whole
        return FolderTask(tuple(files), out, asked, wish.every_face, wish.replace, whole, saving)

    def _asked(self, name: str, names: tuple[str, ...]) -> Edit:
        """The edit that is chosen, without what the model does not know."""
        face = self._session.face
        if name:
            preset = self._presets.load().get(name)
            if preset is None:
                raise _BadWishError(
                    tr("The preset {name} is no longer there: choose another one.", name=name)
                )
            edit = preset.for_names(names)[0].apply(Edit(mode=self._session.mode))
        else:
            edit = face.edit if face is not None else Edit()
        if edit.is_empty:
            raise _BadWishError(tr("Nothing is changed: move a slider first, or choose a preset."))
        return edit

    def _cancel(self) -> None:
        if self._stop is not None:
            self._stop.set()

    # On the thread of this object ------------------------------------------------------------------

    def _work(self, task: FolderTask, model: str, stop: threading.Event) -> None:
        def layers(found: Found, numbers: Sequence[int]) -> _Layers:
            return [self._layer(found, number, task.asked, model) for number in numbers]

        for outcome in edit_folder(task, layers, stop.is_set):
            self._moved_on.emit(stop, outcome)
        self._moved_on.emit(stop, None)

    def _layer(self, found: Found, number: int, asked: Edit, model: str) -> tuple[Layer, FaceCrop]:
        """One face's edit, made by the renderer between the window's previews."""
        answer: Future[tuple[Layer, FaceCrop] | str] = Future()

        def make(engine: Engine) -> tuple[Layer, FaceCrop]:
            if engine.digest != model:
                raise RenderError(tr("Another model was loaded meanwhile: start again to edit by that one."))
            return make_layer(engine, found, number, asked)

        self._renderer.with_engine(make, answer.set_result)
        made = answer.result()
        if isinstance(made, str):
            raise ImageError(made)
        return made

    # What is shown ---------------------------------------------------------------------------------

    def _show(self, stop: threading.Event, outcome: Outcome | None) -> None:
        if stop is not self._stop or self.dialog is None:
            return
        if outcome is not None:
            self._outcomes.append(outcome)
            text = outcome.message if outcome.kind != "saved" else tr("saved as {name}", name=outcome.message)
            self.dialog.show_result(outcome.path, text, len(self._outcomes))
            return
        self._stop = None
        failures = [(made.path, made.message) for made in self._outcomes if made.kind == "failed"]
        self.dialog.mark_waiting(tr("not reached"))
        self.dialog.show_failures(failures)
        self.dialog.set_running(False)
        self._name_current()
        saved, left = (sum(made.kind == kind for made in self._outcomes) for kind in ("saved", "left"))
        said = [trn("{count} saved", "{count} saved", saved)]
        if left:
            said.append(trn("{count} left as they were", "{count} left as they were", left))
        if failures:
            said.append(
                trn("{count} failed, listed at the end", "{count} failed, listed at the end", len(failures))
            )
        results = ", ".join(said)
        summary = (
            tr("Cancelled: {results}.", results=results)
            if stop.is_set()
            else tr("Done: {results}.", results=results)
        )
        self.dialog.say(summary)
        self._window.say(summary, 12)
