"""Several versions of one photograph: kept under names, switched and removed; each of these can be undone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, QTimer

from jmvae_studio.document.photo import Photo
from jmvae_studio.document.session import Session
from jmvae_studio.document.versions import keep_version, remove_version, show_version
from jmvae_studio.language import tr
from jmvae_studio.ui.dialogs import ask_name
from jmvae_studio.ui.main_window import MainWindow

_LONGEST = 80


class Versions(QObject):
    """Connects the menu of versions and the shown photograph."""

    def __init__(self, session: Session, window: MainWindow, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._window = session, window
        window.keep_version_asked.connect(self._ask)
        window.version_chosen.connect(self._choose)
        window.version_removed.connect(self._remove)
        # Several changes that come together are shown once, off the drag's path.
        self._due = QTimer(self, interval=0, singleShot=True)
        self._due.timeout.connect(self._show)
        session.photos_changed.connect(self._due.start)
        session.photo_changed.connect(self._due.start)
        session.undo_group.indexChanged.connect(lambda index: self._due.start())

    def _ask(self) -> None:
        photo = self._session.photo
        if photo is None:
            return
        number = len(photo.versions) + 1
        while tr("Version {number}", number=number) in photo.versions:
            number += 1
        ask_name(
            self._window,
            tr("Keep Version"),
            tr("Name of this version"),
            tr("Version {number}", number=number),
            partial(self._keep, photo),  # another one may be shown when the answer comes
        )

    def _keep(self, photo: Photo, name: str) -> None:
        name = name.strip()[:_LONGEST]
        if not name:
            return
        if photo not in self._session.photos:
            self._window.warn(
                tr(
                    "{photo} was closed meanwhile, and {name} is not kept: bring it back with Ctrl+Shift+T first.",
                    photo=photo.name,
                    name=name,
                )
            )
            return
        name = _free_name(name, photo)
        replaced = name in photo.versions
        keep_version(self._session, photo, name)
        told = (
            tr("{name} of {photo} is kept; in place of the one before.", name=name, photo=photo.name)
            if replaced
            else tr(
                "{name} of {photo} is kept; the Versions menu brings it back.", name=name, photo=photo.name
            )
        )
        self._window.say(told)

    def _choose(self, name: str) -> None:
        photo = self._session.photo
        if photo is not None and name in photo.versions:
            show_version(self._session, name)
            self._window.say(tr("{name} is shown; Ctrl+Z goes back to what was there.", name=name))
        self._due.start()

    def _remove(self, name: str) -> None:
        remove_version(self._session, name)
        self._window.say(tr("{name} is removed; Ctrl+Z brings it back.", name=name))

    def _show(self) -> None:
        photo = self._session.photo
        if photo is None:
            self._window.show_versions([], None)
            return
        versions = [version for version in photo.versions.values() if version.whole == photo.whole]
        now = photo.version("")
        same = (v.name for v in versions if replace(v, name="", current=now.current) == now)
        self._window.show_versions(sorted(v.name for v in versions), next(same, ""))


def _free_name(name: str, photo: Photo) -> str:
    """The name, or with a number the first that no version of a model of the other kind has, which nobody sees now."""
    number, free = 2, name
    while free in photo.versions and photo.versions[free].whole != photo.whole:
        number, free = number + 1, f"{name} {number}"
    return free
