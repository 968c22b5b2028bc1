"""Laying an edit into a photograph: where it changes, by how much, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmvae_studio.inference.compositing import FEATHER, compose, feather
from trainer.data.face_crop import FaceCrop

PHOTO = np.random.default_rng(0).integers(40, 200, (120, 160, 3), dtype=np.uint8)


def test_nothing_asked_changes_nothing() -> None:
    result = compose(PHOTO, FaceCrop(80, 60, 64, 13), np.zeros((64, 64, 3), np.float32), replaces=False)
    assert np.array_equal(result, PHOTO)


def test_a_difference_is_added_inside_and_fades_to_the_border() -> None:
    crop = FaceCrop(80, 60, 64)
    result = compose(PHOTO, crop, np.full((64, 64, 3), 30.0, np.float32), replaces=False)
    change = result.astype(int) - PHOTO
    assert np.all(change[44:76, 64:96] == 30)
    outside = np.ones(PHOTO.shape[:2], bool)
    outside[28:92, 48:112] = False
    assert np.all(change[outside] == 0)
    assert np.all(np.diff(change[60, 48:62, 0]) >= 0)
    assert change[60, 48, 0] <= 1


def test_colours_replace_the_face() -> None:
    layer = np.empty((64, 64, 3), np.float32)
    layer[:] = (250, 10, 120)
    result = compose(PHOTO, FaceCrop(80, 60, 80), layer, replaces=True)
    assert np.all(result[45:75, 65:95] == (250, 10, 120))
    assert np.array_equal(result[0], PHOTO[0])


def test_a_turned_crop_puts_the_change_where_it_was_cut() -> None:
    photo = np.full((200, 200, 3), 100, np.uint8)
    layer = np.zeros((64, 64, 3), np.float32)
    layer[28:36, 46:54] = 50  # right of the centre in the crop
    result = compose(photo, FaceCrop(100, 100, 128, 90), layer, replaces=False)
    y, x = np.nonzero(result[..., 0] > 120)
    assert abs(x.mean() - 99.5) < 1  # turned clockwise by 90 degrees: right becomes down
    assert abs(y.mean() - 135.5) < 1


@settings(deadline=None, max_examples=40)
@given(x=st.floats(-60, 220), y=st.floats(-60, 180), side=st.floats(8, 300), roll=st.floats(-180, 180))
def test_a_crop_may_lie_anywhere(x: float, y: float, side: float, roll: float) -> None:
    before = PHOTO.copy()
    result = compose(
        PHOTO, FaceCrop(x, y, side, roll), np.full((64, 64, 3), 20.0, np.float32), replaces=False
    )
    assert np.array_equal(PHOTO, before)
    change = result.astype(int) - PHOTO
    assert change.min() >= 0
    assert change.max() <= 20
    rows, columns = np.nonzero(change[..., 0])
    if len(rows):
        reach = side / 2 * np.sqrt(2) + 2
        assert np.hypot(columns + 0.5 - x, rows + 0.5 - y).max() <= reach


def test_the_feather_is_one_inside_and_nothing_at_the_border() -> None:
    weight = feather(100)
    assert weight.shape == (100, 100)
    inner = slice(int(100 * FEATHER) + 1, 100 - int(100 * FEATHER) - 1)
    assert np.all(weight[inner, inner] == 1)
    assert weight[0].max() < 0.01
    assert weight == pytest.approx(weight.T)
    assert weight == pytest.approx(weight[::-1])
