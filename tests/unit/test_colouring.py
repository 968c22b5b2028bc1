"""The colours of an edit: the guided filter, and the joint model's word in them."""

import pytest
import torch
from torch import Tensor

from trainer.models.colouring import Colouring, _inverse

SIZE = 64


@pytest.fixture(scope="module")
def colouring() -> Colouring:
    return Colouring(SIZE)


@pytest.fixture(scope="module")
def face() -> Tensor:
    """Patches of colour, 8 × 8 pixels each, and a little grain."""
    generator = torch.Generator().manual_seed(0)
    patches = torch.rand(2, 3, 8, 8, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3)
    return 0.95 * patches + 0.05 * torch.rand(2, 3, SIZE, SIZE, generator=generator)


def flat(*colour: float) -> Tensor:
    """A change that is the same everywhere."""
    return torch.tensor(colour)[None, :, None, None].expand(2, 3, SIZE, SIZE)


def chroma(change: Tensor) -> float:
    """How far the channels lie apart, in the mean."""
    return float((change.amax(1) - change.amin(1)).mean())


def test_the_inverse_is_the_inverse() -> None:
    roots = torch.randn(2, 3, 3, 5, 5, generator=torch.Generator().manual_seed(1))
    matrices = torch.einsum("nikhw,njkhw->nijhw", roots, roots)
    dense = matrices.permute(0, 3, 4, 1, 2) + 0.1 * torch.eye(3)
    expected = torch.linalg.inv(dense).permute(0, 3, 4, 1, 2)
    torch.testing.assert_close(_inverse(matrices, 0.1), expected, atol=1e-3, rtol=1e-3)


def test_a_broad_change_follows_the_edges_of_the_guide(colouring: Colouring, face: Tensor) -> None:
    mixing = torch.randn(3, 3, generator=torch.Generator().manual_seed(2))
    change = torch.einsum("ij,njhw->nihw", mixing, face) + 0.2
    found = colouring.broad(change, face)
    assert (found - change).abs().mean() < 0.1 * (change - change.mean((2, 3), keepdim=True)).abs().mean()


def test_what_the_guide_does_not_know_is_no_part_of_it(colouring: Colouring, face: Tensor) -> None:
    noise = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))
    assert colouring.broad(noise, face).square().mean() < 0.1 * noise.square().mean()


def test_every_row_is_coloured_by_itself(colouring: Colouring, face: Tensor) -> None:
    own, joint = torch.randn(2, 2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(4)) * 0.2
    together = colouring(face, own, joint)
    for row in range(2):
        alone = colouring(*(tensor[row : row + 1] for tensor in (face, own, joint)))
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-4)


def test_nothing_stays_nothing(colouring: Colouring, face: Tensor) -> None:
    assert colouring(face, torch.zeros_like(face), flat(0.3, 0.2, 0.1)).abs().max() == 0


@pytest.mark.parametrize("share", [0.5, 1.0, 2.0])
def test_a_change_in_the_joint_models_colours_stays(colouring: Colouring, face: Tensor, share: float) -> None:
    joint = flat(0.2, 0.15, 0.1)
    torch.testing.assert_close(
        colouring(face, share * joint, joint), share * joint.clone(), atol=0.01, rtol=0.02
    )


def test_a_tint_gets_the_joint_models_colour(colouring: Colouring, face: Tensor) -> None:
    tint, lighter = flat(0.3, 0.05, -0.2), flat(0.2, 0.2, 0.2)
    coloured = colouring(face, tint, lighter)
    assert chroma(coloured) < 0.1 * chroma(tint)
    assert 0 < coloured.mean() < 0.3


def test_a_tint_where_the_joint_model_sees_no_change_is_taken_away(
    colouring: Colouring, face: Tensor
) -> None:
    tint = flat(0.2, 0.1, -0.2)
    coloured = colouring(face, tint, torch.zeros_like(face))
    assert chroma(coloured) < 0.1 * chroma(tint)


def test_a_dark_detail_stays_dark(colouring: Colouring, face: Tensor) -> None:
    detail = torch.zeros_like(face)
    detail[:, :, 40:44, 20:44] = -0.4
    coloured = colouring(face, detail, torch.zeros_like(face))
    assert coloured[:, :, 40:44, 20:44].mean() < -0.2
    assert coloured[:, :, :30].abs().max() < 0.05
