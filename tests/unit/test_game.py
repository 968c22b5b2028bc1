"""Training against an adversary: what its penalty is, by value."""

from __future__ import annotations

import torch

from trainer.models.game import gradient_penalty


def test_the_penalty_is_half_the_squared_gradient_at_real_pictures() -> None:
    weights = torch.linspace(-1, 2, 12, requires_grad=True)
    images = torch.randn(5, 3, 2, 2)
    penalty = gradient_penalty(lambda image: image.flatten(1) @ weights, images)
    expected = 0.5 * weights.detach().square().sum()
    torch.testing.assert_close(penalty.detach(), expected)
    (gradient,) = torch.autograd.grad(penalty, weights)  # it can be learned from
    torch.testing.assert_close(gradient, weights.detach())


def test_the_penalty_of_a_curved_realness_depends_on_the_pictures() -> None:
    images = torch.randn(50, 3, 2, 2)
    penalty = gradient_penalty(lambda image: image.square().flatten(1).sum(1), images)
    torch.testing.assert_close(penalty.detach(), 2 * images.square().flatten(1).sum(1).mean())
