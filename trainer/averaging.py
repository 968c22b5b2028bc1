"""The exponential average of a run's weights: what is validated, drawn and shipped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

EVERY = 4
"""Updates between two moves of the average: each touches all weights, as an update does."""


class AveragedWeights:
    """An exponential moving average of a model's weights and buffers.

    It moves after every `EVERY` updates and at the end of an epoch, by what as many moves towards the newest weights
    would make. When it moves depends on the number of the update alone, so that a resumed run has the same average.

    Args:
        model: On its device.
        decay: Share that is kept at one update, 0…1; smaller over the first ones. With 0 it is the newest weights.
        steps_per_epoch: Updates in an epoch.
    """

    def __init__(self, model: nn.Module, decay: float, steps_per_epoch: int) -> None:
        self.tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self._model, self._decay, self._steps_per_epoch = model, decay, steps_per_epoch

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take up an average that was saved."""
        for name, tensor in self.tensors.items():
            tensor.copy_(tensors[name])

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move towards the weights after update ``step`` (from 1), if it is time."""
        if self._moved(step) != step:
            return
        decay = min(self._decay, step / (9 + step))
        weight = 1 - decay ** (step - self._moved(step - 1))
        current = self._model.state_dict()
        floats = [name for name, tensor in current.items() if tensor.is_floating_point()]
        torch._foreach_lerp_(
            [self.tensors[name] for name in floats], [current[name] for name in floats], weight
        )
        for name in current.keys() - set(floats):
            self.tensors[name].copy_(current[name])

    def _moved(self, step: int) -> int:
        """The last update, up to ``step``, after which it moves; without a memory only where it is wanted."""
        last = step - step % self._steps_per_epoch
        return max(last, step - step % EVERY) if self._decay else last

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model with them, in evaluation mode; afterwards it has its own again."""
        own = {name: tensor.clone() for name, tensor in self._model.state_dict().items()}
        self._model.load_state_dict(self.tensors)
        self._model.eval()
        try:
            yield
        finally:
            self._model.load_state_dict(own)
