"""The papers' experiments on MNIST."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.reproduce.charts import line_chart, scatter_charts
from trainer.reproduce.experiment import Budget, Effort, Experiment, Measured, Picture, Trained, Training
from trainer.reproduce.measures import (
    ITERATED,
    JOINT,
    X_MULTIPLE,
    X_SINGLE,
    XW_MULTIPLE,
    XW_SINGLE,
    bounds,
    conditional,
    iterations,
    passes_of,
    png,
)

if TYPE_CHECKING:
    from torch import Tensor

QUICK = Effort(epochs=2, rows=500)
STANDARD = Effort(epochs=100)
PAPER_2016 = Effort(epochs=500, warmup_share=0.4)
PAPER_2018 = Effort(epochs=2000, warmup_share=0.1)
"""N_t = 200 in both papers. Budgets below keep the 2016 paper's share, so that experiments share their runs."""

PASSES = 10
"""Of iterative sampling in JMVAE and JMVAE-h (A)."""
ITERATIONS = (1, 2, 3, 5, 7, 10)

JMVAE = Training("mnist-jmvae", "JMVAE", "jmvae")
JMVAE_H = Training("mnist-jmvae-h", "JMVAE-h", "jmvae-h")
JMVAE_KL = Training("mnist-jmvae-kl-alpha1", "JMVAE-kl", "jmvae-kl", {"alpha": 1.0})
JMVAE_KL_TENTH = Training("mnist-jmvae-kl-alpha0.1", "JMVAE-kl, α = 0.1", "jmvae-kl", {"alpha": 0.1})
JMVAE_KL_HUNDREDTH = Training("mnist-jmvae-kl-alpha0.01", "JMVAE-kl, α = 0.01", "jmvae-kl", {"alpha": 0.01})
VAE = Training("mnist-vae", "VAE", "vae")
CVAE_IMAGE = Training("mnist-cvae-image", "CVAE", "cvae", {"target": "image"})
CVAE_LABEL = Training("mnist-cvae-label", "CVAE", "cvae", {"target": "vector"})
CMMA_IMAGE = Training("mnist-cmma-image", "CMMA", "cmma", {"target": "image"})
CMMA_LABEL = Training("mnist-cmma-label", "CMMA", "cmma", {"target": "vector"})

TO_IMAGE, TO_LABEL = "label → image", "image → label"
DIRECTIONS = {TO_IMAGE: "image", TO_LABEL: "label"}
"""Column → what is generated."""

CONDITIONAL_FIGURES = {
    "CVAE": {TO_IMAGE: -448.8, TO_LABEL: -5.293},
    "CMMA": {TO_IMAGE: -451.1, TO_LABEL: -0.2971},
    "JMVAE": {TO_IMAGE: -977.2, TO_LABEL: -0.2361},
    "JMVAE-kl": {TO_IMAGE: -422.4, TO_LABEL: -0.2628},
    "JMVAE-h": {TO_IMAGE: -552.2, TO_LABEL: -3.589},
}
"""A, table 1, upper half."""

BOUND_FIGURES = {
    "VAE": {X_SINGLE: -86.91},
    "CVAE": {XW_MULTIPLE: -83.80},
    "CMMA": {XW_MULTIPLE: -86.12},
    "JMVAE": {X_MULTIPLE: -86.89, XW_MULTIPLE: -84.64, JOINT: -86.96},
    "JMVAE-kl, α = 0.01": {
        X_MULTIPLE: -86.89,
        X_SINGLE: -86.55,
        XW_MULTIPLE: -84.61,
        XW_SINGLE: -129.6,
        JOINT: -86.94,
    },
    "JMVAE-kl, α = 0.1": {
        X_MULTIPLE: -86.86,
        X_SINGLE: -86.73,
        XW_MULTIPLE: -84.72,
        XW_SINGLE: -126.0,
        JOINT: -86.93,
    },
    "JMVAE-kl": {
        X_MULTIPLE: -89.20,
        X_SINGLE: -89.20,
        XW_MULTIPLE: -86.97,
        XW_SINGLE: -112.7,
        JOINT: -89.28,
    },
}
"""I, tables 1 and 3; JMVAE-kl is the one with α = 1. JMVAE's single rows are left out: see the notes."""


def _efforts(paper: Effort, rows: int | None = None, k: int = 0) -> dict[Budget, Effort]:
    """``rows`` are those of the standard budget, ``k`` that of all but the quick one."""
    return {
        "quick": replace(QUICK, k=min(k, 10)),
        "standard": replace(STANDARD, rows=rows, k=k),
        "paper": replace(paper, k=k),
    }


def measure_conditional(run: Trained) -> Measured:
    """A, Eq. 5 and 6, in every direction that the system has."""
    return conditional(run, DIRECTIONS, PASSES)


def measure_iterations(run: Trained) -> Measured:
    """A, figure 5: log-likelihood of the image after so many passes of iterative sampling."""
    return iterations(run, ITERATIONS)


def draw_iterations(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """A, figures 5 and 4."""
    import torch

    from trainer.evaluation.likelihood import generating_code, make_generator

    lines = {
        row: [(float(n), cell["value"]) for n, cell in cells.items() if cell["value"] is not None]
        for row, cells in measured.items()
    }
    chart = line_chart(lines, "passes of iterative sampling", "log p(x|w), nats per datum")
    pictures = [Picture("likelihood.svg", "Label → image against the passes (A, figure 5).", chart)]
    for run in runs:
        if run.training.system not in ITERATED:
            continue
        rows = []
        with torch.no_grad():
            for passes in ITERATIONS:
                given = {"label": torch.eye(10)}
                z = generating_code(run.model, given, passes, make_generator(run.model, run.seed))
                rows.append(run.model.to_pixels(run.model.decode_given("image", z, given).mean))
        caption = (
            f"{run.training.row}: digits 0 to 9 after {', '.join(map(str, ITERATIONS))} passes (A, figure 4)."
        )
        pictures.append(Picture(f"{run.training.name}.png", caption, png(rows, 2)))
    return pictures


SPREAD = "spread given the label"


def measure_latent(run: Trained) -> Measured:
    """How far codes lie apart when the image is missing, in units of how far they lie apart with it."""
    joint, given = _codes(run)
    ratio = float(given.std(0).mean() / joint.std(0).mean())
    return {SPREAD: {"value": ratio, "standard_error": None}}


def draw_latent(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """A, figure 3."""
    clouds = {run.training.row: _codes(run) for run in runs}
    labels = np.asarray(runs[0].dataset.attributes[runs[0].rows()].argmax(1), np.int64)
    names = runs[0].dataset.names
    frames = {row: np.concatenate(both) for row, both in clouds.items()}  # both figures on one scale
    joint, given = (
        scatter_charts({row: both[n] for row, both in clouds.items()}, labels, names, frames) for n in (0, 1)
    )
    return [
        Picture("joint.svg", "Codes of test digits from q(z|x,w) (A, figure 3, left).", joint),
        Picture("label.svg", "Codes of the same digits from their labels alone (A, figure 3, right).", given),
    ]


def _codes(run: Trained) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Codes N × 2 of the digits that are shown, from image and label and from the label alone; the top layer's."""
    import torch

    from trainer.evaluation.likelihood import generating_code, make_generator
    from trainer.evaluation.likelihood_table import observations

    data = observations(run.model, run.dataset, run.rows())
    generator = make_generator(run.model, run.seed)
    with torch.no_grad():
        noise = torch.randn(len(data["label"]), run.model.latent, generator=generator)
        joint = run.model.sample_code(data, noise)
        given = generating_code(run.model, {"label": data["label"]}, passes_of(run, PASSES), generator)
    return joint[:, -2:].numpy(), given[:, -2:].numpy()


def draw_generated(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """I, figure 7: average digit of every label, and below it digits of random codes of q(z|w)."""
    import torch

    pictures = []
    for run in runs:
        given = {"label": torch.eye(10)}
        generator = torch.Generator().manual_seed(run.seed)
        with torch.no_grad():
            rows = [run.model.complete(given, "image").mean]
            for _ in range(7):
                noise = torch.randn(10, run.model.latent, generator=generator)
                rows.append(run.model.complete(given, "image", noise).mean)
        caption = f"{run.training.row}: p(x|w) from q(z|w) for every digit; the first row from its mean (I, figure 7)."
        content = png([run.model.to_pixels(row) for row in rows], 2)
        pictures.append(Picture(f"{run.training.name}.png", caption, content))
    return pictures


RMSE_MULTIPLE, RMSE_SINGLE = "error, multiple", "error, single"


def measure_reconstructions(run: Trained) -> Measured:
    """Root mean square error of pixels, 0…255, from q(z|x,w) and from q(z|x)."""
    data, multiple, single = _reconstructed(run, len(run.rows()))
    return {
        name: {"value": 255 * float((found - data).square().mean().sqrt()), "standard_error": None}
        for name, found in ((RMSE_MULTIPLE, multiple), (RMSE_SINGLE, single))
    }


def draw_reconstructions(runs: list[Trained], measured: Mapping[str, Measured]) -> list[Picture]:
    """I, figure 6 (a)."""
    pictures = []
    for run in runs:
        rows = [run.model.to_pixels(row) for row in _reconstructed(run, 12)]
        caption = (
            f"{run.training.row}: test digits, reconstructed from q(z|x,w) and from q(z|x) (I, figure 6 a)."
        )
        pictures.append(Picture(f"{run.training.name}.png", caption, png(rows, 2)))
    return pictures


def _reconstructed(run: Trained, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The first test digits; from image and label; from the image alone."""
    import torch

    from trainer.evaluation.likelihood_table import observations

    data = observations(run.model, run.dataset, run.rows()[:count])
    with torch.no_grad():
        multiple = run.model.decode_one("image", run.model.encode(data).mean).mean
        single = run.model.complete({"image": data["image"]}, "image").mean
    return data["image"], multiple, single


def _two_dimensional(training: Training) -> Training:
    name = training.name.replace("mnist-", "mnist-2d-")
    return replace(training, name=name, settings={**training.settings, "latent": 2})


EXPERIMENTS = (
    Experiment(
        name="mnist-conditional",
        title="MNIST: labels from images and images from labels",
        source="Suzuki et al. 2018, table 1, upper half (Eq. 5 and 6)",
        shows="How well each system generates digits from labels and labels from digits, by its own way to "
        "complete what is missing.",
        preset="mnist",
        efforts=_efforts(PAPER_2018),
        trainings=(CVAE_IMAGE, CVAE_LABEL, CMMA_IMAGE, CMMA_LABEL, JMVAE, JMVAE_KL, JMVAE_H),
        columns={
            TO_IMAGE: "mean of log p(x|z) over 10 codes generated from the label, nats per datum",
            TO_LABEL: "mean of log p(w|z) over 10 codes generated from the image, nats per datum",
        },
        measure=measure_conditional,
        papers=CONDITIONAL_FIGURES,
        notes=(
            "The mean stands outside the logarithm: these are no bounds of the other experiment's kind.",
            "JMVAE and JMVAE-h after 10 passes of iterative sampling from random noise. Of JMVAE-h 10 codes, each one "
            "z₂ with one z₁; the paper's 10 z₁ to every z₂ have the same expectation.",
            "The paper trains 2000 epochs with a warm-up of 200. Test images are binarised once.",
        ),
    ),
    Experiment(
        name="mnist-bounds",
        title="MNIST: bounds on the log-likelihoods",
        source="Suzuki et al. 2016, tables 1 and 3",
        shows="How likely test digits are under each system, alone and given their labels, and what α trades.",
        preset="mnist",
        efforts=_efforts(PAPER_2016, 2000, 1000),
        trainings=(VAE, CVAE_IMAGE, CMMA_IMAGE, JMVAE, JMVAE_KL_HUNDREDTH, JMVAE_KL_TENTH, JMVAE_KL),
        columns={
            X_MULTIPLE: "codes from q(z|x,w)",
            X_SINGLE: "codes from q(z|x); in JMVAE from q(z|x,w) with zeros in w's place",
            XW_MULTIPLE: "codes from q(z|x,w); of JMVAE and JMVAE-kl log p(w) from 5000 codes of the prior is "
            "subtracted",
            XW_SINGLE: "codes from q(z|w); in JMVAE with zeros in x's place",
            JOINT: "codes from q(z|x,w)",
        },
        measure=bounds,
        papers=BOUND_FIGURES,
        notes=(
            "Importance-weighted bounds in nats per datum; JMVAE-kl without an α has α = 1.",
            "The paper's single rows of JMVAE (−86.89 and −4838) are no targets and not shown: they fit an encoder "
            "that saw the true modality, and a target of zeros.",
            "The paper trains 500 epochs with a warm-up of 200 and takes all 10,000 test images; it does not say k.",
        ),
    ),
    Experiment(
        name="mnist-latent",
        title="MNIST: codes of two dimensions",
        source="Suzuki et al. 2018, figure 3",
        shows="Whether codes collapse when the image is missing: JMVAE's should, those of JMVAE-h and "
        "JMVAE-kl should not.",
        preset="mnist",
        efforts=_efforts(replace(PAPER_2018, rows=1500), 1500),
        trainings=tuple(map(_two_dimensional, (JMVAE, JMVAE_H, JMVAE_KL))),
        columns={
            SPREAD: "standard deviation of codes drawn from labels alone, over that of codes of image and label"
        },
        measure=measure_latent,
        draw=draw_latent,
        notes=("Of JMVAE-h the top layer. JMVAE and JMVAE-h after 10 passes where the image is missing.",),
    ),
    Experiment(
        name="mnist-iterations",
        title="MNIST: iterative sampling of a missing image",
        source="Suzuki et al. 2018, figures 4 and 5",
        shows="Whether iterative sampling repairs a missing image: in JMVAE-h it should, in JMVAE hardly, "
        "JMVAE-kl needs none.",
        preset="mnist",
        efforts=_efforts(PAPER_2018, 2000),
        trainings=(JMVAE, JMVAE_H, JMVAE_KL),
        columns={str(n): f"label → image after {n} pass{'es' if n > 1 else ''}" for n in ITERATIONS},
        measure=measure_iterations,
        draw=draw_iterations,
        notes=("JMVAE-kl samples once; its row is repeated for comparison.",),
    ),
    Experiment(
        name="mnist-generate",
        title="MNIST: digits from labels",
        source="Suzuki et al. 2016, figure 7",
        shows="Digits from labels by the encoder of labels alone.",
        preset="mnist",
        efforts=_efforts(PAPER_2016),
        trainings=(JMVAE_KL_TENTH,),
        draw=draw_generated,
    ),
    Experiment(
        name="reconstructions",
        title="MNIST: digits reconstructed from one and from both modalities",
        source="Suzuki et al. 2016, figure 6 (a)",
        shows="Whether a digit is reconstructed as well from itself alone as from itself and its label.",
        preset="mnist",
        efforts=_efforts(PAPER_2016),
        trainings=(JMVAE_KL_TENTH,),
        columns={
            RMSE_MULTIPLE: "root mean square of the pixels' difference, 0…255, from q(z|x,w)",
            RMSE_SINGLE: "the same from q(z|x)",
        },
        measure=measure_reconstructions,
        draw=draw_reconstructions,
    ),
)
