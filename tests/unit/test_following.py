"""Where free attributes go once others are known."""

import numpy as np
import pytest
import torch

from jmvae_studio.resources import default_model
from tests.unit.linear_gaussian import ATTRIBUTES, LinearGaussian
from trainer.checkpoint import load_model
from trainer.models.following import _SHARE, Following

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shipped() -> tuple[Following, tuple[str, ...]]:
    model, header = load_model(default_model())
    with torch.inference_mode():
        return Following(model, CPU), header.attribute_names


def test_the_move_is_that_of_the_gaussian_s_conditional_mean() -> None:
    model = LinearGaussian()
    weight = model.maps["attributes"][0].double().numpy()
    covariance = weight @ weight.T
    covariance += 0.01 * covariance.diagonal().mean() * np.eye(ATTRIBUTES)
    read, asked = np.array([0.1, -0.2, 0.0, 0.3]), np.array([0.5, -0.2, 0.4, 0.3])
    known, free = [0, 2], [1, 3]
    move = covariance[np.ix_(free, known)] @ np.linalg.inv(covariance[np.ix_(known, known)])
    expected = read[free] + _SHARE * move @ (asked - read)[known]
    followed = Following(model, CPU)(read.tolist(), asked.tolist(), free)
    assert followed[0] == asked[0]
    assert followed[2] == asked[2]
    assert np.abs(expected - read[free]).min() > 0.02
    assert [followed[index] for index in free] == pytest.approx(expected, abs=0.015)  # 4,000 drawn vectors


def test_nothing_set_nothing_moves_and_what_is_held_holds_back(
    shipped: tuple[Following, tuple[str, ...]],
) -> None:
    following, names = shipped
    read = [0.1 if name == "Male" else -0.3 for name in names]
    every = set(range(len(names)))
    assert following(read, read, every) == tuple(read)
    male, lipstick = names.index("Male"), names.index("Wearing_Lipstick")
    makeup = names.index("Heavy_Makeup")
    asked = list(read)
    asked[male] = -1.0
    alone = following(read, asked, every - {male})[lipstick]
    with_makeup_held = following(read, asked, every - {male, makeup})[lipstick]
    assert read[lipstick] < with_makeup_held < alone


def test_what_follows_stays_where_people_are(shipped: tuple[Following, tuple[str, ...]]) -> None:
    following, names = shipped
    male, blurry = names.index("Male"), names.index("Blurry")
    read = [0.95 if name == "Male" else -0.9 for name in names]
    read[blurry] = -1.4
    every = set(range(len(names)))
    results = []
    for value in (-1.0, -3.0):
        asked = list(read)
        asked[male] = value
        results.append(following(read, asked, every - {male}))
    surely, more = (np.delete(values, male) for values in results)
    assert np.array_equal(surely, more)
    assert results[1][male] == -3.0
    assert surely.max() <= 1
    assert surely.min() >= -1.4
    assert results[0][blurry] >= -1.4
    assert results[0][names.index("Wearing_Lipstick")] > -0.5


def test_the_shipped_model_knows_what_goes_together(shipped: tuple[Following, tuple[str, ...]]) -> None:
    following, names = shipped
    every = set(range(len(names)))
    for asked_for, follows, sign in (
        ("Young", "Gray_Hair", -1),
        ("Male", "Wearing_Lipstick", -1),
        ("Male", "No_Beard", -1),
        ("Smiling", "High_Cheekbones", 1),
        ("Heavy_Makeup", "Attractive", 1),
    ):
        at, other = names.index(asked_for), names.index(follows)
        asked = [0.0] * len(names)
        asked[at] = 1.0
        moved = following([0.0] * len(names), asked, every - {at})[other]
        assert moved * sign > 0.03, (asked_for, follows, moved)


def test_the_shares_of_a_label_give_way_to_one() -> None:
    model, _ = load_model(default_model().with_name("digits.safetensors"))
    with torch.inference_mode():
        following = Following(model, CPU)
    read = [0.1] * 10
    asked = [*read[:9], 1.0]
    followed = following(read, asked, range(9))
    assert followed[9] == 1.0
    assert all(0 <= share < 0.1 for share in followed[:9])
