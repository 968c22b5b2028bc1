"""Faces between photograph and attributes: the maths against the nets."""

from pathlib import Path

import numpy as np
import pytest
import torch

from jmvae_studio.inference.engine import Engine, FaceCode
from jmvae_studio.inference.heat import heat_range, lay_heat
from jmvae_studio.inference.results import PREVIEW_SIZE
from jmvae_studio.resources import default_model
from tests.gui.test_digits import save
from trainer.data.face_crop import FaceCrop, extract


@pytest.fixture(scope="module")
def engine() -> Engine:
    """With the shipped model, whose faces can be told apart."""
    return Engine.load(default_model(), "cpu")


@pytest.fixture(scope="module")
def code(engine: Engine, astronaut: np.ndarray) -> FaceCode:
    crop = FaceCrop(224, 110, 160)
    return engine.encode(extract(astronaut, crop, 64), extract(astronaut, crop, PREVIEW_SIZE))


def serious(code: FaceCode) -> tuple[float, ...]:
    return (*code.attributes[:31], -2.0, *code.attributes[32:])


def test_evidence_fades_from_the_reconstruction_to_the_average_face(engine: Engine, code: FaceCode) -> None:
    faded = engine.fade(code, code.attributes, [1, 0.5, 0])
    assert faded.faces.shape == (3, 64, 64, 3)
    assert np.abs(faded.faces[0].astype(int) - engine.reconstruct(code)).max() <= 1
    assert np.abs(faded.faces[2].astype(int) - engine.generate(code.attributes)).max() <= 1
    ends = faded.faces[[0, 2]].astype(int)
    assert np.abs(ends[0] - ends[1]).mean() > 5
    read = engine.decode(faded.codes[1])
    assert np.abs(read.pixels.astype(int) - faded.faces[1]).max() <= 1
    assert faded.attributes[1] == pytest.approx(read.attributes, abs=1e-4)


def test_every_direction_gives_way_as_the_photograph_says_less_of_it(engine: Engine, code: FaceCode) -> None:
    place = engine.places(code, code.attributes)
    (half,) = engine.fade(code, code.attributes, [0.5]).codes
    photo, own = place.photo, place.attributes
    weight = 1 / photo[1], 1 / own[1]
    expected = (weight[0] * photo[0] + weight[1] * own[0]) / (weight[0] + weight[1])
    np.testing.assert_allclose(half, expected, atol=1e-4)


def test_an_edit_fades_from_the_edited_face(engine: Engine, code: FaceCode) -> None:
    faded = engine.fade(code, serious(code), [1, 0])
    np.testing.assert_allclose(faded.codes[0], engine.places(code, serious(code)).edited, atol=1e-4)
    assert np.abs(faded.faces[1].astype(int) - engine.generate(serious(code))).max() <= 1


@pytest.mark.parametrize("system", ["jmvae-kl", "jmvae", "jmvae-h"])
def test_digits_fade_too(tmp_path: Path, system: str) -> None:
    engine = Engine.load(save(tmp_path / "digits.safetensors", system), "cpu")
    code = engine.encode(np.full((8, 8, 3), 128, np.uint8), np.zeros((320, 320, 3), np.uint8))
    label = tuple(float(n == 3) for n in range(10))
    faded = engine.fade(code, label, [1, 0])
    assert np.array_equal(faded.faces[1], engine.generate(label))
    assert all(sum(read) == pytest.approx(1, abs=1e-4) for read in faded.attributes)
    assert not torch.allclose(torch.tensor(faded.codes[0]), torch.tensor(faded.codes[1]))


def noise(count: int, engine: Engine) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, engine.latent)).astype(np.float32)


def test_people_like_this_lie_around_the_photographs_own_code(engine: Engine, code: FaceCode) -> None:
    columns = [code.attributes, serious(code)]
    made = engine.imagine(columns, noise(2, engine), 0.5, code)
    place = engine.places(code, serious(code))
    np.testing.assert_allclose(made.codes[0, 0], place.photo[0], atol=1e-4)
    np.testing.assert_allclose(made.codes[0, 1], place.edited, atol=1e-4)
    expected = place.edited + 0.5 * np.sqrt(place.photo[1]) * noise(2, engine)[1]
    np.testing.assert_allclose(made.codes[2, 1], expected, atol=1e-4)
    assert np.abs(made.faces[0, 0].astype(int) - engine.reconstruct(code)).max() <= 1
    others = engine.imagine(columns, noise(2, engine), 0.5)
    assert np.abs(others.faces[0, 0].astype(int) - made.faces[0, 0]).mean() > 5


@pytest.mark.parametrize("person", [False, True])
def test_the_deviation_is_that_of_the_random_faces(engine: Engine, code: FaceCode, person: bool) -> None:
    given = code if person else None
    drawn = engine.imagine([serious(code)], noise(6, engine), 0.5, given).faces[1:, 0].astype(float)
    found = engine.deviation(serious(code), noise(6, engine), 0.5, given)
    assert found.shape == (64, 64)
    np.testing.assert_allclose(found, drawn.std(0).mean(2), atol=0.5)  # pixels are whole numbers
    assert found.mean() > 5
    assert not engine.deviation(serious(code), noise(6, engine), 0.0, given).max() > 1e-3


def test_heat_is_clear_where_nothing_differs_and_red_where_most_does() -> None:
    face = np.full((10, 10, 3), 100, np.uint8)
    deviation = np.zeros((10, 10), np.float32)
    deviation[:5] = 20
    deviation[:, :5] += 10
    ends = heat_range(deviation)
    assert ends == (0, 30)
    hot = lay_heat(face, deviation, ends)
    assert (hot[5:, 5:] == 100).all()
    assert (hot[:5, :5, 0] > 180).all()
    assert (hot[:5, :5, 1] < 40).all()
    assert (hot[5:, :5, 1] > 100).all()  # a little is yellow
