"""An update on a model's bound: in pieces where a whole batch takes too much memory, and only if it is finite."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.events import EventLog
from trainer.models.interface import JointModel
from trainer.numbers import Statistics, check_finite, is_out_of_memory
from trainer.optimizers import adam
from trainer.processes import Processes


class BoundStep:
    """Adam or AdaGrad on the bound.

    Args:
        model: On its device.
        config: Of the run.
        processes: Gradients are averaged over them.
        statistics: Of batch normalisation, kept as they were before the batch.
        events: Told when batches are divided (``in-pieces``).
    """

    def __init__(
        self,
        model: JointModel,
        config: TrainConfig,
        processes: Processes,
        statistics: Statistics,
        events: EventLog,
    ) -> None:
        self._model, self._config, self._processes = model, config, processes
        self._statistics, self._events = statistics, events
        self._pieces = 1
        weights = model.parameters()
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
        gradients = [parameter.grad for parameter in self._model.parameters()]
        self._processes.average_gradients(gradients)
        check_finite(gradients)
        if self._config.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._config.gradient_clip)
        self.optimizer.step()
        return terms

    def _gradients(self, data: Mapping[str, Tensor], noise: Tensor, beta: float) -> dict[str, Tensor] | None:
        """Gradients of the bound, summed over the pieces of a batch, and its terms; None if memory did not suffice.

        They are those of the whole batch, but for the statistics of batch normalisation.
        """
        self.optimizer.zero_grad(set_to_none=True)
        size, sums = len(noise), dict[str, Tensor]()
        try:
            for rows in np.array_split(np.arange(size), self._pieces):
                piece = slice(rows[0], rows[-1] + 1)
                with self._processes.fabric.autocast():
                    part = {name: tensor[piece] for name, tensor in data.items()}
                    terms = self._model.terms(part, noise[piece], self._config.channel_reduction)
                terms = {"loss": self._model.loss(terms, self._config.alpha, beta), **terms}
                if self._pieces > 1:
                    terms = {name: term * (len(rows) / size) for name, term in terms.items()}
                terms["loss"].backward()  # type: ignore[no-untyped-call]
                for name, term in terms.items():
                    sums[name] = sums[name] + term.detach() if name in sums else term.detach()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._divide(size, error)
            return None
        return sums

    def _divide(self, size: int, error: Exception) -> None:
        """Let the pieces of a batch be half as large."""
        self._statistics.restore()
        self.optimizer.zero_grad(set_to_none=True)
        if self._processes.device.type == "cuda":
            torch.cuda.empty_cache()
        if size < 4 * self._pieces:  # batch normalisation needs two
            raise TrainerError(
                f"There is not enough memory on {self._processes.device} for a step, not even with "
                f"{size // self._pieces} pictures at a time: choose another device or smaller nets."
            ) from error
        self._pieces *= 2
        self._events.emit("in-pieces", pieces=self._pieces, pictures=size // self._pieces)
