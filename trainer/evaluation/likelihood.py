"""Log-likelihoods of held-out data under a joint model: expected, and importance-weighted bounds.

All estimates are nats per datum. Many codes of many data are decoded at a time, as many as a memory budget
allows; nothing is looped datum by datum. References: Suzuki et al. 2018 (Eq. 5 and, in its appendix, Eq. 6),
Suzuki et al. 2016 (appendix B), Burda et al. 2015.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from trainer.errors import CapabilityError
from trainer.models.conditional import ConditionalModel
from trainer.models.interface import JointModel, Reduction
from trainer.models.jmvae import JMVAE
from trainer.objectives import log_likelihood

Names = tuple[str, ...]
"""A subset of a model's modalities, in the model's order."""

BUDGET = 48 * 2**20
"""Bytes that the codes decoded at a time may take on a CPU, estimated by `NUMBERS_PER_ELEMENT`: 64 faces at once go
1.6 times as fast as 320, whose maps leave the caches."""
ACCELERATOR_BUDGET = 1024 * 2**20
"""The same on an accelerator, which wants many."""
NUMBERS_PER_ELEMENT = 16
"""Numbers alive for each element of an observation: the nets' widest layers, the parameters, the densities."""


def codes_at_once(model: JointModel) -> int:
    """How many codes may be decoded at a time within the device's budget."""
    return _at_once(model, [modality.name for modality in model.modalities])


def rows_at_once(model: JointModel, most: int) -> int:
    """How many data to measure at a time, up to ``most``: each takes one code or more."""
    return min(most, codes_at_once(model))


def _at_once(model: JointModel, names: Iterable[str]) -> int:
    """How many codes of z may be decoded to the modalities ``names`` at a time."""
    elements = model.latent + sum(math.prod(model.modality(name).shape) for name in names)
    budget = BUDGET if model.image_mean.device.type == "cpu" else ACCELERATOR_BUDGET
    return max(1, budget // (4 * NUMBERS_PER_ELEMENT * elements))


def make_generator(model: JointModel, *seeds: int) -> torch.Generator:
    """Noise on the model's device that depends on ``seeds`` alone."""
    mixed = 0
    for seed in seeds:  # a polynomial in a large odd number: different seeds, different streams
        mixed = (mixed * 6_364_136_223_846_793_005 + seed + 1) % 2**63
    return torch.Generator(model.image_mean.device).manual_seed(mixed)


@torch.no_grad()
def expected_likelihood(
    model: JointModel,
    data: Mapping[str, Tensor],
    target: str,
    given: Sequence[str],
    n: int,
    channel_reduction: Reduction,
    generator: torch.Generator,
    passes: int = 0,
) -> Tensor:
    """Mean of log p(target | z) over ``n`` codes z ~ q(z | given): Suzuki et al. 2018, Eq. 5.

    A lower bound on log ∫ q(z | given) p(target | z) dz; the mean stands outside the logarithm. A model of several
    layers draws n codes of all layers from the top down (Eq. 6, whose n codes z1 for each of n codes z2 have the
    same expectation). A conditional system draws from p(z | given) and decodes p(target | z, given).

    Args:
        model: In evaluation mode.
        data: Every modality that is named, batch × its shape.
        target: The modality to be generated.
        given: The modalities it is generated from.
        n: Number of codes (10 in the paper).
        channel_reduction: Of images: sum over channels, or their mean as in the papers' code.
        generator: Of the noise, on the model's device.
        passes: Of iterative sampling, from random noise, by a JMVAE without an encoder of what is given; with 0
            what is missing is zeros. The other systems need none.

    Returns:
        One number per datum.

    Raises:
        CapabilityError: The model cannot make ``target`` from what is given.
    """
    known = {name: data[name] for name in given}
    conditional = isinstance(model, ConditionalModel)
    value = data[target]
    at_once = max(1, codes_at_once(model) // len(value))
    iterative = passes > 0 and isinstance(model, JMVAE) and not model.has_encoder(known)
    one_by_one = conditional or iterative or not samples_its_posterior(model)
    posterior = None if one_by_one else model.encode(known)
    total = value.new_zeros(len(value))
    for first in range(0, n, at_once):
        count = min(at_once, n - first)
        if posterior is not None:
            codes = posterior.sample(_noise((count, *posterior.mean.shape), value, generator))
        else:
            tiled = {name: _tile(part, count) for name, part in known.items()}
            codes = generating_code(model, tiled, passes, generator).reshape(count, len(value), -1)
        total += _decoded(model, codes, target, value, channel_reduction, known if conditional else None).sum(
            0
        )
    return total / n


def generating_code(
    model: JointModel, given: Mapping[str, Tensor], passes: int, generator: torch.Generator
) -> Tensor:
    """One code per datum of ``given``, batch × latent, drawn the way the system generates.

    Of q(z | given) in JMVAE-kl; of the encoder of all modalities in JMVAE and JMVAE-h, after ``passes`` of
    iterative sampling (see `expected_likelihood`); of p(z | given) in CVAE and CMMA.
    """
    some = next(iter(given.values()))
    noise = torch.randn(len(some), model.latent, generator=generator, device=some.device)
    if isinstance(model, ConditionalModel):
        return model.prior_given(given).sample(noise)
    if passes and isinstance(model, JMVAE) and not model.has_encoder(given):
        # the samples in between come from a generator on the CPU
        seed = int(torch.randint(2**62, (1,), generator=generator, device=some.device))
        filled = model.fill_in(given, passes, "noise", torch.Generator().manual_seed(seed))
        return model.generating_code(filled, noise)
    return model.sample_code(given, noise)


def samples_its_posterior(model: JointModel) -> bool:
    """Whether codes given some modalities come from the Gaussian `JointModel.encode` (JMVAE-h: only given all)."""
    return type(model).sample_code is JointModel.sample_code


@torch.no_grad()
def importance_bounds(
    model: JointModel,
    data: Mapping[str, Tensor],
    proposal: Sequence[str],
    targets: Iterable[Names],
    k: int,
    channel_reduction: Reduction,
    generator: torch.Generator,
    conditions: Sequence[str] = (),
) -> dict[Names, Tensor]:
    """Bounds on log p(target) for several subsets ``target`` of the modalities, from the same codes.

    log 1/k Σ p(z_i) Π p(x_t | z_i) / q(z_i | proposal) with z_i ~ q(z | proposal), t over the target's modalities:
    Suzuki et al. 2016, Eqs. 6 to 10, where ``proposal`` is all modalities for the bound called multiple and
    what is known for the one called single. Its expectation rises with k to the logarithm.

    Args:
        model: In evaluation mode.
        data: Every modality that is named, batch × its shape.
        proposal: The modalities that the encoder sees.
        targets: Subsets of the modalities.
        k: Importance samples per datum.
        channel_reduction: Of images: sum over channels, or their mean as in the papers' code.
        generator: Of the noise, on the model's device.
        conditions: Of a conditional system: then the bounds are those on log p(target | conditions), with
            p(z | conditions) and p(x_t | z, conditions).

    Returns:
        For every target one number per datum.

    Raises:
        CapabilityError: The model has no density q(z | proposal), or no p(z).
    """
    if not samples_its_posterior(model) and len(proposal) < len(model.modalities):
        raise CapabilityError(
            f"{type(model).__name__} has no density of codes given {', '.join(proposal)} alone."
        )
    posterior = model.encode({name: data[name] for name in proposal})
    known = {name: data[name] for name in conditions} or None
    prior = model.prior_given(known) if known else None
    at_once = max(1, codes_at_once(model) // len(posterior.mean))
    targets = list(targets)
    names = tuple(dict.fromkeys(name for target in targets for name in target))
    sums: dict[Names, Tensor] = {}
    for first in range(0, k, at_once):
        noise = _noise((min(at_once, k - first), *posterior.mean.shape), posterior.mean, generator)
        codes = posterior.sample(noise)  # samples × batch × latent
        if prior is None:
            log_prior = model.log_prior(codes.flatten(0, 1)).reshape(codes.shape[:2])
        else:
            log_prior = prior.log_prob(codes).sum(-1)
        log_ratio = log_prior - posterior.log_prob(codes).sum(-1)
        log_p = {name: _decoded(model, codes, name, data[name], channel_reduction, known) for name in names}
        for target in targets:
            log_weights = torch.stack([log_ratio, *(log_p[name] for name in target)]).sum(
                0
            )  # samples × batch
            total = log_weights.logsumexp(0)
            sums[target] = torch.logaddexp(sums[target], total) if target in sums else total
    return {target: total - math.log(k) for target, total in sums.items()}


@torch.no_grad()
def prior_likelihood(
    model: JointModel,
    data: Mapping[str, Tensor],
    names: Sequence[str],
    n: int,
    channel_reduction: Reduction,
    generator: torch.Generator,
) -> Tensor:
    """Log 1/n Σ p(w | z_i) with z_i ~ p(z): Suzuki et al. 2016, appendix B, below Eq. 9.

    For small modalities: that of a whole image would need more samples than there are. The same codes serve
    all data, and equal data (labels) are computed once.

    Args:
        model: In evaluation mode.
        data: Every modality that is named, batch × its shape.
        names: The modalities w.
        n: Number of codes (N_w; 5,000 in the paper's MNIST).
        channel_reduction: Of images: sum over channels, or their mean as in the papers' code.
        generator: Of the noise, on the model's device.

    Returns:
        One number per datum.
    """
    rows = torch.cat([data[name].flatten(1) for name in names], dim=1)
    _, group = torch.unique(rows, dim=0, return_inverse=True)
    one_of_each = torch.empty(int(group.max()) + 1, dtype=torch.long, device=rows.device)
    one_of_each[group] = torch.arange(len(rows), device=rows.device)
    values = {name: data[name][one_of_each] for name in names}
    distinct = len(one_of_each)
    at_once = max(1, _at_once(model, names) // distinct)
    total = rows.new_full((distinct,), -math.inf)
    for first in range(0, n, at_once):
        count = min(at_once, n - first)
        codes = model.sample_prior(_noise((count, model.latent), rows, generator))
        log_p = rows.new_zeros(count, distinct)
        for name in names:
            repeated = _repeat(model.decode_one(name, codes), count, distinct)
            value = _tile(values[name], count)
            log_p += log_likelihood(repeated, value, channel_reduction).reshape(count, distinct)
        total = torch.logaddexp(total, log_p.logsumexp(0))
    return (total - math.log(n))[group]


def _noise(shape: Sequence[int], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(tuple(shape), generator=generator, device=like.device, dtype=like.dtype)


def _decoded(
    model: JointModel,
    codes: Tensor,
    name: str,
    value: Tensor,
    reduction: Reduction,
    known: Mapping[str, Tensor] | None,
) -> Tensor:
    """Log p(value | z, known), samples × batch, for ``codes``, samples × batch × latent."""
    samples, batch = codes.shape[:2]
    flat = codes.flatten(0, 1)
    if known:
        tiled = {condition: _tile(given, samples) for condition, given in known.items()}
        distribution = model.decode_given(name, flat, tiled)
    else:
        distribution = model.decode_one(name, flat)
    return log_likelihood(distribution, _tile(value, samples), reduction).reshape(samples, batch)


def _tile(value: Tensor, times: int) -> Tensor:
    """The whole batch ``times`` times over."""
    return value.expand(times, *value.shape).flatten(0, 1)


def _repeat(distribution: Any, batch: int, times: int) -> Any:
    """Every entry of a batch of distributions ``times`` times in a row.

    Distributions are dataclasses of tensors, batch first; a tensor without a batch (one variance for all) is
    left as it is.
    """
    fields = {field.name: getattr(distribution, field.name) for field in dataclasses.fields(distribution)}
    repeated = {
        name: tensor.repeat_interleave(times, 0)
        for name, tensor in fields.items()
        if tensor.dim() and len(tensor) == batch
    }
    return dataclasses.replace(distribution, **repeated)
