"""One process or many: the device of each, and the means that they take together."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed

from trainer.config import TrainConfig
from trainer.errors import ConfigError


class Processes:
    """This process's device and its place among others, if torchrun started several.

    Args:
        config: ``device``, ``precision`` and ``batch_size`` are used.

    Raises:
        ConfigError: The device cannot be used, or a batch cannot be shared alike.
    """

    def __init__(self, config: TrainConfig) -> None:
        self.fabric = _launch(config)
        self.count, self.rank = self.fabric.world_size, self.fabric.global_rank
        self.device = self.fabric.device
        if config.batch_size % self.count:
            raise ConfigError(
                f"A batch of {config.batch_size} cannot be shared by {self.count} processes alike; "
                "choose a batch_size that can."
            )
        if self.count > 1 and config.batch_size < 2 * self.count:
            raise ConfigError(
                f"A batch of {config.batch_size} leaves each of {self.count} processes one picture, and batch "
                f"normalisation needs two: choose a batch_size of {2 * self.count} or more."
            )

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks."""
        return bool(self.fabric.is_global_zero)

    def share(self, length: int) -> slice:
        """This process's part of a batch of ``length``."""
        return slice(self.rank * length // self.count, (self.rank + 1) * length // self.count)

    def average_gradients(self, gradients: Sequence[Tensor | None]) -> None:
        """Replace gradients, or other numbers, by their mean over all processes, in one exchange of one long vector.

        Unlike DistributedDataParallel's hooks, this also serves the gradients that the GAN takes by itself.
        """
        present = [gradient for gradient in gradients if gradient is not None]
        if self.count == 1 or not present:
            return
        joined = self._mean(torch.cat([gradient.flatten() for gradient in present]))
        first = 0
        for gradient in present:
            gradient.copy_(joined[first : first + gradient.numel()].view_as(gradient))
            first += gradient.numel()

    def average(self, values: dict[str, float]) -> dict[str, float]:
        """Numbers by name, each the mean over all processes."""
        if self.count == 1:
            return values
        means = self._mean(torch.tensor(list(values.values()), device=self.device))
        return dict(zip(values, means.tolist(), strict=True))

    def any(self, asked: bool) -> bool:
        """Whether any process says yes; all get the same answer."""
        if self.count == 1:
            return asked
        return bool(self._mean(torch.tensor(float(asked), device=self.device)) > 0)

    def _mean(self, numbers: Tensor) -> Tensor:
        """Element by element, over all processes."""
        mean = self.fabric.all_reduce(numbers, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean


def _launch(config: TrainConfig) -> Fabric:
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    everywhere = int(os.environ.get("WORLD_SIZE", "1"))
    try:
        fabric = Fabric(
            accelerator=config.device,
            devices=processes,
            num_nodes=everywhere // processes,
            strategy="ddp" if everywhere > 1 else "auto",
            precision=config.precision,
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:  # Lightning's own errors derive from these or from Exception
        raise ConfigError(f"The device “{config.device}” cannot be used here: {error}") from error
    if everywhere > 1:
        atexit.register(_disconnect)
    return fabric


def _disconnect() -> None:
    """Join gloo's threads while there still is an interpreter: one that needs it later aborts the process."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
