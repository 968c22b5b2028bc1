"""An update on a model's bound: in pieces where a whole batch takes too much memory, and only if it is finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_

from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.events import EventLog
from trainer.models.interface import JointModel
from trainer.numbers import Statistics, check_finite, is_out_of_memory
from trainer.optimizers import adam
from trainer.processes import Processes

COMPILED_FROM = 2000
"""Updates from which on ``torch_compile`` ``auto`` compiles: compiling takes half a minute and more."""


class BoundStep:
    """Adam or AdaGrad on the bound.

    Args:
        model: On its device.
        config: Of the run.
        processes: Gradients are averaged over them.
        statistics: Of batch normalisation, kept as they were before the batch.
        events: Told when batches are divided (``in-pieces``), and when the bound cannot be compiled
            (``not-compiled``).
        updates: How many the run will take; compiling a short one does not pay.
    """

    def __init__(
        self,
        model: JointModel,
        config: TrainConfig,
        processes: Processes,
        statistics: Statistics,
        events: EventLog,
        updates: int,
    ) -> None:
        self._model, self._config, self._processes = model, config, processes
        self._statistics, self._events = statistics, events
        self._pieces = 1
        self._compiled: Callable[..., Mapping[str, Tensor]] | None = None
        if pays_to_compile(config, processes.device, updates):
            self._compiled = torch.compile(model.terms, dynamic=False)
        self._weights = weights = list(model.parameters())
        self.optimizer: torch.optim.Optimizer
        if config.optimizer == "adagrad":
            self.optimizer = torch.optim.Adagrad(weights, lr=config.learning_rate)
        else:
            self.optimizer = adam(weights, config.learning_rate, epsilon=config.adam_epsilon)

    def take(self, data: Mapping[str, Tensor], noise: Tensor, beta: float, rate: float) -> dict[str, Tensor]:
        """One update.

        Args:
            data: This process's share of a batch, by modality.
            noise: Of the codes, one row a datum.
            beta: Weight of the prior's KL term.
            rate: Learning rate.

        Returns:
            The detached terms, and their ``loss``.

        Raises:
            NotFiniteError: A gradient is not finite; nothing is updated.
            TrainerError: There is not enough memory, not even for two pictures at a time.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        terms = self._gradients(data, noise, beta)
        while terms is None:
            terms = self._gradients(data, noise, beta)
        gradients = [weight.grad for weight in self._weights]
        self._processes.average_gradients(gradients)
        norm = check_finite(gradients)
        if self._config.gradient_clip is not None:
            clip_grads_with_norm_(self._weights, self._config.gradient_clip, norm)
        self.optimizer.step()
        return terms

    def _gradients(self, data: Mapping[str, Tensor], noise: Tensor, beta: float) -> dict[str, Tensor] | None:
        """Gradients of the bound, summed over the pieces of a batch, and its terms; None if it must be tried otherwise.

        They are those of the whole batch, but for the statistics of batch normalisation.
        """
        size, sums = len(noise), dict[str, Tensor]()
        try:
            for rows in np.array_split(np.arange(size), self._pieces):
                piece = slice(rows[0], rows[-1] + 1)
                with self._processes.fabric.autocast():
                    part = {name: tensor[piece] for name, tensor in data.items()}
                    bound = self._compiled or self._model.terms
                    terms = bound(part, noise[piece], self._config.channel_reduction)
                terms = {"loss": self._model.loss(terms, self._config.alpha, beta), **terms}
                if self._pieces > 1:
                    terms = {name: term * (len(rows) / size) for name, term in terms.items()}
                if rows[0] == 0:  # so late that their memory, still at hand, is taken by the new ones
                    self.optimizer.zero_grad(set_to_none=True)
                terms["loss"].backward()  # type: ignore[no-untyped-call]
                for name, term in terms.items():
                    sums[name] = sums[name] + term.detach() if name in sums else term.detach()
        except (RuntimeError, MemoryError) as error:
            self._statistics.restore()
            self.optimizer.zero_grad(set_to_none=True)
            if is_out_of_memory(error):
                self._divide(size, error)
            elif self._compiled is not None and isinstance(error, torch._dynamo.exc.TorchDynamoException):
                self._compiled = None
                self._events.emit("not-compiled", message=str(error).strip().partition("\n")[0])
            else:
                raise
            return None
        return sums

    def _divide(self, size: int, error: Exception) -> None:
        """Let the pieces of a batch be half as large."""
        if self._processes.device.type == "cuda":
            torch.cuda.empty_cache()
        if size < 4 * self._pieces:  # batch normalisation needs two
            raise TrainerError(
                f"There is not enough memory on {self._processes.device} for a step, not even with "
                f"{size // self._pieces} pictures at a time: choose another device or smaller nets."
            ) from error
        self._pieces *= 2
        self._events.emit("in-pieces", pieces=self._pieces, pictures=size // self._pieces)


def pays_to_compile(config: TrainConfig, device: torch.device, updates: int) -> bool:
    """Whether the bound is compiled: as ``torch_compile`` says; if it leaves the choice, in long runs on CUDA.

    On a CPU the convolutions and matrix products, which compiling leaves as they are, take nearly all of a step.
    """
    if config.torch_compile == "auto":
        return device.type == "cuda" and updates >= COMPILED_FROM
    return config.torch_compile == "yes"
