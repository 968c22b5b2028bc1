"""Parzen windows on Gaussians that are known."""

import math

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from tests.unit.linear_gaussian import LinearGaussian
from trainer.data.dataset import Dataset
from trainer.errors import ConfigError
from trainer.evaluation import likelihood
from trainer.evaluation.parzen import parzen_log_density, parzen_table


def test_the_density_is_the_mixture_of_its_windows() -> None:
    generator = torch.Generator().manual_seed(0)
    values, samples = torch.randn(6, 5, generator=generator), torch.randn(9, 5, generator=generator)
    found = parzen_log_density(values, samples, [0.3, 2.0])
    for row, sigma in enumerate([0.3, 2.0]):
        windows = Independent(Normal(samples.double(), sigma), 1)
        mixture = MixtureSameFamily(Categorical(torch.ones(9)), windows)
        torch.testing.assert_close(found[row], mixture.log_prob(values.double()))
    own = samples.expand(6, 9, 5).clone()
    torch.testing.assert_close(parzen_log_density(values, own, [0.3, 2.0]), found)


def test_many_windows_find_a_known_gaussian() -> None:
    generator = torch.Generator().manual_seed(1)
    samples, values = torch.randn(20_000, 1, generator=generator), torch.randn(200, 1, generator=generator)
    found = parzen_log_density(values, samples, [0.1])[0]
    smoothed = Normal(0.0, math.sqrt(1 + 0.1**2)).log_prob(values.double())[:, 0]
    assert float((found - smoothed).abs().mean()) < 0.05


class Constant(LinearGaussian):
    """Generates one picture, grey, whatever it is given."""

    def decode_one(self, name, z):  # type: ignore[no-untyped-def]
        gaussian = super().decode_one(name, z)
        return type(gaussian)(torch.full_like(gaussian.mean, 0.5), gaussian.variance)


def grey_pictures(n: int, spread: float) -> Dataset:
    """Pictures of 12 numbers about mid-grey with a deviation of ``spread`` of the full scale."""
    rng = np.random.default_rng(4)
    pixels = (255 * (0.5 + spread * rng.standard_normal((n, 2, 2, 3)))).round().clip(0, 255)
    return Dataset(pixels.astype(np.uint8), np.ones((n, 4), np.int8), tuple("abcd"), np.zeros(n, np.uint8))


def test_validation_finds_the_width_and_its_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    spread = 0.12
    data = grey_pictures(600, spread)
    sigmas = [0.03, 0.06, 0.12, 0.24, 0.48]
    arguments = (Constant(), data, np.arange(300), np.arange(300, 600))
    table = parzen_table(*arguments, samples=7, seed=0, sigmas=sigmas)
    assert table["sigma"] == spread
    assert not table["sigma_at_the_edge"]
    entropy = -12 * 0.5 * math.log(2 * math.pi * math.e * spread**2)
    assert table["value"] == pytest.approx(entropy, abs=5 * table["standard_error"])
    monkeypatch.setattr(likelihood, "BUDGET", 4 * 16 * 19 * 3)  # three samples at a time: chunks of one datum
    parts = parzen_table(*arguments, samples=7, seed=0, sigmas=sigmas)
    assert parts["value"] == pytest.approx(table["value"], rel=1e-6)


def test_pictures_come_from_each_datums_own_attributes() -> None:
    model = LinearGaussian()
    model.image_mean.fill_(0.5)
    model.image_std.fill_(0.08)
    drawn = model.sample(80)
    pixels = model.to_pixels(drawn["image"]).permute(0, 2, 3, 1).numpy()
    attributes = drawn["attributes"].numpy()
    own = Dataset(pixels, attributes, tuple("abcd"), np.zeros(80, np.uint8))
    others = Dataset(pixels, attributes[::-1].copy(), tuple("abcd"), np.zeros(80, np.uint8))
    rows = np.arange(40), np.arange(40, 80)
    a, b = (parzen_table(model, data, *rows, samples=50, seed=1) for data in (own, others))
    assert a == parzen_table(model, own, *rows, samples=50, seed=1)
    assert a["value"] > b["value"]


def test_nothing_to_evaluate_is_refused() -> None:
    with pytest.raises(ConfigError, match="one sample or more"):
        parzen_table(Constant(), grey_pictures(4, 0.1), np.arange(4), np.arange(0), samples=3, seed=0)
