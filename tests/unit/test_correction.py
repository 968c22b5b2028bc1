"""What is known of a face beside its pixels: the code, the readings and the edit follow q(z|x,w)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from jmvae_studio.inference.engine import Engine
from jmvae_studio.inference.results import PREVIEW_SIZE, Asked
from tests.gui.test_digits import save
from trainer.checkpoint import load_model
from trainer.data.face_crop import FaceCrop, extract
from trainer.models.correction import correct, with_known

CROP = FaceCrop(224, 110, 160)
TOLD = {"Eyeglasses": 1.0, "Male": -1.0, "No_Such_Attribute": 1.0}


@pytest.fixture(scope="module")
def engine(checkpoint: Path) -> Engine:
    return Engine.load(checkpoint, "cpu")


def crops(astronaut: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return extract(astronaut, CROP, 64), extract(astronaut, CROP, PREVIEW_SIZE)


def test_the_code_moves_by_the_difference_that_what_is_known_makes(
    engine: Engine, checkpoint: Path, astronaut: np.ndarray
) -> None:
    model, header = load_model(checkpoint)
    names = header.attribute_names
    image = model.standardise(torch.from_numpy(crops(astronaut)[0]).permute(2, 0, 1)[None])
    with torch.inference_mode():
        z = model.encode({"image": image}).mean
        read = model.decode_one("attributes", z).mean
        known = read.clone()
        known[0, names.index("Eyeglasses")], known[0, names.index("Male")] = 1, -1
        before, after = (
            model.encode({"image": image, "attributes": vector}).mean for vector in (read, known)
        )
        moved = z + after - before
        again = model.decode_one("attributes", moved).mean[0].tolist()
        average = model.decode_one("image", moved).mean
        change = model.latent_change({"z": moved, "reconstruction": average}, torch.ones(1, 128))
    code = engine.encode(*crops(astronaut), told=TOLD)
    expected = dict(zip(names, again, strict=True)) | {"Eyeglasses": 1.0, "Male": -1.0}
    assert dict(zip(names, code.attributes, strict=True)) == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(code.prepared["z"], moved, atol=1e-4, rtol=1e-4)
    with torch.inference_mode():
        edited = model.latent_change(code.prepared, torch.ones(1, 128))
    torch.testing.assert_close(edited, change, atol=1e-3, rtol=1e-3)
    place = engine.places(code, code.attributes)
    np.testing.assert_allclose(place.photo[0], moved[0].numpy(), atol=1e-4)
    np.testing.assert_allclose(place.edited, moved[0].numpy(), atol=1e-4)


def test_what_is_known_is_certain_and_an_unedited_face_stays(engine: Engine, astronaut: np.ndarray) -> None:
    plain, code = engine.encode(*crops(astronaut)), engine.encode(*crops(astronaut), told=TOLD)
    beliefs, before = (engine.beliefs(face, Asked(face.attributes)) for face in (code, plain))
    glasses, smiling = (engine.attribute_names.index(name) for name in ("Eyeglasses", "Smiling"))
    assert (beliefs.lowest[glasses], beliefs.highest[glasses]) == (1.0, 1.0)
    assert before.lowest[glasses] < before.highest[glasses] < 1
    assert beliefs.lowest[smiling] < beliefs.highest[smiling]
    preview = engine.preview(code, Asked(code.attributes))
    assert np.array_equal(preview.edited, crops(astronaut)[1])
    assert engine.encode(*crops(astronaut), told={}).attributes == plain.attributes


@pytest.mark.parametrize("system", ["jmvae-kl", "jmvae", "jmvae-h"])
def test_a_digit_told_is_that_digit_and_a_digit_denied_is_another(tmp_path: Path, system: str) -> None:
    engine = Engine.load(save(tmp_path / "digits.safetensors", system), "cpu")
    picture = np.full((8, 8, 3), 128, np.uint8), np.zeros((PREVIEW_SIZE, PREVIEW_SIZE, 3), np.uint8)
    read = engine.encode(*picture).attributes
    likely = int(np.argmax(read))
    seven = engine.encode(*picture, told={"7": 1.0}).attributes
    assert seven == pytest.approx([float(n == 7) for n in range(10)], abs=1e-4)
    other = engine.encode(*picture, told={str(likely): 0.0}).attributes
    assert other[likely] == pytest.approx(0, abs=1e-4)
    assert sum(other) == pytest.approx(1)
    assert max(other) > 0.05


def test_a_model_that_mirrors_is_told_of_both_sides(checkpoint: Path, astronaut: np.ndarray) -> None:
    model, _ = load_model(checkpoint)
    model.mirrors = True
    image = model.standardise(torch.from_numpy(crops(astronaut)[0]).permute(2, 0, 1)[None])
    with torch.inference_mode():
        move, read = correct(model, image, {15: 1.0})
        _, mirrored = correct(model, image.flip(3), {15: 1.0})
        torch.testing.assert_close(read, mirrored, atol=1e-4, rtol=1e-4)
        _, nothing = correct(model, image, {})
        torch.testing.assert_close(nothing, model.read(image), atol=1e-4, rtol=1e-4)
    assert move.shape == (1, 128)
    assert torch.equal(with_known(model, read, {3: -1.0})[:, 3], torch.tensor([-1.0]))
