"""Making a data set of a folder: faces are found, attributes said, a table written."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from jmvae_studio.control.models import Models
from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.language import tr, trn
from jmvae_studio.settings import Settings
from jmvae_studio.training.face_search import FaceSearch, Seen
from jmvae_studio.training.survey import TITLES
from jmvae_studio.training.tags import SURE, TABLE, Table, Tags, read_table, suggest
from jmvae_studio.ui.contact_sheet import Entry
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.tagging_window import OPEN, REJECTED, Count, TaggingWindow
from trainer.data.images import shown_name
from trainer.data.loading import recognise
from trainer.errors import DataError

READ_AT_ONCE = 16
"""Faces that the model reads in one piece of work, so that the editor's own work comes between."""
REFRESH = 150
"""Milliseconds between two fillings of the sheet while faces are found."""


class Tagging(QObject):
    """What the window of the pictures shows, and what becomes of what is said in it."""

    _read = Signal(int, object, object)
    """On the renderer's thread: place of the first face, that face, and (names, readings) or a sentence."""
    _table = Signal(object, object)
    """The folder, and its `Table` or why there is none."""

    def __init__(
        self,
        window: MainWindow,
        models: Models,
        renderer: Renderer,
        settings: Settings,
        train: Callable[[], None],
        parent: QObject | None = None,
    ) -> None:
        """Args: ``train`` opens the dialog of a new run on ``settings.training_data``."""
        super().__init__(parent)
        self._main, self._models, self._renderer, self._settings = window, models, renderer, settings
        self._train = train
        self.window: TaggingWindow | None = None
        """While it is open."""
        self.tags = Tags(self)
        self._search = FaceSearch(self)
        self._tables = ThreadPoolExecutor(1, thread_name_prefix="table")
        self._folder = Path()
        self._begin_anew()
        self._due = QTimer(self, interval=REFRESH, singleShot=True)
        self._due.timeout.connect(self._show)
        self._is_reading = False
        window.prepare_asked.connect(self.open)
        window.may_close.append(self._may_close)
        self._search.seen.connect(self._take)
        self._search.progress.connect(self._show_progress)
        self._search.ended.connect(lambda _: self._show_progress(0, 0))
        self._search.failed.connect(self._say_problem)
        self.tags.changed.connect(self._start_due)
        self._read.connect(self._take_readings)
        self._table.connect(self._take_table)

    def close(self) -> None:
        """End the search."""
        self._is_reading = True  # nothing more is asked of the model
        self._tables.shutdown(wait=True, cancel_futures=True)
        self._search.close()

    def open(self) -> None:
        """Show the window."""
        if self.window is not None:
            self.window.activateWindow()
            return
        window = self.window = TaggingWindow(self._main, self._settings.training_data)
        window.folder_given.connect(self._begin)
        window.cancelled.connect(self._search.cancel)
        window.table_given.connect(self._read_table)
        window.folders_asked.connect(lambda: self.tags.take_folders(self.tags.pictures))
        window.attribute_named.connect(self._add_attribute)
        window.attribute_removed.connect(self.tags.remove_attribute)
        window.chosen.connect(self._show)
        window.sheet.tagged.connect(lambda rows, value: self._say(rows, value))
        window.sheet.accepted.connect(self._accept_some)
        window.suggestions_accepted.connect(self._accept_all)
        window.undo_asked.connect(self._undo)
        window.redo_asked.connect(self._redo)
        window.save_asked.connect(self._save)
        window.train_asked.connect(self._save_and_train)
        window.closing.connect(self._search.cancel)
        window.destroyed.connect(self._forget)
        self._begin_anew()
        self._show()
        window.show()

    def _may_close(self) -> bool:
        """Whether no tags are lost; else the user is asked, and the program closes if they may go."""
        window = self.window
        if window is None or not window.has_unsaved:
            return True

        def close() -> None:
            window.close()
            self._main.close()

        window.ask_about_unsaved(close)
        return False

    def _begin_anew(self) -> None:
        self.tags.clear()
        self._images: list[QImage] = []
        self._faces: list[npt.NDArray[np.uint8]] = []
        self._rejected: list[Entry] = []
        self._readings: npt.NDArray[np.float32] = np.zeros((0, 0), np.float32)
        self._known: tuple[str, ...] = ()

    def _forget(self) -> None:
        self.window = None
        self._begin_anew()

    def _begin(self, folder: Path) -> None:
        self._search.cancel()  # of the folder before
        self._begin_anew()
        self._folder = folder
        self._say_problem("")
        layout = recognise(folder)
        if layout is not None and layout != "folder":
            self._say_problem(
                tr(
                    "This is {data} as distributed: it has its attributes already, and Train ▸ Train a Model… "
                    "takes it as it is.",
                    data=tr(TITLES[layout]),
                )
            )
            self._settings.training_data = str(folder)
            return
        if layout == "folder":
            self._read_table(None)
        model = self._models.model
        self._search.start(folder, model.image_size if model else 64)

    def _take(self, seen: Seen) -> None:
        if seen.face is None or seen.shown is None:
            image = None if seen.shown is None else to_qimage(seen.shown)
            self._rejected.append(Entry(len(self._rejected), seen.name, image, caption=seen.reason))
            self._start_due()
            return
        self._images.append(to_qimage(seen.shown))
        self._faces.append(seen.face)
        self.tags.add_picture(seen.name)
        self._read_some()

    def _start_due(self) -> None:
        if not self._due.isActive():
            self._due.start()

    def _read_table(self, path: Path | None) -> None:
        """Read a table on a thread: all files of the folder are looked at."""
        folder = self._folder

        def work() -> None:
            try:
                found: Table | DataError = read_table(folder, path)
            except DataError as error:
                found = error
            self._table.emit(folder, found)

        self._tables.submit(work)

    def _take_table(self, folder: Path, found: Table | DataError) -> None:
        if folder != self._folder or self.window is None:
            return  # another one was chosen meanwhile
        if isinstance(found, DataError):
            self._say_problem(str(found))
        else:
            count = self.tags.take_table(found)
            self._say_problem("" if count else tr("The table names none of these pictures."))

    def _add_attribute(self, name: str) -> None:
        if self.window is None:
            return
        try:
            self.tags.add_attribute(name)
        except ValueError as error:
            self._say_problem(str(error))
            return
        self._say_problem("")
        self.window.new_name.clear()
        self._show()
        self.window.choose_attribute(len(self.tags.attributes) - 1)
        self.window.sheet.setFocus()

    # Suggestions -----------------------------------------------------------------------------------

    def _read_some(self) -> None:
        """Let the model read the next faces, if it is at rest."""
        model, first = self._models.model, len(self._readings)
        faces = self._faces[first : first + READ_AT_ONCE]
        if self._is_reading or model is None or model.takes_whole or not faces:
            return
        if faces[0].shape[0] != model.image_size:
            return  # another model since: it sees pictures of another size
        self._is_reading = True
        stack = np.stack(faces)

        def read(engine: Engine) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
            return model.attribute_names, engine.infer(stack)

        self._renderer.with_engine(read, lambda found: self._read.emit(first, faces[0], found))

    def _take_readings(
        self,
        first: int,
        face: npt.NDArray[np.uint8],
        found: tuple[tuple[str, ...], npt.NDArray[np.float32]] | str,
    ) -> None:
        self._is_reading = False
        if self.window is None or isinstance(found, str):
            return
        if len(self._readings) == first < len(self._faces) and self._faces[first] is face:
            names, readings = found
            if names != self._known:  # another model since: begin anew with it
                self._readings = np.zeros((0, len(names)), np.float32)
            if len(self._readings) == first:
                self._readings = np.concatenate([self._readings, readings])
            self._known = names
            self._start_due()
        self._read_some()

    def _suggestions(self, column: int) -> npt.NDArray[np.float32]:
        count = len(self.tags.pictures)
        readings = np.full((count, len(self._known)), np.nan, np.float32)
        readings[: len(self._readings)] = self._readings[:count]
        return suggest(readings, self._known, self.tags.attributes[column], self.tags.values[:, column])

    def _sure(self, column: int) -> npt.NDArray[np.int8]:
        suggested = np.nan_to_num(self._suggestions(column))
        return np.where(np.abs(suggested) >= SURE, np.sign(suggested), 0).astype(np.int8)

    # What is said ----------------------------------------------------------------------------------

    def _say(self, rows: list[int], value: int) -> None:
        window = self.window
        if window is not None and window.column >= 0 and window.show_box.currentData() != REJECTED:
            self.tags.set(rows, window.column, value)
            self._show()

    def _accept_some(self, rows: list[int]) -> None:
        if self.window is not None and self.window.column >= 0:
            column = self.window.column
            suggested = np.nan_to_num(self._suggestions(column))
            asked = np.zeros(len(suggested), np.int8)
            asked[rows] = np.sign(suggested[rows]).astype(np.int8)
            self.tags.accept(asked, column)
            self._show()

    def _accept_all(self) -> None:
        if self.window is not None and self.window.column >= 0:
            self.tags.accept(self._sure(self.window.column), self.window.column)
            self._show()

    def _undo(self) -> None:
        self.tags.stack.undo()
        self._show()

    def _redo(self) -> None:
        self.tags.stack.redo()
        self._show()

    def _save(self) -> bool:
        if not self.tags.complete().any():
            self._say_problem(
                tr("No picture is tagged in full yet: say of some whether they have each attribute.")
            )
            return False
        try:
            kept = self.tags.write(self._folder)
        except OSError as error:
            self._say_problem(
                tr(
                    "{path} cannot be written: {reason}. Copy the pictures to a folder of yours.",
                    path=self._folder / TABLE,
                    reason=error.strerror,
                )
            )
            return False
        self._settings.training_data = str(self._folder)
        complete, unwritable = self.tags.complete(), self.tags.unwritable()
        count, left = int(complete.sum()) - len(unwritable), int((~complete).sum())
        told = [
            tr(
                "{table} names {count:,} pictures; {left:,} are left out, as not all is said of them.",
                table=TABLE,
                count=count,
                left=left,
            )
            if left
            else trn(
                "{table} names {count:,} picture.", "{table} names {count:,} pictures.", count, table=TABLE
            )
        ]
        if unwritable:
            told.append(
                trn(
                    "{count} name cannot stand in a table: rename the file “{name}”.",
                    "{count} names cannot stand in a table: rename the files, “{name}” for one.",
                    len(unwritable),
                    name=shown_name(Path(unwritable[0])),
                )
            )
        if kept:
            told.append(tr("The table that was there is kept as {name}.", name=kept.name))
        self._say_problem(" ".join(told))
        self._show()
        return True

    def _save_and_train(self) -> None:
        if self._save() and self.window is not None:
            self.window.close()
            self._train()

    # What is shown ---------------------------------------------------------------------------------

    def _say_problem(self, text: str) -> None:
        if self.window is not None:
            self.window.say_problem(text)

    def _show_progress(self, done: int, total: int) -> None:
        if self.window is not None:
            self.window.show_searching(done, total)
            self._start_due()

    def _show(self) -> None:
        """Fill the window anew."""
        self._due.stop()
        window, tags = self.window, self.tags
        if window is None:
            return
        window.show_counts([Count(name, *tags.counts(column)) for column, name in enumerate(tags.attributes)])
        column = window.column
        suggested = self._suggestions(column) if column >= 0 else np.full(len(tags.pictures), np.nan)
        window.show_entries(self._entries(window.show_box.currentData(), column, suggested))
        said = tags.values[:, column] != 0 if column >= 0 else np.ones(len(tags.pictures), bool)
        window.show_suggestions(int((~said & (np.abs(np.nan_to_num(suggested)) >= SURE)).sum()))
        faces, rejected = len(tags.pictures), len(self._rejected)
        note = (
            tr("{faces:,} faces, {rejected:,} pictures rejected", faces=faces, rejected=rejected)
            if faces or rejected
            else ""
        )
        window.show_texts(note, tags.warnings() if tags.attributes else [])
        window.has_unsaved = not tags.stack.isClean()
        window.undo.setEnabled(tags.stack.canUndo())
        window.redo.setEnabled(tags.stack.canRedo())
        window.from_folders.setEnabled(any("/" in name for name in tags.pictures))
        for button in (window.save, window.train):
            button.setEnabled(bool(tags.attributes and faces))

    def _entries(self, shown: str, column: int, suggested: npt.NDArray[np.floating]) -> list[Entry]:
        if shown == REJECTED:
            return self._rejected
        tags = self.tags.values[:, column] if column >= 0 else np.zeros(len(self.tags.pictures), np.int8)
        return [
            Entry(
                row,
                name,
                self._images[row],
                int(tags[row]),
                float(suggested[row]),
                _caption(tags[row], suggested[row]),
            )
            for row, name in enumerate(self.tags.pictures)
            if shown != OPEN or not tags[row]
        ]


def _caption(tag: int, suggested: float) -> str:
    if tag:
        return tr("has it") if tag > 0 else tr("has it not")
    if np.isnan(suggested):
        return ""
    how_sure = abs(suggested)
    if suggested > 0:
        return tr("has it? {sure:.2f}", sure=how_sure)
    return tr("has it not? {sure:.2f}", sure=how_sure)
