"""CMMA's paper (C) on CelebA's attributes, since the scores of LFW's 73 attributes are not distributed with LFW."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trainer.data.dataset import spaced
from trainer.reproduce.celeba import QUICK
from trainer.reproduce.charts import COLOURS, Ellipse, ellipse_charts
from trainer.reproduce.experiment import Budget, Effort, Experiment, Measured, Picture, Trained, Training

if TYPE_CHECKING:
    from trainer.models.distributions import Gaussian
    from trainer.models.interface import JointModel

OWN = {"latent": 500, "target": "image", "warmup_share": 0.0}
LEARNED = {**OWN, "variance": "log-variance"}
PAPER = {"optimizer": "adagrad", "learning_rate": 0.01, "learning_rate_end": 0.01, "ema_decay": 0.0}
"""The paper names no rate."""

CMMA = Training("cmma", "CMMA", "cmma", {**LEARNED, "condition_term": True})
CVAE = Training("cmma-cvae", "CVAE", "cvae", LEARNED)
CGAN = Training("cmma-cgan", "CGAN", "cgan", {**OWN, "gan_gradient_penalty": 10.0}, gan="alone")
"""With a penalty of 1 its discriminator diverged in the fifth epoch."""
CMMA_2D = Training("cmma-2d", "CMMA", "cmma", {**LEARNED, "condition_term": True, "latent": 2})

BOUND, PARZEN = "variational bound", "Parzen windows"
LIKELIHOOD_FIGURES = {
    "CMMA": {PARZEN: 9487.0, BOUND: 17973.0},
    "CVAE": {PARZEN: 8714.0, BOUND: 14356.0},
    "CGAN": {PARZEN: 8320.0},
}
"""C, table 2 (LFW)."""

PRIOR, POSTERIOR, INSIDE = "deviation of p(z|w)", "deviation of q(z|x,w)", "inside"
PRIOR_FIGURES = {"CMMA": {POSTERIOR: 0.04}}
"""C, section 4."""
INDIVIDUALS = 8
"""Drawn in figure 4 (a)."""
WITHIN = 2.0
"""Standard deviations of the prior."""
AT_ONCE = 500
"""Pictures that pass the nets at a time."""


def measure_likelihood(run: Trained) -> Measured:
    """C, table 2: as a density of pixels in 0…1."""
    from trainer.evaluation.generation import conditional_bound
    from trainer.evaluation.parzen import parzen_table
    from trainer.models.conditional import ConditionalModel

    model, rows = run.model, run.rows()
    validation = spaced(run.dataset.indices("validation"), max(1, len(rows) // 2))
    parzen = parzen_table(model, run.dataset, rows, validation, run.effort.k, run.seed)
    found: Measured = {PARZEN: {name: parzen[name] for name in ("value", "standard_error")}}
    if isinstance(model, ConditionalModel) and not model.adversarial:
        bound = conditional_bound(model, run.dataset, rows, 1, "sum", run.seed)
        assert bound["value"] is not None
        found[BOUND] = {**bound, "value": bound["value"] + pixel_scale(model)}
    return found


def pixel_scale(model: JointModel) -> float:
    """What a log-density of standardised pixels gains as one of pixels in 0…1: −Σ log of their deviations."""
    return -float(model.image_std.double().log().sum())


def measure_prior(run: Trained) -> Measured:
    """Widths of p(z|w) and q(z|x,w), and how far the individuals' codes lie inside each other's priors."""
    prior, posterior = _distributions(run)
    means, spread = prior.mean.numpy(), prior.variance.sqrt().numpy()
    codes = posterior.mean.numpy()
    apart = np.square((codes[None] - means[:, None]) / spread[:, None]).sum(2)  # priors × codes
    others = ~np.eye(len(codes), dtype=bool)
    values = {
        PRIOR: spread.mean(),
        POSTERIOR: posterior.variance.sqrt().mean(),
        INSIDE: (apart < WITHIN**2)[others].mean(),
    }
    return {name: {"value": float(value), "standard_error": None} for name, value in values.items()}


def draw_prior(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """C, figure 4."""
    priors, posteriors = _distributions(runs[0])
    means, spreads = priors.mean.numpy(), priors.variance.sqrt().numpy()
    codes, widths = posteriors.mean.numpy(), posteriors.variance.sqrt().numpy()
    count = min(INDIVIDUALS, len(means))
    first = [Ellipse(means[n], spreads[n], COLOURS[n % len(COLOURS)]) for n in range(count)]
    blue, red = COLOURS[0], COLOURS[1]
    second = [Ellipse(means[0], times * spreads[0], blue) for times in (1, 2)]
    second += [Ellipse(codes[n], times * widths[n], red) for n in range(min(3, count)) for times in (1, 2)]
    chart = ellipse_charts(
        {f"p(z|w) of {count} individuals": first, "p(z|w) of one, q(z|x,w) of three": second}
    )
    text = (
        "Codes of two dimensions. Left: p(z|w) of test pictures, one standard deviation. Right: p(z|w) of the first, "
        "one and two deviations (blue), and q(z|x,w) of the first three (red) (C, figure 4)."
    )
    return [Picture("codes.svg", text, chart)]


def _distributions(run: Trained) -> tuple[Gaussian, Gaussian]:
    """The prior p(z|w) and the posterior q(z|x,w) of the test pictures."""
    import torch

    from trainer.evaluation.likelihood_table import observations
    from trainer.models.distributions import Gaussian
    from trainer.numbers import in_chunks

    rows = run.rows()
    found: list[tuple[Gaussian, Gaussian]] = []

    def look(piece: slice) -> None:
        data = observations(run.model, run.dataset, rows[piece])
        found.append((run.model.prior_given({"attributes": data["attributes"]}), run.model.encode(data)))

    with torch.no_grad():
        in_chunks(len(rows), AT_ONCE, look)
    prior, posterior = (
        Gaussian(torch.cat([each.mean for each in part]), torch.cat([each.variance for each in part]))
        for part in zip(*found, strict=True)
    )
    return prior, posterior


def efforts(rows: int | None, k: int = 0) -> dict[Budget, Effort]:
    """``rows`` are those of the standard budget, ``k`` that of all but the quick one."""
    return {
        "quick": replace(QUICK, gan_epochs=2, k=min(k, 4)),
        "standard": Effort(epochs=10, gan_epochs=5, rows=rows, k=k),
        "paper": Effort(epochs=500, gan_epochs=500, k=k, settings=PAPER),
    }


DATA_NOTE = (
    "**On CelebA, not on LFW**: the paper's data are 13,143 faces of LFW with scores of 73 attributes, of which it "
    "trains on 10,000. Its figures stand beside ours for the order of the systems only."
)
NETS_NOTE = (
    "As in the paper: latent 500, the log-variance of the pixels learned, E log q(w|z) in place of log p(w), no "
    "warm-up. The nets are those of Suzuki et al. 2018: the paper's image nets are not given, and its net of "
    "attributes (800 softplus units, two outputs of 500) is not taken. Adam in place of AdaGrad below the budget "
    "*paper*, in the CGAN always. The paper counts iterations, not epochs."
)

EXPERIMENTS = (
    Experiment(
        name="cmma-likelihood",
        title="CMMA, CVAE and CGAN: how likely faces are given their attributes",
        source="Pandey and Dukkipati 2016, table 2",
        shows="How likely faces are given their attributes under CMMA, CVAE and CGAN; CMMA should lead.",
        preset="faces",
        efforts=efforts(400, 100),
        trainings=(CMMA, CVAE, CGAN),
        columns={
            PARZEN: "a Gaussian window on each of k faces generated from a test picture's own attributes; its width is "
            "chosen on half as many validation pictures",
            BOUND: "reconstruction minus KL, one code of q(z|x,w) per picture",
        },
        measure=measure_likelihood,
        papers=LIKELIHOOD_FIGURES,
        notes=(
            DATA_NOTE,
            "Nats per datum as a density of pixels in 0…1, summed over 64×64×3.",
            NETS_NOTE,
            "The CGAN trains half the epochs of the others at the standard budget, each of which takes twice as long. "
            "Its hyperparameters were not searched for; the paper chose them on the validation partition.",
        ),
    ),
    Experiment(
        name="cmma-prior",
        title="CMMA: prior and posterior in two dimensions",
        source="Pandey and Dukkipati 2016, figure 4",
        shows="How much the priors of different people overlap, and how narrow the posteriors inside them are.",
        preset="faces",
        efforts=efforts(200),
        trainings=(CMMA_2D,),
        columns={
            PRIOR: "mean over test pictures and dimensions",
            POSTERIOR: "mean over test pictures and dimensions",
            INSIDE: "share of the other pictures' codes within two deviations of a picture's p(z|w)",
        },
        measure=measure_prior,
        draw=draw_prior,
        papers=PRIOR_FIGURES,
        notes=(
            DATA_NOTE,
            "The paper: priors of different individuals overlap much, and the posteriors of several lie inside the "
            "prior of one.",
            NETS_NOTE.replace("latent 500", "latent 2"),
        ),
    ),
)
