"""Iterative sampling pass by pass, beside what completion and evaluation make of as many passes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from jmvae_studio.inference.engine import Engine
from tests.gui.test_digits import save
from trainer.checkpoint import load_model
from trainer.evaluation.likelihood import expected_likelihood
from trainer.models.iterating import complete_by_passes, iterates
from trainer.models.jmvae import JMVAE


@pytest.fixture(params=["jmvae", "jmvae-h"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> JMVAE:
    found, _ = load_model(save(tmp_path / "digits.safetensors", request.param))
    assert isinstance(found, JMVAE)
    return found


def picture() -> torch.Tensor:
    return torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)


def seven() -> torch.Tensor:
    return torch.eye(10)[7:8]


@torch.inference_mode()
def test_each_pass_shows_what_so_many_passes_complete(model: JMVAE) -> None:
    assert iterates(model)
    found = complete_by_passes(model, picture(), seven(), 4, 1, seed=5)
    for passes in range(5):
        generator = torch.Generator().manual_seed(5)
        given, start = {"label": seven()}, "noise" if passes else "zeros"
        completed = model.complete(given, "image", None, max(1, passes), start, generator)  # type: ignore[arg-type]
        shown = model.decode_one("image", found.codes[passes : passes + 1])
        torch.testing.assert_close(shown.mean, completed.mean)
    assert len({code.numpy().tobytes() for code in found.codes}) == 5


@torch.inference_mode()
def test_the_likelihood_is_that_of_the_evaluation(model: JMVAE) -> None:
    found = complete_by_passes(model, picture(), seven(), 3, 3000, seed=1)
    data = {"image": picture(), "label": seven()}
    for passes in (0, 1, 3):
        generator = torch.Generator().manual_seed(2)
        expected = expected_likelihood(model, data, "image", ["label"], 3000, "sum", generator, passes)
        assert float(found.likelihoods[passes]) == pytest.approx(float(expected[0]), rel=0.02)


def test_only_models_without_an_encoder_of_attributes_iterate(checkpoint: Path, tmp_path: Path) -> None:
    assert not Engine.load(checkpoint, "cpu").iterates
    engine = Engine.load(save(tmp_path / "digits.safetensors", "jmvae"), "cpu")
    assert engine.iterates
    code = engine.encode(np.full((8, 8, 3), 128, np.uint8), np.zeros((320, 320, 3), np.uint8))
    made = engine.complete(code, tuple(float(n == 7) for n in range(10)), 3, 2, 0)
    assert made.faces.shape == (4, 8, 8, 3)
    assert np.array_equal(made.faces[2], engine.decode(made.codes[2]).pixels)
    assert len(made.likelihoods) == 4
