"""What every part trained against a model has in common: optimisers of its own, by name, and their updates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_

from trainer.config import TrainConfig
from trainer.numbers import check_finite

Average = Callable[[Sequence[Tensor | None]], None]
"""Replaces gradients by their mean over all processes."""


def gradient_penalty(realness: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """R1 (Mescheder et al. 2018): half the squared gradient of the realness at real pictures.

    Args:
        realness: Pictures to one logit each.
        image: Batch × channels × height × width.

    Returns:
        The mean over the batch, in float32, differentiable.
    """
    with torch.autocast(image.device.type, enabled=False):
        at = image.float().detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(realness(at).sum(), at, create_graph=True)
    return 0.5 * gradient.square().flatten(1).sum(1).mean()


class Game(nn.Module):
    """Two players and an optimiser for each; a subclass fills ``_optimizers`` once the model has its device."""

    gradient_clip: float | None = None
    """Largest total gradient norm of an update."""
    rate = 1.0
    """What the learning rates are multiplied by."""

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        self._optimizers: dict[str, torch.optim.Adam] = {}
        self._average: Average = lambda gradients: None

    def _update(self, name: str, loss: Tensor) -> None:
        """One step of the optimiser ``name`` on ``loss``; no other parameter gets a gradient.

        Raises:
            NotFiniteError: A gradient is not finite; nothing is updated.
        """
        self._prepare(name, loss)
        self._move(name)

    def _prepare(self, name: str, loss: Tensor) -> None:
        """Give the parameters of the optimiser ``name``, and no other, their gradients of ``loss``.

        Raises:
            NotFiniteError: One is not finite.
        """
        optimizer = self._optimizers[name]
        parameters = list(chain.from_iterable(group["params"] for group in optimizer.param_groups))
        gradients = list(torch.autograd.grad(loss, parameters, allow_unused=True))
        self._average(gradients)
        norm = check_finite(gradients)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        if self.gradient_clip is not None:
            clip_grads_with_norm_(parameters, self.gradient_clip, norm)

    def _move(self, *names: str) -> None:
        """One step of each of these optimisers by the gradients that were prepared."""
        for name in names:
            self._optimizers[name].step()
            self._optimizers[name].zero_grad(set_to_none=True)

    def optimizer_states(self) -> dict[str, Any]:
        """State of the optimisers, for resuming."""
        return {name: optimizer.state_dict() for name, optimizer in self._optimizers.items()}

    def load_optimizers(self, states: Mapping[str, Any]) -> None:
        """Take up what `optimizer_states` gave."""
        for name, state in states.items():
            self._optimizers[name].load_state_dict(state)
