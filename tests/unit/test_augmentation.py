"""Random changes of pictures: how many, how much, and the same from the same generator."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.data.augmentation import jitter, soften


def seeded(seed: int = 3) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def noise(count: int = 200) -> Tensor:
    """Pictures that any smoothing changes."""
    return torch.randn(count, 3, 16, 16, generator=seeded(0))


def detail(images: Tensor) -> Tensor:
    """Mean square difference of neighbours, by picture."""
    return (images[..., 1:] - images[..., :-1]).square().mean((1, 2, 3))


def test_softens_the_share_asked_for_and_leaves_the_others_as_they_are() -> None:
    images = noise()
    soft = soften(images, seeded(), 0.3)
    changed = (soft != images).flatten(1).any(1)
    assert 0.2 < float(changed.float().mean()) < 0.4
    assert bool((detail(soft)[changed] < 0.8 * detail(images)[changed]).all())
    assert torch.equal(soften(images, seeded(), 0.0), images)
    assert bool((soften(images, seeded(), 1.0) != images).flatten(1).any(1).all())


def test_softening_keeps_type_brightness_and_repeats_with_its_generator() -> None:
    images = noise().to(torch.bfloat16)
    soft = soften(images, seeded(), 1.0)
    assert soft.dtype == torch.bfloat16
    assert torch.equal(soft, soften(images, seeded(), 1.0))
    flat = torch.full((4, 3, 16, 16), 0.7)
    torch.testing.assert_close(soften(flat, seeded(), 1.0), flat)


def test_jitter_moves_within_its_limits_and_carries_a_gradient() -> None:
    flat = torch.ones(50, 3, 16, 16, requires_grad=True)
    lit = jitter(flat, seeded(), light=0.15)
    levels = lit.detach().mean((1, 2, 3))
    assert float(levels.std()) > 0.02
    assert bool(((levels > 0.7 - 1e-5) & (levels < 1.3 + 1e-5)).all())
    lit.sum().backward()
    assert flat.grad is not None
    assert bool((flat.grad != 0).any())
    still = jitter(flat.detach(), seeded(), shift=0, zoom=0, turn=0, light=0)
    torch.testing.assert_close(still, flat.detach())
