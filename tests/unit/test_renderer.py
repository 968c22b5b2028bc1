"""The render thread: the newest request wins, the last one is always served, stale results are dropped."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication

from jmvae_studio.inference.engine import Engine, Layer
from jmvae_studio.inference.renderer import (
    EncodeRequest,
    EncodeResult,
    FaceKey,
    ModelInfo,
    PreviewRequest,
    Renderer,
)
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


def request(encoded: EncodeResult, value: float) -> PreviewRequest:
    return PreviewRequest(encoded.digest, FACE, (value, *encoded.attributes[1:]), "residual")


def test_the_last_value_of_a_drag_is_always_rendered(
    ready: tuple[Renderer, EncodeResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer, encoded = ready
    served: list[float] = []
    original = Engine.preview

    def slow(self: Engine, code: object, attributes: tuple[float, ...], *rest: object) -> object:
        served.append(attributes[0])
        sleep(0.01)
        return original(self, code, attributes, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "preview", slow)
    results: list[float] = []

    def take() -> None:
        result = renderer.take_result()
        if result is not None:
            results.append(result.request.attributes[0])

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
    renderer.layer(PreviewRequest("another model", FACE, encoded.attributes, "residual"), received.append)
    until(lambda: len(received) == 2)
    assert isinstance(received[0], Layer)
    assert np.abs(received[0].pixels).max() > 0
    assert isinstance(received[1], str)


def test_without_a_model_the_user_is_told(renderer: Renderer, astronaut: np.ndarray) -> None:
    told: list[str] = []
    renderer.encode_failed.connect(lambda face, message: told.append(message))
    renderer.encode(EncodeRequest(FACE, astronaut))
    until(lambda: told)
    assert "Open Model" in told[0]
