"""One worker thread owns the engine: the newest preview wins, other work waits.

Newest-wins slots come first, in this order: preview, hover (a face under the mouse on the latent map), analysis
(what is worked out after a drag); then a queue.

Requests are immutable and results carry their request. All torch work of the application happens here, so there
is no lock around the model. The last value of a drag is always rendered: a request is only ever replaced by a
newer one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from traceback import format_exc
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from jmvae_studio.inference.engine import Engine, FaceCode
from jmvae_studio.inference.requests import (
    Analysis,
    EncodeRequest,
    EncodeResult,
    FaceKey,
    HoverRequest,
    HoverResult,
    ModelInfo,
    PreviewRequest,
    PreviewResult,
)
from jmvae_studio.inference.resident_model import DeviceError
from jmvae_studio.inference.results import Device, Layer, Mode
from jmvae_studio.inference.seen_faces import SeenFaces
from jmvae_studio.language import tr
from trainer.errors import TrainerError

T = TypeVar("T")


class RenderError(Exception):
    """Work that cannot be done now, as a sentence for the user."""


class Renderer(QObject):
    """Serves previews, encodings, exports and model changes from a thread of its own.

    Signals are emitted from that thread and delivered in the receiver's. Previews are fetched with `take_result`,
    so that a slow receiver sees the newest one only.
    """

    result_ready = Signal()
    previewed = Signal(object, object)
    """A `PreviewRequest` of `preview_also`, and its `PreviewResult`; None if there is none."""
    hovered = Signal(object)
    """A `HoverResult`."""
    analysed = Signal(object)
    """An `Analysis`."""
    encoded = Signal(object)
    encode_failed = Signal(object, str)
    unknown = Signal(object)
    """The `FaceKey` of a preview that could not be made: the face was seen too long ago and is to be encoded again."""
    model_loaded = Signal(object)
    model_failed = Signal(str)
    memory_freed = Signal()
    failed = Signal(str, str)
    """Work ended with an error nobody foresaw: a sentence and its details; the thread goes on."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wake = threading.Condition()
        self._preview: PreviewRequest | None = None
        self._hover: HoverRequest | None = None
        self._analysis: PreviewRequest | None = None
        self._queue: deque[Callable[[], None]] = deque()
        self._encoding: EncodeRequest | None = None
        self._result: PreviewResult | None = None
        self._closing = False
        self._engine: Engine | None = None
        self._source: tuple[Path, Device] | None = None
        self._seen = SeenFaces()
        self._thread = threading.Thread(target=self._work, name="renderer", daemon=True)
        self._thread.start()

    # Called from the GUI thread ------------------------------------------------------------------

    def request(self, request: PreviewRequest) -> None:
        """Ask for a preview; one that waits is replaced."""
        with self._wake:
            self._preview = request
            self._wake.notify()

    def hover(self, request: HoverRequest) -> None:
        """Ask for the face at a code; one that waits is replaced, and a preview goes first."""
        with self._wake:
            self._hover = request
            self._wake.notify()

    def analyse(self, request: PreviewRequest) -> None:
        """Ask for an `Analysis` of an edit; one that waits is replaced, previews and hovers go first."""
        with self._wake:
            self._analysis = request
            self._wake.notify()

    def decode(self, request: HoverRequest) -> None:
        """Decode a code that was chosen, in the queue: unlike a hover it is never replaced by another."""
        self._submit(lambda: self._decode(request))

    def take_result(self) -> PreviewResult | None:
        """The newest preview, once."""
        with self._wake:
            result, self._result = self._result, None
        return result

    def load(self, path: Path, device: Device) -> None:
        """Replace the model; on failure the old one stays."""
        self._submit(lambda: self._load(path, device))

    def encode(self, request: EncodeRequest) -> None:
        """Infer a face's attributes; a request of this kind that waits is replaced."""
        with self._wake:
            waiting, self._encoding = self._encoding, request
        if waiting is None:
            self._submit(self._encode_waiting)

    def encode_also(self, request: EncodeRequest) -> None:
        """Infer another face's attributes, in the queue: it is never replaced."""
        self._submit(lambda: self._encode(request))

    def preview_also(self, request: PreviewRequest, photo: npt.NDArray[np.uint8]) -> None:
        """Make the preview of another face, in the queue: it is never replaced. `previewed` brings it."""

        def work(code: FaceCode) -> PreviewResult:
            asked = code.engine.follow(code, request.asked)
            return PreviewResult(request, code.engine.preview(code, asked), asked.attributes)

        def receive(result: PreviewResult | str) -> None:
            self.previewed.emit(request, None if isinstance(result, str) else result)

        self.with_code(request, work, receive, photo)

    def layer(
        self,
        request: PreviewRequest,
        receive: Callable[[Layer | str], None],
        photo: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        """Compute an edit for export; ``receive`` gets it, or a sentence, on the worker thread.

        With the photograph's pixels, a face that was seen long ago is looked at again.
        """

        def work(code: FaceCode) -> Layer:
            return code.engine.layer(code, code.engine.follow(code, request.asked))

        self.with_code(request, work, receive, photo)

    def with_code(
        self,
        request: PreviewRequest,
        work: Callable[[FaceCode], T],
        receive: Callable[[T | str], None],
        photo: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        """Do ``work`` on the code of a face in the queue.

        Args:
            request: Which face, read by which model.
            work: Is called on the renderer's thread.
            receive: Gets the outcome, or a sentence for the user, on the renderer's thread: what touches widgets or
                the session hands it on by a signal.
            photo: The photograph's pixels, height × width × 3, from which a face that was seen too long ago is
                encoded again; without them such a face ends in a sentence.
        """

        def run(engine: Engine) -> T:
            code = self._code(request.face)
            if code is None and photo is not None:
                code = self._seen.look(engine, EncodeRequest(request.face, photo))[0]
            if code is None or engine.digest != request.model:
                raise RenderError(tr("The model was replaced before this could be made: ask for it again."))
            return work(code)

        self.with_engine(run, receive)

    def with_engine(self, work: Callable[[Engine], T], receive: Callable[[T | str], None]) -> None:
        """Do ``work`` with the model in the queue; ``receive`` gets the outcome, or a sentence, there."""

        def run() -> None:
            outcome: T | str
            try:
                outcome = self._with_room(lambda: work(self._require_engine()))
            except (RenderError, TrainerError) as error:
                outcome = str(error)
            except Exception as error:  # whoever waits for the outcome must get one
                outcome = tr(
                    "The model could not do it ({kind}: {error}). Try again.",
                    kind=type(error).__name__,
                    error=error,
                )
            receive(outcome)

        self._submit(run)

    def measure(self, runs: int, mode: Mode, receive: Callable[[float], None]) -> None:
        """Time the bare nets of a drag; ``receive`` gets the median milliseconds on the worker thread."""
        self._submit(lambda: self._measure(runs, mode, receive))

    def free_memory(self) -> None:
        """Drop the model and all codes; the next request loads it again."""
        self._submit(self._free)

    def close(self) -> None:
        """End the thread after the work that waits in the queue: an export asked for is not lost."""
        with self._wake:
            self._closing = True
            self._preview = self._hover = self._analysis = None
            self._wake.notify()
        self._thread.join()

    # On the worker thread ------------------------------------------------------------------------

    def _submit(self, task: Callable[[], None]) -> None:
        with self._wake:
            self._queue.append(task)
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._closing or self._has_work())
                if self._closing and not self._queue:
                    return
                task = self._next()
            try:
                self._with_room(task)
            except RenderError as error:
                self.failed.emit(str(error), "")
            except Exception as error:  # one bad request must not end the thread that serves all others
                self.failed.emit(
                    tr(
                        "The model stumbled ({kind}: {error}). Nothing was lost; try again.",
                        kind=type(error).__name__,
                        error=error,
                    ),
                    format_exc(),
                )

    def _with_room(self, work: Callable[[], T]) -> T:
        """Do ``work``; where memory does not suffice, again with the kept codes dropped, and then on the CPU.

        Raises:
            RenderError: The computer's own memory does not suffice.
        """
        for make_room in (self._drop_codes, self._move_to_cpu, lambda: False):
            try:
                return work()
            except Exception as error:
                if not _is_out_of_memory(error):
                    raise
            if not make_room():  # only now: the error held what the device has to give back
                break
        raise RenderError(tr("There is not enough memory for this: close other programs and try again."))

    def _drop_codes(self) -> bool:
        """Let the device have the memory of all codes."""
        self._seen.forget_codes()
        if self._engine is not None:
            self._engine.give_back()
        return True

    def _move_to_cpu(self) -> bool:
        """Go on there; False if the model is there already, or nowhere."""
        if self._engine is None or self._source is None or self._engine.is_on_cpu:
            return False
        name, path = self._engine.device_name, self._source[0]
        self._load(path, "cpu")
        self.failed.emit(
            tr(
                "{device} has too little memory: the model works on the CPU now. "
                "When there is room again, choose the device under Model ▸ Device.",
                device=name,
            ),
            "",
        )
        return True

    def _require_engine(self) -> Engine:
        engine = self._current_engine()
        if engine is None:
            raise RenderError(tr("No model is loaded; choose one with Model ▸ Open Model…."))
        return engine

    def _has_work(self) -> bool:
        slots = (self._preview, self._hover, self._analysis)
        return bool(self._queue) or any(slot is not None for slot in slots)

    def _next(self) -> Callable[[], None]:
        """Take what comes first: preview, hover, analysis, then the queue. Call with the lock held."""
        if (preview := self._preview) is not None:
            self._preview = None
            return lambda: self._render(preview)
        if (hover := self._hover) is not None:
            self._hover = None
            return lambda: self._decode(hover)
        if (analysis := self._analysis) is not None:
            self._analysis = None
            return lambda: self._analyse(analysis)
        return self._queue.popleft()

    def _render(self, request: PreviewRequest) -> None:
        code = self._code(request.face)
        if code is None and self._engine is not None and self._engine.digest == request.model:
            self.unknown.emit(request.face)
        if code is None or code.engine.digest != request.model:
            return  # the model or the photograph was replaced meanwhile: a new request follows
        asked = code.engine.follow(code, request.asked)
        result = PreviewResult(request, code.engine.preview(code, asked), asked.attributes)
        with self._wake:
            waiting = self._result is not None
            self._result = result
        if not waiting:
            self.result_ready.emit()

    def _decode(self, request: HoverRequest) -> None:
        engine = self._current_engine()
        if engine is not None and engine.digest == request.model:
            self.hovered.emit(HoverResult(request, engine.decode(request.code)))

    def _analyse(self, request: PreviewRequest) -> None:
        code = self._code(request.face)
        if code is None or code.engine.digest != request.model:
            return
        engine, asked = code.engine, code.engine.follow(code, request.asked)
        beliefs = engine.beliefs(code, asked)
        self.analysed.emit(Analysis(request, engine.places(code, asked.attributes), beliefs))

    def _load(self, path: Path, device: Device) -> None:
        try:
            engine = Engine.load(path, device)
        except DeviceError as error:
            self.model_failed.emit(str(error))
            if self._engine is None and device != "auto":
                self._load(
                    path, "auto"
                )  # a device that was there last time: the model still opens on another
            return
        except TrainerError as error:
            self.model_failed.emit(str(error))
            return
        except (RuntimeError, MemoryError, ImportError) as error:
            if _is_out_of_memory(error) and device != "cpu":
                self._load(path, "cpu")
                if self._source == (path, "cpu"):
                    self.failed.emit(
                        tr(
                            "There was too little memory on the device for {name}: it works on the CPU.",
                            name=path.name,
                        ),
                        "",
                    )
                return
            self.model_failed.emit(
                tr("The model {name} could not be loaded: {error}", name=path.name, error=error)
            )
            return
        self._engine = engine
        self._source = (path, device)
        self._seen.forget_codes()
        self.model_loaded.emit(
            ModelInfo(
                path,
                engine.digest,
                engine.header.system,
                engine.attribute_names,
                engine.image_size,
                engine.latent,
                device,
                engine.device_name,
                engine.takes_whole,
                engine.corrects,
                engine.iterates,
            )
        )

    def _encode(self, request: EncodeRequest) -> None:
        engine = self._current_engine()
        if engine is None:
            self.encode_failed.emit(
                request.face, tr("No model is loaded; choose one with Model ▸ Open Model….")
            )
            return
        code, preview = self._seen.look(engine, request)
        result = EncodeResult(request.face, engine.digest, code.attributes, code.plausibility, preview)
        self.encoded.emit(result)

    def _encode_waiting(self) -> None:
        with self._wake:
            request, self._encoding = self._encoding, None
        if request is not None:
            if not request.passing:
                self._seen.current = request.face
            self._with_room(lambda: self._encode(request))

    def _measure(self, runs: int, mode: Mode, receive: Callable[[float], None]) -> None:
        engine = self._current_engine()
        if engine is not None:
            receive(engine.forward_milliseconds(runs, mode))

    def _free(self) -> None:
        engine, self._engine = self._engine, None
        self._seen.forget_codes()
        if engine is not None:
            engine.release()
        self.memory_freed.emit()

    def _current_engine(self) -> Engine | None:
        if self._engine is None and self._source is not None:
            self._load(*self._source)
        return self._engine

    def _code(self, face: FaceKey) -> FaceCode | None:
        """The code of a face that was seen."""
        engine = self._current_engine()
        return None if engine is None else self._seen.code(engine, face)


def _is_out_of_memory(error: Exception) -> bool:
    from trainer.numbers import is_out_of_memory  # with torch, which is there if a model is

    return is_out_of_memory(error)
