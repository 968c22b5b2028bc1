"""The render thread: the newest request wins, the last one is always served, stale results are dropped."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication

from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.renderer import Renderer
from jmvae_studio.inference.requests import (
    Analysis,
    EncodeRequest,
    EncodeResult,
    FaceKey,
    HoverRequest,
    HoverResult,
    ModelInfo,
    PreviewRequest,
)
from jmvae_studio.inference.results import Asked, Layer
from jmvae_studio.inference.seen_faces import KEPT_FACES
from trainer.data.face_crop import FaceCrop

FACE = FaceKey(1, FaceCrop(224, 110, 160))


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "waited in vain"
        QCoreApplication.processEvents()
        sleep(0.001)


@pytest.fixture
def renderer(qapp: QCoreApplication) -> Iterator[Renderer]:
    renderer = Renderer()
    yield renderer
    renderer.close()


@pytest.fixture
def ready(renderer: Renderer, checkpoint: Path, astronaut: np.ndarray) -> tuple[Renderer, EncodeResult]:
    encoded: list[EncodeResult] = []
    renderer.encoded.connect(encoded.append)
    renderer.load(checkpoint, "cpu")
    renderer.encode(EncodeRequest(FACE, astronaut))
    until(lambda: encoded)
    return renderer, encoded[0]


@pytest.fixture
def told(renderer: Renderer) -> list[str]:
    """What the renderer says went wrong."""
    sentences: list[str] = []
    renderer.failed.connect(lambda text, details: sentences.append(text))
    return sentences


def request(encoded: EncodeResult, value: float) -> PreviewRequest:
    return PreviewRequest(encoded.digest, FACE, Asked((value, *encoded.attributes[1:]), "residual"))


def test_the_last_value_of_a_drag_is_always_rendered(
    ready: tuple[Renderer, EncodeResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer, encoded = ready
    served: list[float] = []
    original = Engine.preview

    def slow(self: Engine, code: object, asked: Asked) -> object:
        served.append(asked.attributes[0])
        sleep(0.01)
        return original(self, code, asked)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "preview", slow)
    results: list[float] = []

    def take() -> None:
        result = renderer.take_result()
        if result is not None:
            results.append(result.request.asked.attributes[0])

    renderer.result_ready.connect(take)
    for drag in range(20):
        for step in range(50):
            renderer.request(request(encoded, drag + step / 100))
        until(lambda drag=drag: results and results[-1] == drag + 0.49)
    assert len(served) < 20 * 50 / 5  # what was overtaken was never computed
    assert results == sorted(results)


def test_a_model_that_fails_to_load_leaves_the_old_one(
    ready: tuple[Renderer, EncodeResult], tmp_path: Path
) -> None:
    renderer, encoded = ready
    failures: list[str] = []
    renderer.model_failed.connect(failures.append)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nonsense")
    renderer.load(bad, "cpu")
    until(lambda: failures)
    assert "bad.safetensors is not a model" in failures[0]
    results: list[object] = []
    renderer.result_ready.connect(lambda: results.append(renderer.take_result()))
    renderer.request(request(encoded, 1.0))
    until(lambda: results)


def test_freed_memory_comes_back_by_itself(ready: tuple[Renderer, EncodeResult]) -> None:
    renderer, encoded = ready
    freed: list[bool] = []
    loaded: list[ModelInfo] = []
    results: list[object] = []
    renderer.memory_freed.connect(lambda: freed.append(True))
    renderer.model_loaded.connect(loaded.append)
    renderer.result_ready.connect(lambda: results.append(renderer.take_result()))
    renderer.free_memory()
    until(lambda: freed)
    assert renderer._engine is None
    renderer.request(request(encoded, 1.0))
    until(lambda: results)
    assert loaded[0].digest == encoded.digest


def test_a_layer_is_computed_for_its_own_request(ready: tuple[Renderer, EncodeResult]) -> None:
    renderer, encoded = ready
    received: list[Layer | str] = []
    renderer.layer(request(encoded, 2.0), received.append)
    renderer.layer(
        PreviewRequest("another model", FACE, Asked(encoded.attributes, "residual")), received.append
    )
    until(lambda: len(received) == 2)
    assert isinstance(received[0], Layer)
    assert np.abs(received[0].pixels).max() > 0
    assert isinstance(received[1], str)


def look_elsewhere(renderer: Renderer, photo: np.ndarray, passing: bool) -> None:
    """More faces than the renderer keeps."""
    seen: list[EncodeResult] = []
    renderer.encoded.connect(seen.append)
    for number in range(KEPT_FACES + 1):
        renderer.encode(EncodeRequest(FaceKey(1, FaceCrop(200 + number, 120, 160)), photo, passing))
        until(lambda number=number: len(seen) == number + 1)


def test_a_dragged_square_pushes_no_other_face_out(
    ready: tuple[Renderer, EncodeResult], astronaut: np.ndarray
) -> None:
    renderer, encoded = ready
    look_elsewhere(renderer, astronaut, passing=True)
    received: list[Layer | str] = []
    renderer.layer(request(encoded, 2.0), received.append)
    until(lambda: received)
    assert isinstance(received[0], Layer)


def test_a_face_seen_long_ago_is_looked_at_again(
    ready: tuple[Renderer, EncodeResult], astronaut: np.ndarray
) -> None:
    renderer, encoded = ready
    received: list[Layer | str] = []
    renderer.layer(request(encoded, 2.0), received.append)
    look_elsewhere(renderer, astronaut, passing=False)
    renderer.layer(request(encoded, 2.0), received.append)
    renderer.layer(request(encoded, 2.0), received.append, astronaut)
    until(lambda: len(received) == 3)
    first, unknown, again = received
    assert isinstance(unknown, str)
    assert isinstance(first, Layer)
    assert isinstance(again, Layer)
    assert np.array_equal(first.pixels, again.pixels)


def test_many_other_faces_do_not_push_out_the_one_being_edited(
    ready: tuple[Renderer, EncodeResult], astronaut: np.ndarray
) -> None:
    renderer, encoded = ready
    seen: list[EncodeResult] = []
    renderer.encoded.connect(seen.append)
    others = [FaceKey(1, FaceCrop(200 + number, 120, 160)) for number in range(KEPT_FACES + 1)]
    for face in others:
        renderer.encode_also(EncodeRequest(face, astronaut))
    until(lambda: len(seen) == len(others))
    previews: list[object] = []
    renderer.result_ready.connect(lambda: previews.append(renderer.take_result()))
    renderer.request(request(encoded, 1.0))
    until(lambda: previews)
    assert len(renderer._seen._codes) == KEPT_FACES
    assert others[0] not in renderer._seen._codes
    renderer.layer(replace(request(encoded, 1.0), face=others[2]), lambda layer: None)  # it is of use
    renderer.encode_also(EncodeRequest(others[0], astronaut))
    until(lambda: len(seen) == len(others) + 1)
    assert others[2] in renderer._seen._codes
    assert others[3] not in renderer._seen._codes


def test_a_preview_of_a_forgotten_face_asks_for_it(
    ready: tuple[Renderer, EncodeResult], astronaut: np.ndarray
) -> None:
    renderer, encoded = ready
    unknown: list[FaceKey] = []
    renderer.unknown.connect(unknown.append)
    renderer.request(
        PreviewRequest("another model", FaceKey(2, FACE.crop), Asked(encoded.attributes, "residual"))
    )
    look_elsewhere(renderer, astronaut, passing=False)
    renderer.request(request(encoded, 1.0))
    until(lambda: unknown)
    assert unknown == [FACE]


def test_without_a_model_the_user_is_told(renderer: Renderer, astronaut: np.ndarray) -> None:
    told: list[str] = []
    renderer.encode_failed.connect(lambda face, message: told.append(message))
    renderer.encode(EncodeRequest(FACE, astronaut))
    until(lambda: told)
    assert "Open Model" in told[0]


def test_preview_comes_before_hover_before_analysis_before_the_queue(
    ready: tuple[Renderer, EncodeResult],
) -> None:
    renderer, encoded = ready
    order: list[str] = []
    hovers: list[HoverResult] = []
    places: list[Analysis] = []

    def take(name: str, result: object) -> None:
        order.append(name)
        if isinstance(result, HoverResult):
            hovers.append(result)
        if isinstance(result, Analysis):
            places.append(result)

    renderer.result_ready.connect(lambda: take("preview", renderer.take_result()))
    renderer.hovered.connect(lambda result: take("hover", result))
    renderer.analysed.connect(lambda result: take("analysis", result))
    renderer.encoded.connect(lambda result: take("queue", result))
    gate, code = threading.Event(), np.zeros(128, np.float32)
    renderer._submit(lambda: gate.wait(30) and None)  # holds the thread while everything arrives, backwards
    renderer.encode(EncodeRequest(FACE, np.zeros((512, 512, 3), np.uint8)))
    for value in (0.0, 1.0):
        renderer.analyse(request(encoded, value))
    for value in (0.0, 2.0):
        renderer.hover(HoverRequest(encoded.digest, code + np.float32(value)))
    renderer.request(request(encoded, 1.0))
    gate.set()
    until(lambda: len(order) == 4)
    assert order == ["preview", "hover", "analysis", "queue"]
    assert hovers[0].request.code[0] == 2  # the newest of each kind, the others never
    assert places[0].request.asked.attributes[0] == 1.0


def test_a_hover_and_the_places_of_an_edit_by_value(ready: tuple[Renderer, EncodeResult]) -> None:
    import torch

    renderer, encoded = ready
    found: list[HoverResult] = []
    places: list[Analysis] = []
    renderer.hovered.connect(found.append)
    renderer.analysed.connect(places.append)
    renderer.hover(HoverRequest("another model", np.zeros(128, np.float32)))
    renderer.analyse(request(encoded, 2.0))
    until(lambda: places)
    here = places[0].places
    renderer.hover(HoverRequest(encoded.digest, here.photo[0]))
    until(lambda: found)
    assert len(found) == 1  # another model's codes are not decoded
    # At the photograph's own code the model reads what it read from the photograph.
    assert found[0].decoded.attributes == pytest.approx(encoded.attributes, abs=1e-4)
    assert found[0].decoded.pixels.shape == (64, 64, 3)
    moved = here.asked[0] - here.attributes[0]
    assert here.edited == pytest.approx(here.photo[0] + moved, abs=1e-5)
    assert np.abs(moved).max() > 1e-3
    engine = renderer._engine
    assert engine is not None
    with torch.inference_mode():
        given = torch.tensor([(2.0, *encoded.attributes[1:])])
        posterior = engine._model.encode({"attributes": given})
    assert here.asked[1] == pytest.approx(posterior.variance[0].numpy(), rel=1e-4)


class Starving:
    """Lets a method of the engine fail for want of memory so many times, or as long as it is not on the CPU."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, times: int) -> None:
        plain = getattr(Engine, name)
        self.left, self.elsewhere, self.calls = times, times < 0, 0

        def starved(engine: Engine, *more: object, **named: object) -> object:
            self.calls += 1
            if self.left > 0 or (self.elsewhere and not engine.is_on_cpu):
                self.left -= 1
                raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB.")
            return plain(engine, *more, **named)

        monkeypatch.setattr(Engine, name, starved)


def elsewhere(monkeypatch: pytest.MonkeyPatch, renderer: Renderer) -> None:
    """Let the engine that is there seem to be on a graphics card."""
    first = renderer._engine
    monkeypatch.setattr(Engine, "is_on_cpu", property(lambda engine: engine is not first))
    assert first is not None
    first.device_name = "CUDA · a card"


@pytest.mark.parametrize("name", ["preview", "encode", "layer", "beliefs", "decode"])
def test_too_little_memory_is_tried_again_with_less(
    ready: tuple[Renderer, EncodeResult],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    astronaut: np.ndarray,
) -> None:
    renderer, encoded = ready
    starving = Starving(monkeypatch, name, 1)
    assert ask(renderer, encoded, name, astronaut)
    assert starving.calls >= 2
    assert told == []


@pytest.mark.parametrize("name", ["preview", "encode", "layer", "beliefs", "decode"])
def test_with_too_little_memory_on_the_card_the_cpu_goes_on_and_says_so(
    ready: tuple[Renderer, EncodeResult],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    astronaut: np.ndarray,
) -> None:
    renderer, encoded = ready
    loaded: list[ModelInfo] = []
    renderer.model_loaded.connect(loaded.append)
    elsewhere(monkeypatch, renderer)
    Starving(monkeypatch, name, -1)
    assert ask(renderer, encoded, name, astronaut)
    until(lambda: told)
    assert told[0].startswith("CUDA · a card has too little memory: the model works on the CPU now.")
    assert [(model.device, model.digest) for model in loaded] == [("cpu", encoded.digest)]


def test_memory_that_is_nowhere_is_said_and_the_thread_goes_on(
    ready: tuple[Renderer, EncodeResult],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    astronaut: np.ndarray,
) -> None:
    renderer, encoded = ready
    Starving(monkeypatch, "preview", 2)
    renderer.request(request(encoded, 1.0))
    until(lambda: told)
    assert told == ["There is not enough memory for this: close other programs and try again."]
    outcome: list[Layer | str] = []
    starved = Starving(monkeypatch, "layer", 2)
    renderer.layer(request(encoded, 1.0), outcome.append)
    until(lambda: outcome)
    assert outcome == told
    assert starved.left == 0
    assert ask(renderer, encoded, "preview", astronaut)


def test_a_model_too_large_for_the_card_is_loaded_on_the_cpu(
    renderer: Renderer, told: list[str], checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Engine.load
    loaded: list[ModelInfo] = []

    def load(path: Path, device: str) -> Engine:
        if device != "cpu":
            raise RuntimeError("CUDA out of memory.")
        return plain(path, "cpu")

    monkeypatch.setattr(Engine, "load", load)
    renderer.model_loaded.connect(loaded.append)
    renderer.load(checkpoint, "auto")
    until(lambda: told)
    assert told == [f"There was too little memory on the device for {checkpoint.name}: it works on the CPU."]
    assert loaded[0].device == "cpu"


def ask(renderer: Renderer, encoded: EncodeResult, name: str, photo: np.ndarray) -> bool:
    """Ask for what needs a method of the engine, and wait for it."""
    answers: list[object] = []
    wanted = request(encoded, 1.0)
    if name == "preview":
        renderer.result_ready.connect(lambda: answers.append(renderer.take_result()))
        renderer.request(wanted)
    elif name == "encode":
        renderer.encoded.connect(answers.append)
        renderer.encode(EncodeRequest(FaceKey(2, FACE.crop), photo))
    elif name == "layer":
        renderer.layer(wanted, answers.append)
    elif name == "beliefs":
        renderer.analysed.connect(answers.append)
        renderer.analyse(wanted)
    else:
        renderer.hovered.connect(answers.append)
        assert renderer._engine is not None
        renderer.hover(HoverRequest(encoded.digest, np.zeros(renderer._engine.latent, np.float32)))
    until(lambda: answers)
    return not isinstance(answers[0], str)
