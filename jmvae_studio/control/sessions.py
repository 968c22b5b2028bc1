"""Sessions: kept all the time, offered again after a crash, saved and opened as files."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from jmvae_studio.control.photographs import Photographs
from jmvae_studio.document.photo_files import Digests, locate, with_digests
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import (
    SUFFIX,
    SessionFileError,
    SessionRecord,
    left_out,
    load,
    record,
    restore,
    save,
    sweep,
)
from jmvae_studio.language import tr, trn
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_export, ask_open
from jmvae_studio.ui.main_window import MainWindow


class Sessions(QObject):
    """Writes the session after every gesture, and brings one back."""

    failed = Signal(str)
    _read = Signal(object, object, object, bool, bool)
    """A session's file, its record or an error, sentences about its photographs, whether it was left behind, and
    whether some of its photographs are out of reach."""
    _saved = Signal(object, int)
    """The `Path` under which the user wanted the session, and how many pictures it lacks."""
    _left = Signal(object, object)
    """What crashes have left, as (file, record), and sentences about what is damaged."""

    def __init__(
        self,
        session: Session,
        photographs: Photographs,
        window: MainWindow,
        settings: Settings,
        folder: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._photographs, self._window = session, photographs, window
        self._settings, self._folder = settings, folder
        self._own = folder / f"autosave-{os.getpid()}-{id(self):x}{SUFFIX}"
        self._last = folder / f"last{SUFFIX}"
        self._lock: QLockFile | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="saver-session")
        self._digests = Digests()
        self._read.connect(self._restore)
        self._left.connect(self._offer)
        self._saved.connect(self._tell_saved)
        self._due = QTimer(self, singleShot=True)
        self._due.timeout.connect(self._write)
        session.photos_changed.connect(self._begin)
        photographs.session_given.connect(self.open)
        window.save_session_asked.connect(self._ask_save)
        window.open_session_asked.connect(self._ask_open)
        window.last_session_asked.connect(lambda: self.open(self._last))
        window.session_chosen.connect(self.open)
        window.last_session.setEnabled(self._last.is_file())
        window.show_recent_sessions(settings.recent_sessions)

    def start(self) -> None:
        """Offer what a crash has left, and clear away what was half written."""
        self._pool.submit(self._look)

    def _offer(self, left: list[tuple[Path, SessionRecord]], told: list[str]) -> None:
        for sentence in told:
            self._window.warn(sentence)
        if not left:
            return
        newest, kept = left[-1]
        self._window.messages.offer(
            trn(
                "The program ended unexpectedly with {count} photograph open; your edits were kept.",
                "The program ended unexpectedly with {count} photographs open; your edits were kept.",
                len(kept.photos),
            ),
            [(tr("Restore"), lambda: self._recover(newest)), (tr("Discard"), lambda: self._discard(left))],
        )

    def close(self) -> None:
        """Keep the session for “Continue Last Session”, and end the thread."""
        self._session.photos_changed.disconnect(self._begin)
        self._due.stop()
        self._pool.submit(self._keep_last, record(self._session, self._last))
        self._pool.shutdown(wait=True)
        if self._lock is not None:
            self._lock.unlock()

    def follow_settings(self) -> None:
        """Keep the session, or not, as the settings say now; what was kept goes when they say no."""
        self._due.stop()
        if self._settings.autosave:
            self._begin()
        elif self._lock is not None:
            self._pool.submit(self._own.unlink, missing_ok=True)

    def open(self, path: Path) -> None:
        """Bring back the photographs and edits of a session's file."""
        self._pool.submit(self._load, path.absolute(), left=False)

    def _load(self, path: Path, left: bool) -> None:
        try:
            found = load(path)
            kept, told = locate(found, path, self._digests)
        except SessionFileError as error:
            self._read.emit(path, error, [], left, False)
        else:
            self._read.emit(path, kept, told, left, len(kept.photos) < len(found.photos))

    def _restore(
        self, path: Path, kept: SessionRecord | SessionFileError, told: list[str], left: bool, lacks: bool
    ) -> None:
        if isinstance(kept, SessionFileError):
            self.failed.emit(str(kept))
            return
        number, more = restore(self._session, kept, path)
        photo = next((photo for photo in self._session.photos if photo.number == number), None)
        for other in self._session.photos:
            if other.thumbnail is None:
                self._photographs.opener.thumbnail(other.path)
        if photo is not None:
            self._photographs.show(photo)
        told = [*told, *more]
        if left and (lacks or more):
            told.append(tr("The session is kept, and offered again at the next start."))
        elif left:
            self._write(path)
        elif path != self._last:
            self._remember(path)
        if told:
            self._window.messages.offer(" ".join([*told[:5], *told[5:][-1:]]), [])

    def _remember(self, path: Path) -> None:
        self._settings.remember_session(path.absolute())
        self._window.show_recent_sessions(self._settings.recent_sessions)

    def _begin(self) -> None:
        """Something has changed: it is written after a pause, with all that changes until then."""
        if self._settings.autosave and not self._due.isActive():
            self._due.start(round(1000 * self._settings.autosave_pause))

    def _keep_last(self, kept: SessionRecord) -> None:
        """The session for the next start; what was kept until now goes if that could be written."""
        if not kept.is_edited or self._save(self._last, kept):
            with suppress(OSError):
                self._own.unlink(missing_ok=True)

    def _write(self, instead_of: Path | None = None) -> None:
        """Keep the session; a file that it is kept instead of goes once it is there."""
        if self._lock is None:  # only once there is something to keep
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = QLockFile(f"{self._own}.lock")
            self._lock.setStaleLockTime(0)
            self._lock.tryLock(0)
        kept = record(self._session, self._own)

        def work() -> None:
            if self._save(self._own, kept) and instead_of is not None:
                with suppress(OSError):
                    instead_of.unlink(missing_ok=True)

        self._pool.submit(work)

    def _save(self, path: Path, kept: SessionRecord) -> bool:
        """False if it could not be written: a place that cannot be written stops nothing."""
        try:
            if kept.is_edited:
                save(path, with_digests(kept, path, self._digests))
            else:
                path.unlink(missing_ok=True)
        except (SessionFileError, OSError):
            return False
        return True

    def _look(self) -> None:
        """Find autosaved sessions whose program has ended, the newest one last; set damaged ones aside."""
        sweep(self._folder)
        found: list[tuple[Path, SessionRecord]] = []
        told: list[str] = []
        for path in sorted(self._folder.glob(f"autosave-*{SUFFIX}"), key=lambda path: path.stat().st_mtime):
            lock = QLockFile(f"{path}.lock")
            lock.setStaleLockTime(0)
            if not lock.tryLock(0):
                continue  # of another window that is open now
            lock.unlock()
            try:
                found.append((path, load(path)))
            except SessionFileError:
                with suppress(OSError):
                    path.replace(path.with_suffix(".bad"))
                    told.append(
                        tr(
                            "A session kept before a crash is damaged; it is left as {name}.bad.",
                            name=path.stem,
                        )
                    )
        self._left.emit(found, told)

    def _recover(self, path: Path) -> None:
        self._pool.submit(self._load, path, left=True)

    def _discard(self, left: list[tuple[Path, SessionRecord]]) -> None:
        """Let the session go that was offered, and offer the one before it."""
        with suppress(OSError):
            left[-1][0].unlink()
        self._offer(left[:-1], [])

    def _ask_save(self) -> None:
        ask_export(
            self._window,
            tr("Save Session"),
            "",
            f"session{SUFFIX}",
            {SUFFIX: tr("Sessions")},
            lambda path: self._pool.submit(
                self._save_as, path, record(self._session, path), left_out(self._session)
            ),
        )

    def _save_as(self, path: Path, kept: SessionRecord, lacks: int) -> None:
        try:
            save(path, with_digests(kept, path, self._digests))
        except SessionFileError as error:
            self.failed.emit(str(error))
        else:
            self._saved.emit(path, lacks)

    def _tell_saved(self, path: Path, lacks: int) -> None:
        self._remember(path)
        if not lacks:
            self._window.say(tr("The session is saved as {name}.", name=path.name))
            return
        self._window.warn(
            trn(
                "The session is saved as {name} without {count} pasted picture, which is no file: to keep it, "
                "export it, or save it as a file and open that.",
                "The session is saved as {name} without {count} pasted pictures, which are no files: to keep them, "
                "export them, or save them as files and open those.",
                lacks,
                name=path.name,
            )
        )

    def _ask_open(self) -> None:
        path = ask_open(
            self._window, tr("Open Session"), tr("Sessions (*{suffix});;All files (*)", suffix=SUFFIX)
        )
        if path is not None:
            self.open(path)
