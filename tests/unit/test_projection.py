"""Principal components against closed forms, and the way back from the plane."""

import numpy as np
import pytest

from jmvae_studio.explore.projection import ROWS_AT_ONCE, fit


def test_axes_and_variances_are_those_the_codes_were_made_with() -> None:
    # Columns of a Hadamard matrix are orthogonal with mean 0: the covariance is exactly diagonal before the turn.
    hadamard = np.array([[1.0]])
    for _ in range(3):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    deviations = np.array([3.0, 2.0, 0.5])
    codes = (hadamard[:, 1:4] * deviations) @ turn.T + [5.0, -1.0, 2.0]
    found = fit(codes.astype(np.float32))
    assert found is not None
    assert found.mean == pytest.approx([5, -1, 2], abs=1e-6)
    assert found.variances == pytest.approx(deviations**2 * 8 / 7, rel=1e-5)
    assert found.shares == pytest.approx(np.array([9, 4, 0.25]) / 13.25, rel=1e-5)
    assert np.abs(found.axes @ turn) == pytest.approx(np.eye(3), abs=1e-5)
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in found.axes)


def test_blocks_make_no_difference() -> None:
    codes = np.random.default_rng(1).normal(3, 2, (ROWS_AT_ONCE + 77, 4)).astype(np.float32)
    found = fit(codes)
    assert found is not None
    values = np.linalg.eigvalsh(np.cov(codes.T.astype(np.float64)))[::-1]
    assert found.variances == pytest.approx(values, rel=1e-6)
    assert found.project(codes).var(0, ddof=1) == pytest.approx(values[:2], rel=1e-4)


def test_a_code_of_two_dimensions_keeps_its_own_axes() -> None:
    codes = np.array([[1, 2], [3, -1], [0.5, 7]], np.float32)
    found = fit(codes)
    assert found is not None
    assert found.own
    assert np.array_equal(found.project(codes), codes)


def test_there_and_back_keeps_what_the_plane_leaves_out() -> None:
    rng = np.random.default_rng(2)
    codes = (rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6)) + 4).astype(np.float32)
    found = fit(codes)
    assert found is not None
    for axes in ((0, 1), (3, 1)):
        here = found.project(codes[:1], axes)[0].tolist()
        assert found.moved(codes[0], (here[0], here[1]), axes) == pytest.approx(codes[0], abs=1e-5)
        moved = found.moved(codes[0], (1.5, -2.5), axes)
        assert found.project(moved[None], axes)[0] == pytest.approx([1.5, -2.5], abs=1e-5)
        others = [axis for axis in range(6) if axis not in axes]
        rest = found.axes[others]
        assert rest @ moved == pytest.approx(rest @ codes[0], abs=1e-4)


def test_an_ellipse_holds_its_share_of_the_posterior() -> None:
    rng = np.random.default_rng(4)
    codes = (rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5))).astype(np.float32)
    found = fit(codes)
    assert found is not None
    mean = rng.normal(size=5).astype(np.float32)
    variance = np.array([4, 0.1, 1, 2, 0.5], np.float32)
    outline = found.ellipse(mean, variance, inside=0.68)
    assert outline[0] == pytest.approx(outline[-1], abs=1e-5)
    # Every corner lies at the same Mahalanobis distance of the projected Gaussian, r² = -2 ln 0.32.
    plane = found.axes[:2]
    inverse = np.linalg.inv(plane @ np.diag(variance.astype(float)) @ plane.T)
    away = outline - found.project(mean[None])
    assert np.einsum("ni,ij,nj->n", away, inverse, away) == pytest.approx(-2 * np.log(0.32), rel=1e-3)
    samples = (mean + np.sqrt(variance) * rng.normal(size=(20_000, 5))).astype(np.float32)
    distance = found.project(samples) - found.project(mean[None])
    inside = np.einsum("ni,ij,nj->n", distance, inverse, distance) < -2 * np.log(0.32)
    assert inside.mean() == pytest.approx(0.68, abs=0.02)


def test_a_fit_can_be_cancelled_and_needs_two_codes() -> None:
    assert fit(np.ones((5, 3), np.float32), lambda: True) is None
    with pytest.raises(ValueError, match="at least two"):
        fit(np.ones((1, 3), np.float32))


def test_codes_that_are_all_the_same_explain_nothing() -> None:
    found = fit(np.full((9, 3), 2, np.float32))
    assert found is not None
    assert found.shares.tolist() == [0, 0, 0]
