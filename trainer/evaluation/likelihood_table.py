"""Every log-likelihood of a model on a data set, each labelled with how it was estimated."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.data.dataset import Dataset, Progress
from trainer.errors import CapabilityError, ConfigError, DataError
from trainer.evaluation.likelihood import (
    Names,
    expected_likelihood,
    importance_bounds,
    make_generator,
    prior_likelihood,
    rows_at_once,
)
from trainer.models.conditional import ConditionalModel
from trainer.models.interface import JointModel, Reduction

ROWS_AT_ONCE = 256
EXPECTED = "expected log-likelihood (Eq. 5 and 6)"
IMPORTANCE = "importance-weighted bound"
RATIO = "ratio of importance-weighted bounds"
"""Of log p(w | x): log p(x) comes from the same k samples as log p(x, w), since codes of the prior never meet a
whole image. Close to the truth for large k, but no bound."""

Key = tuple[str, str, str]
"""Quantity, estimator, encoder."""


def observations(model: JointModel, dataset: Dataset, rows: npt.NDArray[np.int64]) -> dict[str, Tensor]:
    """The data of ``rows`` as the model wants them, on its device.

    Raises:
        DataError: The data set lacks an attribute that the model knows.
    """
    device = model.image_mean.device
    data = {}
    for modality in model.modalities:
        if modality.kind == "image":
            pixels = torch.from_numpy(np.ascontiguousarray(dataset.images[rows])).to(device)
            data[modality.name] = model.standardise(pixels.permute(0, 3, 1, 2))
            continue
        absent = [name for name in modality.names if name not in dataset.names]
        if absent:
            raise DataError(
                f"The data have no “{absent[0]}”, which the model knows: give it its own data set."
            )
        columns = [dataset.names.index(name) for name in modality.names]
        values = dataset.attributes[rows][:, columns].astype(np.float32)
        data[modality.name] = torch.from_numpy(values).to(device)
    return data


def likelihood_table(
    model: JointModel,
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    k: int,
    channel_reduction: Reduction,
    seed: int,
    samples: int = 10,
    prior_samples: int = 5000,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """All marginal, conditional and joint log-likelihoods that the model can estimate.

    Args:
        model: In evaluation mode.
        dataset: With the model's modalities.
        rows: Which data.
        k: Importance samples per datum.
        channel_reduction: Of images: sum over channels, or their mean as in the papers' code.
        seed: Of all noise. The same seed, rows, device and memory budget give the same numbers.
        samples: Codes of the expected log-likelihood (N).
        prior_samples: Codes that estimate log p(w), which conditional bounds subtract (N_w).
        progress: Told of data done.

    Returns:
        For JSON: the settings; ``results``, each with ``quantity``, ``estimator``, ``encoder`` (``single`` or
        ``multiple``), ``channel_reduction``, ``value`` (mean in nats per datum) and ``standard_error`` of that
        mean over the data; and ``omitted``, what this system cannot estimate and why.

    Raises:
        ConfigError: A number of samples is below one, or ``rows`` are empty.
        DataError: The data set lacks an attribute that the model knows.
    """
    if min(k, samples, prior_samples) < 1:
        raise ConfigError("The numbers of samples for likelihoods must be 1 or more.")
    if len(rows) == 0:
        raise ConfigError("There are no pictures to evaluate likelihoods on.")
    table = _Table(model, k, channel_reduction, seed, samples, prior_samples)
    omitted = table.restrict(observations(model, dataset, rows[:1]))
    values: dict[Key, list[npt.NDArray[np.float64]]] = {}
    at_once = rows_at_once(model, ROWS_AT_ONCE)
    for first in range(0, len(rows), at_once):
        data = observations(model, dataset, rows[first : first + at_once])
        for key, value in table.estimate(data, first).items():
            values.setdefault(key, []).append(value.double().cpu().numpy())
        if progress is not None:
            progress(min(first + at_once, len(rows)), len(rows))
    return {
        "data": len(rows),
        "unit": "nats per datum, images on the model's own scale",
        "channel_reduction": channel_reduction,
        "k": k,
        "samples": samples,
        "prior_samples": prior_samples,
        "seed": seed,
        "results": [
            {
                "quantity": quantity,
                "estimator": estimator,
                "encoder": encoder,
                "channel_reduction": channel_reduction,
                **mean_and_error(np.concatenate(parts)),
            }
            for (quantity, estimator, encoder), parts in values.items()
        ],
        "omitted": omitted,
    }


def mean_and_error(values: npt.NDArray[np.float64]) -> dict[str, float | None]:
    """Mean over the data, ``value``, and the ``standard_error`` of that mean (None of a single datum)."""
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return {"value": float(values.mean()), "standard_error": error}


class _Table:
    """What is estimated for one model, with which settings."""

    def __init__(
        self, model: JointModel, k: int, reduction: Reduction, seed: int, samples: int, prior_samples: int
    ) -> None:
        self.model, self.k, self.reduction, self.seed = model, k, reduction, seed
        self.samples, self.prior_samples = samples, prior_samples
        self.all = tuple(modality.name for modality in model.modalities)
        self.subsets = [s for n in range(1, len(self.all) + 1) for s in combinations(self.all, n)]
        self.targets: list[Names] = self.subsets
        self.pairs = [(target, given) for given in self.subsets for target in self.all if target not in given]
        self.conditions: Names = ()
        if isinstance(model, ConditionalModel):
            self.conditions = tuple(condition.name for condition in model.conditions)
            self.targets = [(model.target.name,)]
            self.pairs = [(model.target.name, self.conditions)]
        self.proposals = [self.all] if self.conditions else list(self.subsets)

    def restrict(self, one: Mapping[str, Tensor]) -> dict[str, str]:
        """Leave out what the model cannot do, found out with ``one`` datum: what, and why."""
        omitted = {}
        for proposal in list(self.proposals):
            try:
                self._bounds(one, proposal, 1, make_generator(self.model, 0))
            except CapabilityError as error:
                omitted[f"bounds by q(z | {', '.join(proposal)})"] = str(error)
                self.proposals.remove(proposal)
        for target, given in list(self.pairs):
            quantity = f"log p({target} | {', '.join(given)})"
            if self.model.adversarial:
                omitted[quantity] = "This system trains no density of what it makes: see Parzen windows."
            elif not self.model.can_complete(given, target):
                omitted[quantity] = f"This system makes no {target} from {', '.join(given)}."
            else:
                continue
            self.pairs.remove((target, given))
        return omitted

    def estimate(self, data: Mapping[str, Tensor], place: int) -> dict[Key, Tensor]:
        """One number per datum for every quantity; ``place`` of the data chooses the noise."""
        found: dict[Key, Tensor] = {}
        bounds = {
            proposal: self._bounds(
                data, proposal, self.k, make_generator(self.model, self.seed, place, 1 + number)
            )
            for number, proposal in enumerate(self.subsets)
            if proposal in self.proposals
        }
        for subset in [] if self.conditions else self.subsets:
            for encoder, proposal in self._encoders(subset):
                if proposal in bounds:
                    found[f"log p({', '.join(subset)})", IMPORTANCE, encoder] = bounds[proposal][subset]
        for number, (target, given) in enumerate(self.pairs):
            quantity = f"log p({target} | {', '.join(given)})"
            generator = make_generator(self.model, self.seed, place, -1 - number)
            found[quantity, EXPECTED, "single"] = expected_likelihood(
                self.model, data, target, given, self.samples, self.reduction, generator
            )
            if self.conditions:
                if self.all in bounds:
                    found[quantity, IMPORTANCE, "multiple"] = bounds[self.all][(target,)]
                continue
            both = tuple(name for name in self.all if name in (*given, target))
            prior = self._prior_likelihood(data, given)
            for encoder, proposal in self._encoders(given):
                if proposal in bounds:
                    known = bounds[proposal][given] if prior is None else prior
                    estimator = RATIO if prior is None else IMPORTANCE
                    found[quantity, estimator, encoder] = bounds[proposal][both] - known
        return found

    def _bounds(
        self, data: Mapping[str, Tensor], proposal: Names, k: int, generator: torch.Generator
    ) -> dict[Names, Tensor]:
        return importance_bounds(
            self.model, data, proposal, self.targets, k, self.reduction, generator, self.conditions
        )

    def _encoders(self, seen: Names) -> list[tuple[str, Names]]:
        """Name of the bound, and what its encoder sees: everything, or ``seen`` alone."""
        if seen == self.all:
            return [("single" if len(self.all) == 1 else "multiple", self.all)]
        return [("multiple", self.all), ("single", seen)]

    def _prior_likelihood(self, data: Mapping[str, Tensor], given: Names) -> Tensor | None:
        """Log p(given) from codes of the prior, which never meet a whole image: then None."""
        if any(self.model.modality(name).kind == "image" for name in given):
            return None
        generator = make_generator(self.model, self.seed)  # the same codes for all data
        return prior_likelihood(self.model, data, given, self.prior_samples, self.reduction, generator)
