"""Sessions: kept all the time, offered again after a crash, saved and opened as files."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from jmvae_studio.control.photographs import Photographs
from jmvae_studio.document.session import Session
from jmvae_studio.document.session_file import (
    SUFFIX,
    SessionFileError,
    SessionRecord,
    load,
    record,
    restore,
    save,
    sweep,
)
from jmvae_studio.settings import Settings
from jmvae_studio.ui.dialogs import ask_open, ask_save
from jmvae_studio.ui.main_window import MainWindow


class Sessions(QObject):
    """Writes the session after every gesture, and brings one back."""

    failed = Signal(str)

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
        self._due = QTimer(self, singleShot=True)
        self._due.timeout.connect(self._write)
        session.photos_changed.connect(self._begin)
        photographs.session_given.connect(self.open)
        window.save_session_asked.connect(self._ask_save)
        window.open_session_asked.connect(self._ask_open)
        window.last_session_asked.connect(lambda: self.open(self._last))
        window.last_session.setEnabled(self._last.is_file())

    def start(self) -> None:
        """Offer what a crash has left, and clear away what was half written."""
        sweep(self._folder)
        left = self._left_behind()
        if not left:
            return
        newest, kept = left[-1]
        count = len(kept.photos)
        photographs = "1 photograph" if count == 1 else f"{count} photographs"
        self._window.messages.offer(
            f"The program ended unexpectedly with {photographs} open; your edits were kept.",
            [("Restore", lambda: self._recover(newest)), ("Discard", lambda: self._discard(left))],
        )

    def close(self) -> None:
        """Keep the session for “Continue Last Session”, and end the thread."""
        self._due.stop()
        kept = record(self._session, self._last)
        if kept.is_edited:
            with suppress(SessionFileError):
                save(self._last, kept)
        self._pool.shutdown(wait=True)
        with suppress(OSError):
            self._own.unlink(missing_ok=True)
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
        try:
            kept = load(path)
        except SessionFileError as error:
            self.failed.emit(str(error))
            return
        number, told = restore(self._session, kept, path)
        photo = next((photo for photo in self._session.photos if photo.number == number), None)
        for other in self._session.photos:
            if other.thumbnail is None:
                self._photographs.opener.thumbnail(other.path)
        if photo is not None:
            self._photographs.show(photo)
        if told:
            self._window.messages.offer(" ".join(told[:5]), [])

    def _begin(self) -> None:
        """Something has changed: it is written after a pause, with all that changes until then."""
        if self._settings.autosave and not self._due.isActive():
            self._due.start(round(1000 * self._settings.autosave_pause))

    def _write(self) -> None:
        if self._lock is None:  # only once there is something to keep
            with suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = QLockFile(f"{self._own}.lock")
            self._lock.setStaleLockTime(0)
            self._lock.tryLock(0)
        kept = record(self._session, self._own)
        self._pool.submit(self._save, kept)

    def _save(self, kept: SessionRecord) -> None:
        with suppress(SessionFileError):  # a place that cannot be written stops nothing
            if kept.is_edited:
                save(self._own, kept)
            else:
                self._own.unlink(missing_ok=True)

    def _left_behind(self) -> list[tuple[Path, SessionRecord]]:
        """Autosaved sessions whose program has ended, the newest one last."""
        found = []
        for path in sorted(self._folder.glob(f"autosave-*{SUFFIX}"), key=lambda path: path.stat().st_mtime):
            lock = QLockFile(f"{path}.lock")
            lock.setStaleLockTime(0)
            if not lock.tryLock(0):
                continue  # of another window that is open now
            lock.unlock()
            with suppress(SessionFileError):
                found.append((path, load(path)))
        return found

    def _recover(self, path: Path) -> None:
        self.open(path)
        with suppress(OSError):
            path.unlink()

    def _discard(self, left: list[tuple[Path, SessionRecord]]) -> None:
        for path, _ in left:
            with suppress(OSError):
                path.unlink()

    def _ask_save(self) -> None:
        path = ask_save(self._window, "Save Session", f"session{SUFFIX}", f"Sessions (*{SUFFIX})")
        if path is None:
            return
        path = path if path.suffix else path.with_suffix(SUFFIX)
        try:
            save(path, record(self._session, path))
        except SessionFileError as error:
            self.failed.emit(str(error))
        else:
            self._window.say(f"The session is saved as {path.name}.")

    def _ask_open(self) -> None:
        path = ask_open(self._window, "Open Session", f"Sessions (*{SUFFIX});;All files (*)")
        if path is not None:
            self.open(path)
