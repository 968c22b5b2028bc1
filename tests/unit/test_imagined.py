"""Faces between photograph and attributes: the maths against the nets."""

from pathlib import Path

import numpy as np
import pytest
import torch

from jmvae_studio.inference.engine import Engine, FaceCode
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
