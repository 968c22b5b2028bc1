"""Samples of q(z|w): how they are spread."""

import numpy as np
import pytest

from jmvae_studio.explore.groups import sample


def test_samples_have_the_means_and_variances_of_their_groups() -> None:
    means = np.array([[0, 5], [-3, 1]], np.float32)
    variances = np.array([[1, 0.25], [4, 0.01]], np.float32)
    codes, member = sample(means, variances, 4000, seed=3)
    assert codes.shape == (8000, 2)
    assert np.bincount(member).tolist() == [4000, 4000]
    for number in range(2):
        own = codes[member == number]
        assert own.mean(0) == pytest.approx(means[number], abs=0.12)
        assert own.var(0) == pytest.approx(variances[number], rel=0.1)
    assert 100 < (member[:400] == 0).sum() < 300  # mixed
    again, _ = sample(means, variances, 4000, seed=3)
    assert np.array_equal(codes, again)
