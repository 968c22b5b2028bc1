"""Points inside a line drawn by hand, and what sets them apart."""

import numpy as np
import pytest

from jmvae_studio.explore.selection import inside, shares


def test_the_even_odd_rule_on_a_grid() -> None:
    x, y = np.meshgrid(np.arange(10), np.arange(10))
    points = np.stack([x.ravel(), y.ravel()], 1).astype(np.float32)
    # A square with a corner cut away and a bay: each point is checked by hand-written inequalities.
    outline = np.array([[0.5, 0.5], [8.5, 0.5], [8.5, 8.5], [4.5, 4.5], [0.5, 8.5]], np.float32)
    found = inside(points, outline)
    px, py = points.T
    below_bay = np.where(px < 4.5, py < 8.5 - (px - 0.5), py < px)
    expected = (px > 0.5) & (px < 8.5) & (py > 0.5) & below_bay
    on_edge = (py == px) & (px > 4.5)  # points on a line may go to either side
    assert np.array_equal(found[~on_edge], expected[~on_edge])
    assert 25 < found.sum() < 50


def test_a_line_that_crosses_itself_leaves_out_what_it_goes_around_twice() -> None:
    around_twice = np.array([[0, 0], [4, 0], [4, 4], [0, 4]] * 2, np.float32)
    points = np.array([[1, 1], [2, 3], [9, 9]], np.float32)
    assert inside(points, around_twice[:4]).tolist() == [True, True, False]
    assert not inside(points, around_twice).any()


def test_shares_of_the_chosen_and_of_the_others() -> None:
    values = np.array([[1, -1], [0.2, -0.4], [-1, 1], [0, 1]], np.float32)
    found = shares(values, np.array([True, True, False, False]))
    assert found == pytest.approx(np.array([[1, 0], [0, 1]]))
    assert shares(values, np.array([True, False, True, False])) == pytest.approx(np.array([[0.5, 0.5]] * 2))
    assert shares(values, np.ones(4, bool))[1] == pytest.approx([0, 0])
