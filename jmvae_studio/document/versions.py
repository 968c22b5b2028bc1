"""What can be done with the versions of a photograph; each is one undo entry of it."""

from __future__ import annotations

from jmvae_studio.document.photo import FaceState, KeptFace, Photo, Version
from jmvae_studio.document.session import Session
from jmvae_studio.language import tr


def keep_version(session: Session, photo: Photo, name: str) -> None:
    """Keep a photograph's faces and edits under a name; a version of that name is replaced."""
    session.end_gesture()
    kept = photo.version(name)
    if photo.versions.get(name) != kept:
        _change(session, photo, name, kept, tr("keep version {name}", name=name))


def remove_version(session: Session, name: str) -> None:
    """Forget a version; the photograph stays as it is."""
    session.end_gesture()
    photo = session.photo
    if photo is not None and name in photo.versions:
        _change(session, photo, name, None, tr("remove version {name}", name=name))


def show_version(session: Session, name: str) -> None:
    """Put a version's faces and edits in place of the present ones."""
    session.end_gesture()
    photo = session.photo
    version = photo.versions.get(name) if photo else None
    if photo is None or version is None or version.whole != photo.whole or version == photo.version(name):
        return
    known = {face.crop: face for face in photo.faces}
    faces = [_restored(kept, known.get(kept.crop)) for kept in version.faces]
    session.change_faces(faces, version.current, tr("version {name}", name=name))


def _change(session: Session, photo: Photo, name: str, after: Version | None, text: str) -> None:
    def apply(version: Version | None) -> None:
        photo.versions = {key: kept for key, kept in photo.versions.items() if key != name}
        if version is not None:
            photo.versions[name] = version
        session.photos_changed.emit()

    session.push(apply, photo.versions.get(name), after, text, photo)


def _restored(kept: KeptFace, known: FaceState | None) -> FaceState:
    """A face of a version; what the model read of the same square and told the same stays known."""
    face = FaceState(kept.crop, kept.box, kept.edit, told=kept.told)
    if known is not None and known.told == kept.told:
        face.inferred, face.reader = known.inferred, known.reader
    return face
