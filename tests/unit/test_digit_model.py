"""The digits' model that is shipped: what must hold of a trained one, on digits it never saw and on its own."""

import math
from pathlib import Path

import numpy as np
import torch

from jmvae_studio.resources import shipped_models
from trainer.checkpoint import load_model
from trainer.data.mnist import load_mnist
from trainer.evaluation.attributes import attribute_accuracy
from trainer.evaluation.generation import find_estimate
from trainer.evaluation.likelihood import make_generator, prior_likelihood
from trainer.evaluation.likelihood_table import IMPORTANCE, likelihood_table
from trainer.models.interface import JointModel


def digits() -> JointModel:
    (path,) = (path for path in shipped_models() if path.stem == "digits")
    return load_model(path)[0]


def test_every_digit_is_about_as_likely_as_the_others() -> None:
    model = digits()
    found = prior_likelihood(
        model, {"label": torch.eye(10)}, ["label"], 5000, "sum", make_generator(model, 3)
    )
    assert abs(float(found.logsumexp(0))) < 1e-4  # the same codes for all: the shares sum to one
    torch.testing.assert_close(found, torch.full((10,), -math.log(10)), atol=0.6, rtol=0)


def test_what_it_draws_of_a_label_it_reads_as_that_label() -> None:
    model = digits()
    noise = torch.randn(400, model.latent, generator=torch.Generator().manual_seed(1))
    labels = torch.eye(10).repeat(40, 1)
    drawn = model.complete({"label": labels}, "image", 0.7 * noise).mean
    read = model.complete({"image": (drawn > 0.5).float()}, "label").mean
    assert float((read.argmax(1) == labels.argmax(1)).float().mean()) > 0.85


def test_joint_and_conditional_bounds_differ_by_log_10(data: Path) -> None:
    model, mnist = digits(), load_mnist(data / "mnist")
    rows = mnist.indices("test")[:200]
    table = likelihood_table(model, mnist, rows, 20, "sum", 0)
    joint, conditional = (
        find_estimate(table, quantity, IMPORTANCE, "multiple")
        for quantity in ("log p(image, label)", "log p(image | label)")
    )
    assert joint is not None
    assert conditional is not None
    assert joint["value"] is not None
    assert conditional["value"] is not None
    assert abs(joint["value"] + math.log(10) - conditional["value"]) < 0.15
    assert -105 < joint["value"] < -80
    assert attribute_accuracy(model, mnist, np.asarray(mnist.indices("test")[:2000]))["accuracy"] > 0.95
