"""How well one modality is generated from the others, by each system's own way to do it.

A, Eq. 5 and 6, with the codes that each system generates from: of q(z | given) in JMVAE-kl; of the encoder of all
modalities after iterative sampling in JMVAE and JMVAE-h; of p(z | given) in CVAE and CMMA.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.data.dataset import Dataset
from trainer.errors import ConfigError
from trainer.evaluation.likelihood import codes_at_once, make_generator
from trainer.evaluation.likelihood_table import mean_and_error, observations
from trainer.models.conditional import ConditionalModel
from trainer.models.interface import JointModel
from trainer.models.jmvae import JMVAE
from trainer.objectives import Reduction, log_likelihood

ROWS_AT_ONCE = 500


@torch.no_grad()
def generation_likelihood(
    model: JointModel,
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    target: str,
    samples: int,
    channel_reduction: Reduction,
    seed: int,
    passes: int = 1,
) -> dict[str, float | None]:
    """Mean of log p(target | z) over codes generated from all other modalities (A, Eq. 5 and 6).

    Args:
        model: In evaluation mode.
        dataset: With the model's modalities.
        rows: Which data.
        target: Name of the modality to be generated.
        samples: Codes per datum (N; 10 in the paper). Of JMVAE-h each is one z_2 with one z_1: the paper's N z_1 to
            every z_2 have the same expectation.
        channel_reduction: Of images: sum over channels, or their mean as in the papers' code.
        seed: Of the noise.
        passes: Through the encoder of a JMVAE without one for what is given, from random noise; the others
            need one.

    Returns:
        ``value`` in nats per datum and its ``standard_error`` over the data.

    Raises:
        CapabilityError: The model cannot generate the target.
        ConfigError: There are no data, or a number is below one.
    """
    if min(samples, passes) < 1 or not len(rows):
        raise ConfigError("To evaluate generation takes pictures, one sample and one pass or more.")
    found = []
    for first in range(0, len(rows), ROWS_AT_ONCE):
        data = observations(model, dataset, rows[first : first + ROWS_AT_ONCE])
        given = {name: value for name, value in data.items() if name != target}
        generator = make_generator(model, seed, first)
        total = torch.zeros(len(data[target]), device=data[target].device)
        for _ in range(samples):
            z = generating_code(model, given, passes, generator)
            decoded = model.decode_given(target, z, given)
            total += log_likelihood(decoded, data[target], channel_reduction)
        found.append((total / samples).double().cpu().numpy())
    return mean_and_error(np.concatenate(found))


def generating_code(
    model: JointModel, given: Mapping[str, Tensor], passes: int, generator: torch.Generator
) -> Tensor:
    """One code per datum of ``given``, batch × latent, drawn the way the system generates; see the module."""
    some = next(iter(given.values()))
    noise = torch.randn(len(some), model.latent, generator=generator, device=some.device)
    if isinstance(model, ConditionalModel):
        return model.prior_given(given).sample(noise)
    if isinstance(model, JMVAE) and not model.has_encoder(given):
        # the samples in between come from a generator on the CPU
        seed = int(torch.randint(2**62, (1,), generator=generator, device=some.device))
        filled = model.fill_in(given, passes, "noise", torch.Generator().manual_seed(seed))
        return model.generating_code(filled, noise)
    return model.sample_code(given, noise)


@torch.no_grad()
def conditional_bound(
    model: ConditionalModel,
    dataset: Dataset,
    rows: npt.NDArray[np.int64],
    k: int,
    channel_reduction: Reduction,
    seed: int,
) -> dict[str, float | None]:
    """Importance-weighted bound on log p(target | conditions) of a CVAE or CMMA (I, appendix B).

    log 1/k Σ p(z_i | c) p(t | z_i, c) / q(z_i | t, c) with z_i ~ q(z | t, c).

    Args:
        model: In evaluation mode, with an encoder.
        dataset: With the model's modalities.
        rows: Which data.
        k: Importance samples per datum.
        channel_reduction: Of images: sum over channels, or their mean as in the papers' code.
        seed: Of the noise.

    Returns:
        ``value`` in nats per datum and its ``standard_error`` over the data.
    """
    if k < 1 or not len(rows):
        raise ConfigError("A bound takes pictures, and one importance sample or more.")
    name = model.target.name
    at_once = codes_at_once(model)
    data_at_once = max(1, min(ROWS_AT_ONCE, at_once // min(k, 50)))
    found = []
    for first in range(0, len(rows), data_at_once):
        data = observations(model, dataset, rows[first : first + data_at_once])
        generator = make_generator(model, seed, first)
        given = {condition: data[condition] for condition in model.condition_names}
        posterior, prior = model.encode(data), model.prior_given(given)
        total: Tensor | None = None
        for done in range(0, k, max(1, at_once // len(data[name]))):
            count = min(max(1, at_once // len(data[name])), k - done)
            noise = torch.randn(count, *posterior.mean.shape, generator=generator, device=data[name].device)
            z = posterior.sample(noise)  # samples × batch × latent
            decoded = model.decode_given(name, z.flatten(0, 1), _tile(given, count))
            value = log_likelihood(decoded, _tile(data, count)[name], channel_reduction)
            weights = value.view(*z.shape[:2]) + (prior.log_prob(z) - posterior.log_prob(z)).sum(-1)
            part = weights.logsumexp(0)
            total = part if total is None else torch.logaddexp(total, part)
        assert total is not None
        found.append((total - math.log(k)).double().cpu().numpy())
    return mean_and_error(np.concatenate(found))


def _tile(data: Mapping[str, Tensor], times: int) -> dict[str, Tensor]:
    """The whole batch ``times`` times over."""
    return {name: value.expand(times, *value.shape).flatten(0, 1) for name, value in data.items()}


def find_estimate(
    table: Mapping[str, Any], quantity: str, estimator: str, encoder: str
) -> dict[str, Any] | None:
    """One estimate of a `likelihood_table`; None if the system cannot make it."""
    rows: Sequence[dict[str, Any]] = table["results"]
    wanted = (quantity, estimator, encoder)
    for row in rows:
        if (row["quantity"], row["estimator"], row["encoder"]) == wanted:
            return {"value": row["value"], "standard_error": row["standard_error"]}
    return None
