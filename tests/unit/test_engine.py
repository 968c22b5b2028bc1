"""The resident model: its maths against the nets, and what a drag costs it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from jmvae_studio.inference.compositing import compose, feather
from jmvae_studio.inference.engine import Engine, FaceCode
from jmvae_studio.inference.resident_model import DeviceError
from jmvae_studio.inference.results import PREVIEW_SIZE, Asked
from jmvae_studio.resources import default_model, shipped_models
from trainer.checkpoint import load_model
from trainer.data.face_crop import FaceCrop, extract


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> Engine:
    return Engine.load(checkpoint, "cpu")


@pytest.fixture(scope="module")
def crop() -> FaceCrop:
    return FaceCrop(224, 110, 160)


@pytest.fixture(scope="module")
def code(engine: Engine, astronaut: np.ndarray, crop: FaceCrop) -> FaceCode:
    return engine.encode(extract(astronaut, crop, 64), extract(astronaut, crop, PREVIEW_SIZE))


def changed(code: FaceCode) -> tuple[float, ...]:
    values = list(code.attributes)
    values[31], values[9] = 2.0, -1.5
    return tuple(values)


def test_layers_are_the_papers_equations(
    engine: Engine, code: FaceCode, checkpoint: Path, astronaut: np.ndarray, crop: FaceCrop
) -> None:
    model, _ = load_model(checkpoint)
    pixels = torch.from_numpy(extract(astronaut, crop, 64)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        z_x = model.encode({"image": model.standardise(pixels)}).mean
        w = model.decode_one("attributes", z_x).mean
        w_new = torch.tensor([changed(code)])
        z_w, z_new = (model.encode({"attributes": v}).mean for v in (w, w_new))

        def decode(z: torch.Tensor) -> torch.Tensor:
            return model.unstandardise(model.decode_one("image", z).mean)

        expected = {
            "residual": decode(z_new) - decode(z_w),
            "latent": decode(z_x + z_new - z_w) - decode(z_x),
            "generate": decode(z_new),
        }
    assert code.attributes == pytest.approx(w[0].tolist(), abs=1e-5)
    for mode, value in expected.items():
        layer = engine.layer(code, Asked(changed(code), mode))  # type: ignore[arg-type]
        np.testing.assert_allclose(layer.pixels, value[0].permute(1, 2, 0).numpy(), atol=2e-2, err_msg=mode)
        assert layer.replaces == (mode == "generate")


@pytest.mark.parametrize("mode", ["residual", "latent"])
def test_asking_nothing_changes_no_pixel(engine: Engine, code: FaceCode, mode: str) -> None:
    preview = engine.preview(code, Asked(code.attributes, mode))  # type: ignore[arg-type]
    original = code.ground.permute(1, 2, 0).numpy().astype(np.uint8)
    assert np.array_equal(preview.edited, original)
    assert not np.array_equal(engine.preview(code, Asked(changed(code), mode)).edited, original)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["residual", "latent", "generate"])
def test_the_preview_is_the_export(engine: Engine, astronaut: np.ndarray, mode: str) -> None:
    crop = FaceCrop(224, 130, PREVIEW_SIZE)  # one preview pixel per pixel of the photograph
    crop = FaceCrop(256, 256, PREVIEW_SIZE)
    code = engine.encode(extract(astronaut, crop, 64), extract(astronaut, crop, PREVIEW_SIZE))
    layer = engine.layer(code, Asked(changed(code), mode))  # type: ignore[arg-type]
    exported = extract(compose(astronaut, crop, layer.pixels, layer.replaces), crop, PREVIEW_SIZE)
    preview = engine.preview(code, Asked(changed(code), mode)).edited.astype(int)  # type: ignore[arg-type]
    difference = np.abs(exported.astype(int) - preview)
    inside = feather(PREVIEW_SIZE) == 1
    assert np.quantile(difference[inside], 0.999) <= 2
    assert difference.max() <= 8  # at clipped colours and the feathered border


def test_a_drag_sends_the_attributes_and_nothing_else(engine: Engine, code: FaceCode) -> None:
    before = engine.uploaded_bytes
    for step in range(10):
        values = (*code.attributes[:31], step / 10, *code.attributes[32:])
        engine.preview(code, Asked(values, "residual"))
    assert engine.uploaded_bytes - before == 10 * 40 * 4


def test_many_faces_are_read_as_one_is(
    engine: Engine, code: FaceCode, astronaut: np.ndarray, crop: FaceCrop
) -> None:
    face = extract(astronaut, crop, 64)
    rows = engine.infer(np.stack([face, face[::-1], face]))
    assert rows.shape == (3, 40)
    assert rows[0] == pytest.approx(code.attributes, abs=1e-4)
    assert rows[2] == pytest.approx(rows[0], abs=1e-5)
    assert np.abs(rows[1] - rows[0]).max() > 1e-3


def test_generated_faces_follow_attributes_and_noise(engine: Engine) -> None:
    zero = (0.0,) * 40
    average = engine.generate(zero)
    assert average.shape == (64, 64, 3)
    assert average.dtype == np.uint8
    noise = np.random.default_rng(0).standard_normal(128).astype(np.float32)
    assert np.array_equal(engine.generate(zero, noise), engine.generate(zero, noise))
    assert not np.array_equal(engine.generate(zero, noise), average)
    assert np.array_equal(engine.generate(zero, 0 * noise), average)


def test_a_device_that_is_not_there_is_named(checkpoint: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this computer has CUDA")
    with pytest.raises(DeviceError, match=r"no device “cuda”; there is: cpu"):
        Engine.load(checkpoint, "cuda")


@pytest.mark.parametrize("mode", ["residual", "latent", "generate"])
def test_what_was_obtained_is_read_from_the_edited_face(
    engine: Engine, code: FaceCode, checkpoint: Path, astronaut: np.ndarray, crop: FaceCrop, mode: str
) -> None:
    model, _ = load_model(checkpoint)
    pixels = torch.from_numpy(extract(astronaut, crop, 64)).permute(2, 0, 1)[None]
    layer = engine.layer(code, Asked(changed(code), mode))  # type: ignore[arg-type]
    with torch.inference_mode():
        image = torch.from_numpy(layer.pixels).permute(2, 0, 1)[None]
        if mode == "generate":
            edited = (image / 255 - model.image_mean) / model.image_std
        else:
            edited = model.standardise(pixels) + image / (255 * model.image_std)
        expected = model.complete({"image": edited}, "attributes").mean[0]
    beliefs = engine.beliefs(code, Asked(changed(code), mode))  # type: ignore[arg-type]
    assert beliefs.obtained == pytest.approx(expected.tolist(), abs=2e-3)


def test_the_spread_is_that_of_the_posterior(engine: Engine, code: FaceCode, checkpoint: Path) -> None:
    model, _ = load_model(checkpoint)
    beliefs = engine.beliefs(code, Asked(code.attributes, "latent"))
    assert beliefs == engine.beliefs(code, Asked(code.attributes, "latent"))  # the same face, the same band
    with torch.inference_mode():
        noise = torch.randn(20_000, model.latent, generator=torch.Generator().manual_seed(7))
        read = model.decode_one("attributes", model.encode({"image": code.face}).sample(noise)).mean
        low, high = torch.quantile(read, torch.tensor([1 / 6, 5 / 6]), dim=0)
    width = (high - low).numpy()
    assert width.min() > 0
    np.testing.assert_allclose(beliefs.lowest, low.numpy(), atol=0.4 * width.max())
    np.testing.assert_allclose(beliefs.highest, high.numpy(), atol=0.4 * width.max())
    assert beliefs.obtained == pytest.approx(code.attributes, abs=1e-3)  # nothing was asked


@pytest.mark.parametrize("path", shipped_models(), ids=lambda path: path.stem)
def test_every_shipped_model_edits_and_is_small(path: Path) -> None:
    assert path.stat().st_size <= 40e6
    assert path.with_suffix(".md").is_file()  # its card
    engine = Engine.load(path, "cpu")
    side = engine.image_size
    picture = np.zeros((side, side, 3), np.uint8)
    picture[side // 4 : -side // 4, side // 3 : -side // 3] = 220
    code = engine.encode(picture, np.zeros((PREVIEW_SIZE, PREVIEW_SIZE, 3), np.uint8))
    asked = list(code.attributes)
    asked[3] = 1.0 if asked[3] < 0.5 else 0.0
    changes = [
        engine.layer(code, Asked(tuple(values), "latent")).pixels for values in (code.attributes, asked)
    ]
    assert np.abs(changes[0]).max() < 1e-3
    assert np.abs(changes[1]).max() > 3


def test_the_shipped_model_reads_a_face_and_its_mirror_image_alike(
    astronaut: np.ndarray, crop: FaceCrop
) -> None:
    engine = Engine.load(default_model(), "cpu")
    face, preview = extract(astronaut, crop, 64), extract(astronaut, crop, PREVIEW_SIZE)
    own, mirrored = (engine.encode(*pair) for pair in ((face, preview), (face[:, ::-1], preview[:, ::-1])))
    assert own.attributes == pytest.approx(mirrored.attributes, abs=1e-5)
    assert engine.infer(face[None])[0] == pytest.approx(own.attributes, abs=1e-5)
    beliefs = [engine.beliefs(code, Asked(code.attributes, "latent")) for code in (own, mirrored)]
    width = np.subtract(beliefs[0].highest, beliefs[0].lowest)
    assert beliefs[0].lowest == pytest.approx(beliefs[1].lowest, abs=0.4 * width.max())
    assert beliefs[0].highest == pytest.approx(beliefs[1].highest, abs=0.4 * width.max())
