"""How well one modality is generated from the others, by each system's own way to do it.

A, Eq. 5 and 6, with the codes that each system generates from: of q(z | given) in JMVAE-kl; of the encoder of all
modalities after iterative sampling in JMVAE and JMVAE-h; of p(z | given) in CVAE and CMMA.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.data.dataset import Dataset
from trainer.errors import ConfigError
from trainer.evaluation.likelihood import (
    expected_likelihood,
    importance_bounds,
    make_generator,
    rows_at_once,
)
from trainer.evaluation.likelihood_table import mean_and_error, observations
from trainer.models.conditional import ConditionalModel
from trainer.models.interface import JointModel
from trainer.objectives import Reduction

ROWS_AT_ONCE = 500


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
    at_once = rows_at_once(model, ROWS_AT_ONCE)
    for first in range(0, len(rows), at_once):
        data = observations(model, dataset, rows[first : first + at_once])
        given = [name for name in data if name != target]
        generator = make_generator(model, seed, first)
        values = expected_likelihood(
            model, data, target, given, samples, channel_reduction, generator, passes=passes
        )
        found.append(values.double().cpu().numpy())
    return mean_and_error(np.concatenate(found))


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
    target = (model.target.name,)
    found = []
    at_once = rows_at_once(model, ROWS_AT_ONCE)
    for first in range(0, len(rows), at_once):
        data = observations(model, dataset, rows[first : first + at_once])
        generator = make_generator(model, seed, first)
        conditions = sorted(model.condition_names)
        bounds = importance_bounds(
            model, data, list(data), [target], k, channel_reduction, generator, conditions
        )
        found.append(bounds[target].double().cpu().numpy())
    return mean_and_error(np.concatenate(found))


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
