"""The short path from an edit to the screen, and what stands around it: crops, values, the photograph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from jmvae_studio.control.models import Models
from jmvae_studio.document.edit import Edit
from jmvae_studio.document.photo import FaceState, Photo
from jmvae_studio.document.session import Session
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import (
    EncodeRequest,
    EncodeResult,
    FaceKey,
    ModelInfo,
    PreviewRequest,
    PreviewResult,
)
from jmvae_studio.inference.results import Asked
from jmvae_studio.language import tr
from jmvae_studio.settings import Settings
from jmvae_studio.ui.export_dialog import Shown
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.overlays import Overlay


class Showing(QObject):
    """Shows the session: asks the renderer for the present edit and paints what comes back."""

    laid = Signal(object, object)
    """The shown `Photo`, and its edits as they are laid over it now: face's index → picture."""

    def __init__(
        self,
        session: Session,
        renderer: Renderer,
        models: Models,
        window: MainWindow,
        settings: Settings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._renderer, self._models = session, renderer, models
        self._window, self._settings = window, settings
        self._crops: dict[FaceKey, QImage] = {}
        """Every face as it was cut out."""
        self._plausible: dict[FaceKey, float] = {}
        """How plausible every face's square is to the model."""
        self._overlays: dict[FaceKey, tuple[PreviewRequest, Overlay]] = {}
        """The last edited preview of every face, for the whole photograph, and of which edit it is."""
        self._awaited: dict[FaceKey, PreviewRequest] = {}
        """Previews of faces that are not the current one, asked for."""
        self._comparing = False
        self._asked_at = 0.0
        self.edited: QImage | None = None
        self.last_result: PreviewResult | None = None
        """The preview on the screen."""
        # The photograph follows the large face.
        self._overlays_due = QTimer(self, interval=0, singleShot=True)
        self._overlays_due.timeout.connect(self._show_overlays)
        session.photo_changed.connect(self.show_photo)
        session.faces_changed.connect(self.show_faces)
        session.crop_changed.connect(self._crop_changed)
        session.told_changed.connect(self._look_again)
        session.inferred_changed.connect(self._edit_changed)
        session.edit_changed.connect(self._edit_changed)
        window.photo_view.crop_moved.connect(session.preview_crop)
        window.photo_view.crop_released.connect(self._crop_released)
        renderer.result_ready.connect(self._show_result)
        renderer.previewed.connect(self._take_other)
        renderer.encoded.connect(self._encoded)
        renderer.encode_failed.connect(self._encode_failed)
        renderer.unknown.connect(self._encode_again)
        window.compare_held.connect(self._compare)

    def is_settled(self) -> bool:
        """Whether the preview on the screen is that of the present edit."""
        return self.last_result is not None and self.last_result.request == self.preview_request()

    def forget_photo(self, photo: Photo) -> None:
        """A photograph was closed."""
        kept: dict[FaceKey, Any]
        for kept in (self._crops, self._overlays, self._awaited, self._plausible):
            for key in [key for key in kept if key.photo == photo.number]:
                del kept[key]

    def forget_overlays(self) -> None:
        """Another model sees every face anew."""
        self._overlays.clear()
        self._awaited.clear()
        self._plausible.clear()

    def preview_request(self, photo: Photo | None = None) -> PreviewRequest | None:
        """The present edit as the renderer takes it; None while the model has not read the face.

        Args:
            photo: By default the shown one.
        """
        photo = photo or self._session.photo
        face = photo.face if photo else None
        return self._request_for(photo, face) if photo and face else None

    def request_for(
        self, values: Mapping[str, float], keep: bool = True, photo: Photo | None = None
    ) -> PreviewRequest | None:
        """The present edit with these attributes at these values, also where they are locked.

        Args:
            values: Attribute → value, reached whatever the edit's strength.
            keep: Whether the rest of the edit stays; without it, the face as it was read.
            photo: By default the shown one.
        """
        photo, model = photo or self._session.photo, self._models.model
        face = photo.face if photo else None
        if photo is None or face is None or model is None or face.reader != model.digest:
            return None
        edit = face.edit if keep else Edit(mode=face.edit.mode)
        edit = replace(edit, locked=tuple(name for name in edit.locked if name not in values))
        key = _key(photo, face)
        request = _request(model, key, edit.with_values(values), face.inferred)
        names = model.attribute_names
        reached = tuple(values.get(n, v) for n, v in zip(names, request.asked.attributes, strict=True))
        return replace(request, asked=replace(request.asked, attributes=reached))

    def followed(self, face: FaceState) -> dict[str, float]:
        """Where the free attributes went with the last preview of this face."""
        result, model = self.last_result, self._models.model
        if not face.edit.values or result is None or model is None or result.request.face != self._key():
            return {}
        if result.request.model != model.digest:
            return {}
        names = model.attribute_names
        free = set(face.edit.free)
        return {
            names[index]: result.attributes[index]
            for index in result.request.asked.free
            if names[index] in free
        }

    def all_requests(self, photo: Photo) -> list[PreviewRequest]:
        """The edits of every face of a photograph that the model has read."""
        found = [self._request_for(photo, face) for face in photo.faces]
        return [request for request in found if request is not None]

    def is_reading(self, photo: Photo) -> bool:
        """Whether the model has yet to look at an edited face of a photograph."""
        return bool(self._unread(photo))

    def for_export(self) -> Shown | None:
        """What a preview of an export is made from."""
        photo, key = self._session.photo, self._key()
        if photo is None or photo.display is None:
            return None
        height, width = photo.pixels().shape[:2]
        return Shown(
            to_qimage(photo.display),
            (width, height),
            [face.crop for face in photo.faces],
            photo.current,
            self._photo_overlays(photo),
            self._crops.get(key) if key else None,
        )

    def show_photo(self) -> None:
        """Show another photograph."""
        photo, window = self._session.photo, self._window
        if photo is None or photo.display is None:
            window.photo_view.show_photo(None, (0, 0))
        else:
            height, width = photo.pixels().shape[:2]
            window.photo_view.show_photo(to_qimage(photo.display), (width, height), photo.pixels())
        window.setWindowTitle(f"{photo.name} — JMVAE Studio" if photo else "JMVAE Studio")
        window.set_photo_actions(photo is not None)

    def show_faces(self) -> None:
        """Show the faces of the photograph and their history, and let the model read the current one."""
        photo, face, window = self._session.photo, self._session.face, self._window
        window.show_history(photo.stack if photo else None)  # models of the other kind have one of their own
        window.photo_view.let_go()
        window.photo_view.show_faces(
            [f.crop for f in photo.faces] if photo else [], photo.current if photo else 0
        )
        key = self._key()
        self.edited = None
        self._show_overlays()
        window.compare.setChecked(False)
        window.average_canvas.show_image(None)
        window.result_canvas.show_image(None)
        window.set_face_actions(face is not None and self._models.model is not None)
        if photo is None or face is None or key is None:
            self._show_input(None, None)
            self._show_values()
            return
        self._show_input(self._crops.get(key), self._plausible.get(key))
        self._renderer.encode(EncodeRequest(key, photo.pixels()))
        for other in self._unread(photo):
            if other is not face:
                self._renderer.encode_also(EncodeRequest(_key(photo, other), photo.pixels()))
        self._show_values()

    def _unread(self, photo: Photo) -> list[FaceState]:
        """Its edited faces that the present model has not read, as after another one was loaded."""
        model = self._models.model
        digest = model.digest if model else ""
        return [
            face for face in photo.faces if not face.edit.is_empty and (not digest or face.reader != digest)
        ]

    def _crop_changed(self) -> None:
        """A square was moved: show it, and let the model look again at where it is now."""
        photo, key = self._session.photo, self._key()
        assert photo is not None
        assert key is not None
        self._window.photo_view.show_faces([face.crop for face in photo.faces], photo.current)
        self._show_overlays()
        self._renderer.encode(EncodeRequest(key, photo.pixels(), self._session.moves_crop))

    def _crop_released(self) -> None:
        self._session.end_gesture()
        self._look_again()

    def _look_again(self) -> None:
        photo, key = self._session.photo, self._key()
        if photo is not None and key is not None:
            self._renderer.encode(EncodeRequest(key, photo.pixels()))

    def _encode_again(self, key: FaceKey) -> None:
        """The renderer has forgotten a face: once it is read, its preview is asked for again."""
        if key == self._key():
            self._look_again()

    def _show_on_the_way(self, result: EncodeResult) -> None:
        """While a square is dragged, show what it held a moment ago."""
        model, face = self._models.model, self._session.face
        if model is None or face is None or result.digest != model.digest:
            return
        self._show_input(to_qimage(result.preview), result.plausibility)
        inferred = dict(zip(model.attribute_names, result.attributes, strict=True))
        self._renderer.request(_request(model, result.face, face.edit, inferred))

    def _encoded(self, result: EncodeResult) -> None:
        photo = self._session.photo
        faces = photo.faces if photo is not None else []
        face = next((face for face in faces if photo and _key(photo, face) == result.face), None)
        if face is None and self._session.moves_crop:
            if photo is not None and result.face.photo == photo.number:
                self._show_on_the_way(result)
            return
        image = to_qimage(result.preview)
        self._crops[result.face] = image
        model = self._models.model
        if face is None or model is None or result.digest != model.digest:
            return
        self._plausible[result.face] = result.plausibility
        if face is self._session.face:
            self._show_input(image, result.plausibility)
        inferred = dict(zip(model.attribute_names, result.attributes, strict=True))
        self._session.set_inferred(face, result.digest, inferred)
        if face is not self._session.face:
            self._overlays_due.start()

    def _show_input(self, image: QImage | None, plausibility: float | None) -> None:
        self._window.input_canvas.show_image(image)
        self._window.show_plausibility(plausibility)
        self._window.result_canvas.set_reference(image)

    def _encode_failed(self, key: FaceKey, message: str) -> None:
        if key == self._key():
            self._window.say(message, 12)

    def _show_values(self) -> None:
        face, panel = self._session.face, self._window.panel
        if face is None or not face.inferred:
            panel.show_values({}, {}, set())
            panel.show_whole(1.0, 1.0, (), ())
            panel.follow.setChecked(False)
            return
        edit = face.edit
        asked = dict(edit.values)
        panel.show_values({**face.inferred, **self.followed(face), **asked}, face.inferred, set(asked))
        free = tuple(name for name in edit.free if name not in asked)
        panel.show_whole(edit.strength, edit.identity, edit.locked, free)
        panel.follow.setChecked(bool(edit.free))
        panel.identity.set_active(edit.mode != "generate")  # there is nothing of the person in it
        self._window.show_choice(self._settings.theme, self._models.device, face.edit.mode)

    def _request(self) -> None:
        """The short path: the document's edit goes to the renderer, whose newest request wins."""
        self._asked_at = perf_counter()
        request = self.preview_request()
        if request is not None:
            self._renderer.request(request)

    def _edit_changed(self) -> None:
        self._request()
        self._show_values()

    def _show_result(self) -> None:
        result: PreviewResult | None = self._renderer.take_result()
        if result is None:
            return
        if result.request.face != self._key():
            if self._session.moves_crop:  # what the square held a moment ago
                self._window.average_canvas.show_image(to_qimage(result.preview.average))
                self._window.result_canvas.show_image(to_qimage(result.preview.edited))
            return
        if self._models.model is None or result.request.model != self._models.model.digest:
            return
        self.last_result = result
        self.edited = to_qimage(result.preview.edited)
        self._overlays[result.request.face] = (result.request, self._overlay(result.request, self.edited))
        self._window.average_canvas.show_image(to_qimage(result.preview.average))
        if not self._comparing:
            self._window.result_canvas.show_image(self.edited)
            self._overlays_due.start()
        if result.request.asked.free:
            self._show_values()
        elapsed = (perf_counter() - self._asked_at) * 1e3
        self._window.show_milliseconds(result.preview.milliseconds, elapsed)

    def _compare(self, held: bool) -> None:
        key = self._key()
        self._comparing = held
        self._window.result_canvas.set_note(tr("Original") if held else "")
        if key is None:
            return
        self._window.result_canvas.show_image(self._crops.get(key) if held else self.edited)
        self._show_overlays()

    def _show_overlays(self) -> None:
        """Lay every face's edit over the whole photograph, or none while comparing."""
        photo = self._session.photo
        shown = {} if photo is None or self._comparing else self._photo_overlays(photo)
        self._window.photo_view.show_edited(shown)
        if not self._comparing:
            self.laid.emit(photo, shown)

    def _overlay(self, request: PreviewRequest, edited: QImage) -> Overlay:
        return Overlay(edited, self._crops.get(request.face), request.asked.mode == "generate")

    def _photo_overlays(self, photo: Photo) -> dict[int, Overlay]:
        """Face's index → its edit; one that is not the current face's and out of date is made anew."""
        edited: dict[int, Overlay] = {}
        for index, face in enumerate(photo.faces):
            key = _key(photo, face)
            request, overlay = self._overlays.get(key, (None, None))
            if face is not photo.face and (overlay is not None or not face.edit.is_empty):
                wanted = self._request_for(photo, face)
                if request != wanted:
                    overlay = None
                    self._ask_other(photo, wanted)
            if overlay is not None:
                edited[index] = overlay
        return edited

    def _ask_other(self, photo: Photo, wanted: PreviewRequest | None) -> None:
        if wanted is not None and photo.image is not None and self._awaited.get(wanted.face) != wanted:
            self._awaited[wanted.face] = wanted
            self._renderer.preview_also(wanted, photo.pixels())

    def _take_other(self, request: PreviewRequest, result: PreviewResult | None) -> None:
        """The preview of a face that was not the current one when it was asked for."""
        key = request.face
        if self._awaited.get(key) == request:
            del self._awaited[key]
            if result is not None and key != self._key():  # of the current one a newer may be there
                self._overlays[key] = (request, self._overlay(request, to_qimage(result.preview.edited)))
                self._overlays_due.start()

    def _key(self) -> FaceKey | None:
        photo, face = self._session.photo, self._session.face
        return _key(photo, face) if photo and face else None

    def _request_for(self, photo: Photo, face: FaceState) -> PreviewRequest | None:
        model = self._models.model
        if model is None or face.reader != model.digest:
            return None  # not read yet, or by another model: the present one is looking
        return _request(model, _key(photo, face), face.edit, face.inferred)


def _key(photo: Photo, face: FaceState) -> FaceKey:
    return FaceKey(photo.number, face.crop, face.told)


def _request(model: ModelInfo, face: FaceKey, edit: Edit, inferred: Mapping[str, float]) -> PreviewRequest:
    names = model.attribute_names
    attributes = edit.resolve(names, inferred)
    asked = Asked(attributes, edit.mode, edit.followers(names), edit.identity)
    return PreviewRequest(model.digest, face, asked)
