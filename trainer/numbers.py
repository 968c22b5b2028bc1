"""Numbers that are none, and memory that is not there: what a step may meet without ending the run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import get_total_norm

IN_A_ROW = 5
"""Batches without a finite update after which a run goes back to its last good state."""
SLOWER = 0.5
"""What the learning rates are multiplied by then."""
ROLLBACKS = 4
"""So often from the same state; then the run gives up."""


class NotFiniteError(Exception):
    """A gradient is infinite or no number; nothing was updated by it."""


def check_finite(gradients: Iterable[Tensor | None]) -> Tensor:
    """See that gradients consist of finite numbers; ask after the mean over all processes, so that all agree.

    Returns:
        Their total norm.

    Raises:
        NotFiniteError: One does not.
    """
    norm = get_total_norm([gradient for gradient in gradients if gradient is not None])
    if not torch.isfinite(norm):
        raise NotFiniteError
    return norm


class Statistics:
    """What batch normalisation gathers as it looks at a batch, so that a bad one can be forgotten."""

    def __init__(self, parts: Sequence[nn.Module]) -> None:
        """Args: ``parts`` are those whose statistics count, on their device."""
        norms = [module for part in parts for module in part.modules() if isinstance(module, _BatchNorm)]
        self.tensors = [
            tensor for norm in norms for tensor in (norm.running_mean, norm.running_var) if tensor is not None
        ]
        self._kept = [tensor.clone() for tensor in self.tensors]

    @torch.no_grad()
    def keep(self) -> None:
        """Remember them as they are."""
        if self.tensors:
            torch._foreach_copy_(self._kept, self.tensors)

    @torch.no_grad()
    def restore(self) -> None:
        """Make them what they were."""
        if self.tensors:
            torch._foreach_copy_(self.tensors, self._kept)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device had not enough memory; PyTorch says so in several ways."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("out of memory" in text or "not enough memory" in text)


def in_chunks(count: int, size: int, work: Callable[[slice], None]) -> None:
    """Call ``work`` for so many rows, ``size`` at a time, or half as many whenever memory does not suffice."""
    first = 0
    while first < count:
        try:
            work(slice(first, min(first + size, count)))
        except (RuntimeError, MemoryError) as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            size //= 2
        else:
            first += size
