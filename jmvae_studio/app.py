"""The composition root: builds the objects, connects them and starts the loop."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import cast

from PySide6.QtCore import QByteArray, QMimeData, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QFileDialog

from jmvae_studio import __version__
from jmvae_studio.document.attributes import group, title
from jmvae_studio.document.edit import HIGHEST, LOWEST, MODES, Mode
from jmvae_studio.document.opening import Opened, Opener
from jmvae_studio.document.saving import FORMATS, SaveError
from jmvae_studio.document.session import FaceState, Photo, Session
from jmvae_studio.exporter import Exporter
from jmvae_studio.inference.engine import Device
from jmvae_studio.inference.renderer import (
    EncodeRequest,
    EncodeResult,
    FaceKey,
    ModelInfo,
    PreviewRequest,
    PreviewResult,
    Renderer,
)
from jmvae_studio.resources import default_model, samples
from jmvae_studio.settings import SettingsFile
from jmvae_studio.ui.help import show_about, show_guide
from jmvae_studio.ui.images import to_qimage
from jmvae_studio.ui.main_window import MainWindow
from jmvae_studio.ui.theme import Theme, apply_theme
from trainer.data.images import IMAGE_SUFFIXES


class Studio(QObject):
    """Everything between the window, the session and the renderer."""

    exported = Signal(object)
    """A `Path` that was written."""

    def __init__(
        self,
        application: QApplication,
        settings_file: SettingsFile,
        model: Path | None = None,
        device: Device | None = None,
    ) -> None:
        super().__init__()
        self._application = application
        self._settings_file = settings_file
        self.settings, damage = settings_file.load()
        apply_theme(application, self.settings.theme)
        self.session = Session(self)
        self.renderer = Renderer(self)
        self.opener = Opener(self)
        self.window = MainWindow(self.session.undo_group, (LOWEST, HIGHEST), MODES)
        self.model: ModelInfo | None = None
        self._model_path = model or default_model()
        self._device: Device = device or self.settings.device
        self._chosen_device: Device | None = None
        self.exporter = Exporter(self.renderer, self)
        self._previews: dict[FaceKey, QImage] = {}
        self._comparing = False
        self._notice = ""
        self._asked_at = 0.0
        self._edited: QImage | None = None
        self._overlays: dict[FaceKey, QImage] = {}
        """The last edited preview of every face, for the whole photograph."""
        self._overlays_due = QTimer(
            self, interval=0, singleShot=True
        )  # the photograph follows the large face
        self._overlays_due.timeout.connect(self._show_overlays)
        self.last_result: PreviewResult | None = None
        """The preview on the screen."""
        self._connect()
        self._restore_window()
        self.window.show_recent(self.settings.recent_files, self.settings.recent_models)
        self.window.show_samples(samples())
        self.window.show_choice(self.settings.theme, self._device, self.settings.mode)
        self.session.mode = self.settings.mode
        self._show_photo()
        self._show_faces()
        if damage:
            QTimer.singleShot(0, self, partial(self.window.warn, damage))

    def start(self, paths: Sequence[Path]) -> None:
        """Show the window, and only then load the model and the photograph (or a generated face)."""
        self.window.show()
        self._application.processEvents()  # painted before anything heavy begins
        self.window.say("Loading the model…", 60)
        self.renderer.load(self._model_path, self._device)
        if paths:
            self.open_path(paths[0])
        elif samples():
            self.opener.open(samples()[0])

    def close(self) -> None:
        """Keep the settings and end every thread."""
        self.settings.geometry = bytes(self.window.saveGeometry().toBase64().data()).decode()
        self.settings.layout = bytes(self.window.saveState().toBase64().data()).decode()
        self._settings_file.save(self.settings)
        self.opener.close()
        self.renderer.close()
        self.exporter.close()

    def is_settled(self) -> bool:
        """Whether the preview on the screen is that of the present edit."""
        return self.last_result is not None and self.last_result.request == self._preview_request()

    # Photographs ---------------------------------------------------------------------------------

    def open_path(self, path: Path) -> None:
        """Open a photograph; a model file is opened as a model."""
        if path.suffix == ".safetensors":
            self.load_model(path)
            return
        self.window.say(f"Opening {path.name}…", 60)
        self.opener.open(path)

    def _ask_open(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
        start = self.settings.recent_files[0] if self.settings.recent_files else ""
        name, _ = QFileDialog.getOpenFileName(
            self.window,
            "Open Photograph",
            str(Path(start).parent),
            f"Photographs ({patterns});;All files (*)",
        )
        if name:
            self.open_path(Path(name))

    def _take_data(self, data: QMimeData) -> None:
        """A picture from the clipboard or dropped from another program."""
        image = data.imageData()
        if isinstance(image, QImage) and not image.isNull():
            self.opener.open_image(image, "Pasted picture")
        else:
            self.window.say("There is no picture on the clipboard.")

    def _opened(self, opened: Opened) -> None:
        path = Path(opened.image.path)
        if path.is_file() and path not in samples():
            self.settings.remember_file(path.absolute())
            self.window.show_recent(self.settings.recent_files, self.settings.recent_models)
        self.session.open(opened.image, opened.faces, opened.display)
        self.window.draw_crop.setChecked(not opened.faces)
        notes = list(opened.image.notes)
        if not opened.faces:
            notes.append("No face was found. Drag a square around the face on the photograph.")
        elif len(opened.faces) > 1:
            notes.append(f"{len(opened.faces)} faces were found: click the one to edit.")
        self._notice = " ".join([f"{path.name} is open.", *notes])
        self.window.say(self._notice, 12)

    def report(self, message: str) -> None:
        """Tell the user that something failed."""
        self.window.say(message, 12)
        self.window.warn(message)

    def _find_again(self) -> None:
        photo = self.session.photo
        if photo is not None:
            self.opener.find_again(photo.image)

    def _found_again(self, opened: Opened) -> None:
        added = self.session.add_faces(opened.image, opened.faces)
        self.window.say(f"{added} more faces were found." if added else "No other face was found.")

    # Showing -------------------------------------------------------------------------------------

    def _show_photo(self) -> None:
        photo = self.session.photo
        self._previews.clear()
        self._overlays.clear()
        if photo is None:
            self.window.photo_view.show_photo(None, (0, 0))
        else:
            height, width = photo.image.pixels.shape[:2]
            self.window.photo_view.show_photo(to_qimage(photo.display), (width, height))
        self.window.setWindowTitle(f"{photo.name} — JMVAE Studio" if photo else "JMVAE Studio")
        self.window.set_photo_actions(photo is not None)

    def _show_faces(self) -> None:
        photo, face = self.session.photo, self.session.face
        self.window.photo_view.show_faces(
            [f.crop for f in photo.faces] if photo else [], photo.current if photo else 0
        )
        key = self._key()
        self._edited = None
        self._show_overlays()
        self.window.compare.setChecked(False)
        self.window.average_canvas.show_image(None)
        self.window.result_canvas.show_image(None)
        self.window.set_face_actions(face is not None and self.model is not None)
        if photo is None or face is None or key is None:
            self.window.input_canvas.show_image(None)
            self._show_values()
            return
        self.window.input_canvas.show_image(self._previews.get(key))
        self.renderer.encode(EncodeRequest(key, photo.image.pixels))
        self._show_values()

    def _encoded(self, result: EncodeResult) -> None:
        image = to_qimage(result.preview)
        self._previews[result.face] = image
        if result.face != self._key() or self.model is None or result.digest != self.model.digest:
            return
        face = self.session.face
        assert face is not None
        self.window.input_canvas.show_image(image)
        self.session.set_inferred(
            face, result.digest, dict(zip(self.model.attribute_names, result.attributes, strict=True))
        )

    def _encode_failed(self, key: FaceKey, message: str) -> None:
        if key == self._key():
            self.window.say(message, 12)

    def _show_values(self) -> None:
        face = self.session.face
        if face is None or not face.inferred:
            self.window.panel.show_values({}, {}, set())
            return
        asked = dict(face.edit.values)
        self.window.panel.show_values({**face.inferred, **asked}, face.inferred, set(asked))
        self.window.show_choice(self.settings.theme, self._device, face.edit.mode)

    def _request(self) -> None:
        """The short path: the document's edit goes to the renderer, whose newest request wins."""
        self._asked_at = perf_counter()
        request = self._preview_request()
        if request is not None:
            self.renderer.request(request)

    def _edit_changed(self) -> None:
        self._request()
        self._show_values()

    def _show_result(self) -> None:
        result: PreviewResult | None = self.renderer.take_result()
        if result is None or result.request.face != self._key():
            return
        if self.model is None or result.request.model != self.model.digest:
            return
        self.last_result = result
        self._edited = to_qimage(result.preview.edited)
        self._overlays[result.request.face] = self._edited
        self.window.average_canvas.show_image(to_qimage(result.preview.average))
        if not self._comparing:
            self.window.result_canvas.show_image(self._edited)
            self._overlays_due.start()
        elapsed = (perf_counter() - self._asked_at) * 1e3
        self.window.show_milliseconds(result.preview.milliseconds, elapsed)

    def _compare(self, held: bool) -> None:
        key = self._key()
        self._comparing = held
        self.window.result_canvas.set_note("Original" if held else "")
        if key is None:
            return
        self.window.result_canvas.show_image(self._previews.get(key) if held else self._edited)
        self._show_overlays()

    def _show_overlays(self) -> None:
        """Lay every face's edit over the whole photograph, or none while comparing."""
        photo = self.session.photo
        edited: dict[int, QImage] = {}
        if photo is not None and not self._comparing:
            for index, face in enumerate(photo.faces):
                overlay = self._overlays.get(FaceKey(photo.number, face.crop))
                if overlay is not None:
                    edited[index] = overlay
        self.window.photo_view.show_edited(edited)

    def _key(self) -> FaceKey | None:
        photo, face = self.session.photo, self.session.face
        return FaceKey(photo.number, face.crop) if photo and face else None

    def _preview_request(self) -> PreviewRequest | None:
        photo, face = self.session.photo, self.session.face
        return self._request_for(photo, face) if photo and face else None

    def _request_for(self, photo: Photo, face: FaceState) -> PreviewRequest | None:
        if self.model is None or face.reader != self.model.digest:
            return None  # not read yet, or by another model: the present one is looking
        attributes = face.edit.resolve(self.model.attribute_names, face.inferred)
        return PreviewRequest(self.model.digest, FaceKey(photo.number, face.crop), attributes, face.edit.mode)

    def _all_requests(self) -> list[PreviewRequest]:
        """The edits of every face of the photograph that the model has read."""
        photo = self.session.photo
        found = [self._request_for(photo, face) for face in photo.faces] if photo else []
        return [request for request in found if request is not None]

    # Export --------------------------------------------------------------------------------------

    def _ask_export(self, whole: bool) -> None:
        photo = self.session.photo
        if photo is None or self._preview_request() is None:
            return
        source = Path(photo.image.path)
        folder = self.settings.export_folder or (str(source.parent) if source.is_file() else str(Path.home()))
        name = f"{source.stem} {'edited' if whole else 'face'}.png"
        filters = {f"{kind} (*{suffix})": suffix for suffix, kind in FORMATS.items() if suffix != ".jpeg"}
        dialog = QFileDialog(
            self.window, "Export Photograph" if whole else "Export Face", folder, ";;".join(filters)
        )
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setDefaultSuffix("png")  # added before the dialog asks whether to replace a file
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(filters[chosen][1:]))
        dialog.selectFile(name)
        dialog.fileSelected.connect(lambda chosen: self.export(Path(chosen), whole))
        dialog.open()

    def export(self, path: Path, whole: bool = True) -> None:
        """Write the result: the whole photograph with the edit in place, or the face's crop of it."""
        photo, request = self.session.photo, self._preview_request()
        if photo is None or request is None:
            self.window.warn("There is nothing to export yet: open a photograph with a face first.")
            return
        try:
            self.exporter.export(
                photo.image, self._all_requests(), path, None if whole else request.face.crop
            )
        except SaveError as error:
            self.window.warn(str(error))
            return
        self.settings.export_folder = str(path.parent)
        self.window.say(f"Exporting {path.name}…", 120)

    def _export_finished(self, path: Path | None, message: str) -> None:
        self.window.say(message, 12)
        if path is None:
            self.window.warn(message)
        else:
            self.exported.emit(path)

    def _copy(self) -> None:
        if self._edited is not None:
            QGuiApplication.clipboard().setImage(self._edited)
            self.window.say("The edited face is on the clipboard.")

    # Model ---------------------------------------------------------------------------------------

    def load_model(self, path: Path) -> None:
        """Load another model; on failure the present one stays."""
        self._model_path = path
        self._notice = ""
        self.window.say(f"Loading {path.name}…", 60)
        self.renderer.load(path, self._device)

    def _ask_model(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self.window, "Open Model", str(self._model_path.parent), "Models (*.safetensors);;All files (*)"
        )
        if name:
            self.load_model(Path(name))

    def _model_loaded(self, model: ModelInfo) -> None:
        renewed = self.model is not None and self.model.digest == model.digest
        self.model = model
        self._model_path, self._device = model.path, model.device
        if model.device == self._chosen_device:
            self.settings.device = model.device
        self._chosen_device = None
        self.window.show_choice(self.settings.theme, self._device, self.session.mode)
        if model.path != default_model():
            self.settings.remember_model(model.path.absolute())
            self.window.show_recent(self.settings.recent_files, self.settings.recent_models)
        self.window.show_device(model.device_name, model.path.stem)
        if not renewed:
            self._overlays.clear()
            headings = [
                (heading, [(n, title(n)) for n in names]) for heading, names in group(model.attribute_names)
            ]
            self.window.panel.set_attributes(headings)
        self.window.say(
            self._notice or f"{model.path.name} is ready."
        )  # what was said of the photograph stays
        self._show_faces()

    def _model_failed(self, message: str) -> None:
        self._chosen_device = None
        if self.model is not None:
            self._model_path = self.model.path
        self.window.show_choice(self.settings.theme, self._device, self.session.mode)
        self.report(message)

    def _choose_device(self, device: str) -> None:
        self._chosen_device = cast(Device, device)
        self.window.say("Moving the model…", 60)
        self.renderer.load(self._model_path, self._chosen_device)

    def _memory_freed(self) -> None:
        self.window.say("The model's memory is free; the next change loads it again.")

    # Window --------------------------------------------------------------------------------------

    def choose_theme(self, theme: str) -> None:
        """Change the colours: system, light or dark."""
        self.settings.theme = cast(Theme, theme)
        apply_theme(self._application, self.settings.theme)
        self.window.refresh_icons()

    def _choose_mode(self, mode: str) -> None:
        self.settings.mode = cast(Mode, mode)
        self.session.set_mode(self.settings.mode)

    def _restore_window(self) -> None:
        self.window.resize(1280, 800)
        if self.settings.geometry:
            self.window.restoreGeometry(QByteArray.fromBase64(self.settings.geometry.encode()))
        if self.settings.layout:
            self.window.restoreState(QByteArray.fromBase64(self.settings.layout.encode()))

    def _connect(self) -> None:
        window, session, renderer = self.window, self.session, self.renderer
        session.photo_changed.connect(self._show_photo)
        session.faces_changed.connect(self._show_faces)
        session.inferred_changed.connect(self._edit_changed)
        session.edit_changed.connect(self._edit_changed)
        renderer.result_ready.connect(self._show_result)
        renderer.encoded.connect(self._encoded)
        renderer.encode_failed.connect(self._encode_failed)
        renderer.model_loaded.connect(self._model_loaded)
        renderer.model_failed.connect(self._model_failed)
        renderer.memory_freed.connect(self._memory_freed)
        renderer.failed.connect(self.report)
        self.opener.opened.connect(self._opened)
        self.opener.found_again.connect(self._found_again)
        self.opener.failed.connect(self.report)
        self.exporter.finished.connect(self._export_finished)
        window.panel.value_changed.connect(session.preview_value)
        window.panel.reset_asked.connect(lambda name: session.preview_value(name, None))
        window.panel.reset_all_asked.connect(session.reset)
        window.panel.gesture_ended.connect(session.end_gesture)
        window.photo_view.face_clicked.connect(session.choose_face)
        window.photo_view.crop_drawn.connect(session.add_crop)
        window.open_asked.connect(self._ask_open)
        window.paths_dropped.connect(lambda paths: self.open_path(paths[0]))
        window.data_pasted.connect(self._take_data)
        window.recent_file_chosen.connect(self.open_path)
        window.sample_chosen.connect(self.open_path)
        window.export_asked.connect(lambda: self._ask_export(whole=True))
        window.export_face_asked.connect(lambda: self._ask_export(whole=False))
        window.copy_asked.connect(self._copy)
        window.open_model_asked.connect(self._ask_model)
        window.model_chosen.connect(self.load_model)
        window.device_chosen.connect(self._choose_device)
        window.free_memory_asked.connect(renderer.free_memory)
        window.remove_face_asked.connect(session.remove_face)
        window.find_faces_asked.connect(self._find_again)
        window.draw_crop_toggled.connect(window.photo_view.set_drawing)
        window.mode_chosen.connect(self._choose_mode)
        window.theme_chosen.connect(self.choose_theme)
        window.compare_held.connect(self._compare)
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
    studio = Studio(application, SettingsFile.for_user(), model, device)

    def unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An error nobody foresaw goes to standard error whole and to the user as a sentence; the window stays."""
        sys.__excepthook__(kind, error, trace)
        if isinstance(error, Exception):
            studio.report(f"Something went wrong ({kind.__name__}: {error}). Your work is still here.")

    sys.excepthook = unforeseen
    studio.start(paths)
    return application.exec()
