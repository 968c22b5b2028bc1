"""Likelihood estimates against a model whose likelihoods are known."""

import math
from collections.abc import Collection, Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.unit.linear_gaussian import LinearGaussian
from trainer.data.dataset import Dataset
from trainer.errors import CapabilityError, ConfigError, DataError
from trainer.evaluation import likelihood
from trainer.evaluation.likelihood import (
    expected_likelihood,
    importance_bounds,
    make_generator,
    prior_likelihood,
)
from trainer.evaluation.likelihood_table import EXPECTED, IMPORTANCE, RATIO, likelihood_table
from trainer.models.distributions import Gaussian, standard_gaussian
from trainer.models.interface import JointModel, Modality
from trainer.models.networks import Nets
from trainer.objectives import log_likelihood
from trainer.systems import find_system

IMAGE, ATTRIBUTES, BOTH = ("image",), ("attributes",), ("image", "attributes")


def bounds(
    model: LinearGaussian,
    data: Mapping[str, Tensor],
    proposal: tuple[str, ...],
    k: int,
    reduction: str = "sum",
) -> dict[tuple[str, ...], Tensor]:
    targets = [IMAGE, ATTRIBUTES, BOTH]
    return importance_bounds(model, data, proposal, targets, k, reduction, make_generator(model, 5))


def test_the_exact_posterior_gives_the_exact_likelihood() -> None:
    model = LinearGaussian()
    data = model.sample(40)
    for proposal in (IMAGE, ATTRIBUTES, BOTH):
        found = bounds(model, data, proposal, k=1)[proposal]
        torch.testing.assert_close(found, model.log_likelihood(data, *proposal), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("proposal", [IMAGE, ATTRIBUTES, BOTH])
def test_every_encoder_reaches_every_likelihood_as_k_grows(proposal: tuple[str, ...]) -> None:
    model = LinearGaussian(error=0.3)
    data, more = model.sample(8), model.sample(3000, seed=1)
    many, one, ten = (
        bounds(model, data, proposal, 50_000),
        bounds(model, more, proposal, 1),
        bounds(model, more, proposal, 10),
    )
    for target in (IMAGE, ATTRIBUTES, BOTH):
        # the mean, not the largest: a proposal narrower than the target has heavy-tailed weights
        assert float((many[target] - model.log_likelihood(data, *target)).abs().mean()) < 0.1
        exact = float(model.log_likelihood(more, *target).mean())
        assert float(one[target].mean()) < float(ten[target].mean()) - 0.05
        assert float(ten[target].mean()) < exact + 0.02


def test_one_sample_is_the_elbo_in_expectation() -> None:
    model = LinearGaussian(error=0.4)
    one = model.sample(1)
    data = {name: value.expand(60_000, *value.shape[1:]) for name, value in one.items()}
    found = bounds(model, data, BOTH, k=1)[BOTH]
    posterior = model.encode(one)
    elbo = -posterior.kl(standard_gaussian(posterior.mean))
    for name, value in one.items():
        weight, _ = model.maps[name]
        decoded = model.decode_one(name, posterior.mean)
        spread = (weight.square() * posterior.variance).sum()  # of the decoded mean under q
        elbo = elbo + log_likelihood(decoded, value) - 0.5 * spread
    error = float(found.std()) / math.sqrt(len(found))
    assert error < 0.02
    assert abs(float(found.mean() - elbo)) < 4 * error
    assert float(found.mean()) < float(model.log_likelihood(one, *BOTH)) - 0.1


def test_prior_samples_estimate_a_small_modality() -> None:
    model = LinearGaussian()
    data = model.sample(30)
    data["attributes"][7] = data["attributes"][3]  # equal data are computed once
    found = prior_likelihood(model, data, ATTRIBUTES, 50_000, "sum", make_generator(model, 1))
    assert float((found - model.log_likelihood(data, *ATTRIBUTES)).abs().max()) < 0.1
    assert found[7] == found[3]


def test_the_expected_likelihood_is_its_closed_form() -> None:
    model = LinearGaussian(error=0.2)
    data = model.sample(5)
    n = 40_000
    found = expected_likelihood(model, data, "image", ATTRIBUTES, n, "sum", make_generator(model, 2))
    posterior = model.encode({"attributes": data["attributes"]})
    weight, _ = model.maps["image"]
    spread = (weight.square() * posterior.variance[:1]).sum()
    exact = log_likelihood(model.decode_one("image", posterior.mean), data["image"]) - 0.5 * spread
    torch.testing.assert_close(found, exact, rtol=0, atol=0.1)
    conditional = model.log_likelihood(data, *BOTH) - model.log_likelihood(data, *ATTRIBUTES)
    assert float((conditional - exact).mean()) > 0.2  # the mean outside the logarithm costs


MNIST_LIKE = (
    Modality("image", "image", (1, 4, 4), scale="unit"),
    Modality("label", "label", (3,), ("a", "b", "c")),
)
TINY = Nets("dense", hidden=8)


def tiny_system(name: str, **settings: object) -> JointModel:
    """Of dense nets with random weights."""
    torch.manual_seed(4)
    return (
        find_system(name).load_class().build(MNIST_LIKE, {"latent": 3, **TINY.to_json(), **settings}).eval()
    )


def tiny_data(n: int) -> dict[str, Tensor]:
    """One datum, ``n`` times."""
    image = torch.tensor([1.0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1]).view(1, 1, 4, 4)
    label = torch.tensor([[0.0, 1.0, 0.0]])
    return {"image": image.expand(n, 1, 4, 4), "label": label.expand(n, 3)}


@pytest.mark.parametrize("name", ["vae", "jmvae", "jmvae-kl", "jmvae-h", "cvae", "cmma"])
def test_one_sample_is_every_systems_own_elbo_in_expectation(name: str) -> None:
    model = tiny_system(name)
    data = {m.name: tiny_data(5_000)[m.name] for m in model.modalities}
    names = tuple(data)
    target = ("image",) if name in ("vae", "cvae", "cmma") else names
    conditions = ("label",) if name in ("cvae", "cmma") else ()
    found = importance_bounds(model, data, names, [target], 1, "sum", make_generator(model, 1), conditions)[
        target
    ]
    noise = torch.randn(5_000, model.noise_width, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        terms = model.bound(data, noise, "sum").terms
    elbo = -float(terms["kl_prior"] + sum(terms[f"nll_{part}"] for part in target))
    error = float(found.std()) / math.sqrt(len(found))
    assert error < 0.1
    assert abs(float(found.mean()) - elbo) < 6 * error


def test_layers_are_drawn_from_the_top_down() -> None:
    model = tiny_system("jmvae-h")
    data = tiny_data(3)
    found = expected_likelihood(model, data, "image", ("label",), 5_000, "sum", make_generator(model, 3))
    noise = torch.randn(5_000, model.latent, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():  # Eq. 6 by hand: z2 ~ q(z2 | w), z1 ~ p(z1 | z2)
        codes = model.sample_code({"label": data["label"][:1].expand(5_000, 3)}, noise)
        by_hand = log_likelihood(model.decode_one("image", codes), data["image"][:1].expand(5_000, 1, 4, 4))
    torch.testing.assert_close(found, by_hand.mean().expand(3), rtol=0, atol=0.1)
    with pytest.raises(CapabilityError, match="no density of codes given label alone"):
        importance_bounds(model, data, ("label",), [("label",)], 1, "sum", make_generator(model, 3))


def test_a_label_given_by_the_prior_is_a_probability() -> None:
    model = tiny_system("jmvae-kl")
    data = {"label": torch.eye(3)}
    found = prior_likelihood(model, data, ("label",), 4000, "sum", make_generator(model, 1))
    assert float(found.exp().sum()) == pytest.approx(1, abs=1e-4)


def tiny_digits(n: int) -> Dataset:
    rng = np.random.default_rng(1)
    labels = np.eye(3, dtype=np.int8)[rng.integers(0, 3, n)]
    pixels = 255 * rng.integers(0, 2, (n, 4, 4, 1), dtype=np.uint8)
    return Dataset(pixels, labels, ("a", "b", "c"), np.zeros(n, np.uint8), "label")


@pytest.mark.parametrize(
    ("name", "settings", "estimates"),
    [
        ("vae", {}, {("log p(image)", IMPORTANCE, "single")}),
        ("cgan", {}, set()),
        (
            "cvae",
            {"target": "vector"},
            {("log p(label | image)", EXPECTED, "single"), ("log p(label | image)", IMPORTANCE, "multiple")},
        ),
        (
            "jmvae-h",
            {},
            {
                ("log p(image)", IMPORTANCE, "multiple"),
                ("log p(label)", IMPORTANCE, "multiple"),
                ("log p(image, label)", IMPORTANCE, "multiple"),
                ("log p(image | label)", EXPECTED, "single"),
                ("log p(image | label)", IMPORTANCE, "multiple"),
                ("log p(label | image)", EXPECTED, "single"),
                ("log p(label | image)", RATIO, "multiple"),
            },
        ),
    ],
)
def test_every_system_has_the_estimates_it_can(
    name: str, settings: dict[str, object], estimates: set[tuple[str, str, str]]
) -> None:
    model = tiny_system(name, **settings)
    table = likelihood_table(model, tiny_digits(5), np.arange(5), 4, "sum", seed=0, prior_samples=50)
    found = {(r["quantity"], r["estimator"], r["encoder"]): r["value"] for r in table["results"]}
    assert found.keys() == estimates
    assert all(-60 < value < 0 for value in found.values())
    assert bool(table["omitted"]) == (name in ("cgan", "jmvae-h"))


def test_the_channel_mean_divides_images_alone() -> None:
    class Pointed(LinearGaussian):
        def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
            return Gaussian(super().encode(given).mean, torch.tensor(1e-10))

    model = Pointed()
    data = model.sample(4)
    summed, mean = bounds(model, data, BOTH, 1), bounds(model, data, BOTH, 1, "mean")
    image = log_likelihood(model.decode_one("image", model.encode(data).mean), data["image"])
    torch.testing.assert_close(summed[IMAGE] - mean[IMAGE], image * 2 / 3, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(summed[ATTRIBUTES], mean[ATTRIBUTES])
    torch.testing.assert_close(summed[BOTH] - mean[BOTH], image * 2 / 3, rtol=1e-3, atol=1e-3)


def test_chunks_change_nothing_but_the_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LinearGaussian()
    data = model.sample(7)
    whole = bounds(model, data, BOTH, k=50)[BOTH]
    monkeypatch.setattr(likelihood, "BUDGET", 4 * 16 * 19 * 7 * 3)  # three samples of each at a time
    assert likelihood.codes_at_once(model) == 21
    parts = bounds(model, data, BOTH, k=50)[BOTH]
    torch.testing.assert_close(parts, whole, rtol=1e-5, atol=1e-4)  # the exact posterior: no noise is left
    prior = prior_likelihood(model, data, ATTRIBUTES, 5_000, "sum", make_generator(model, 1))
    assert float((prior - model.log_likelihood(data, *ATTRIBUTES)).abs().max()) < 0.2


def dataset(model: LinearGaussian, n: int) -> Dataset:
    rng = np.random.default_rng(0)
    return Dataset(
        rng.integers(0, 256, (n, 2, 2, 3), dtype=np.uint8),
        rng.choice(np.array([-1, 1], np.int8), (n, 4)),
        ("d", "a", "b", "c"),  # not in the model's order
        np.zeros(n, np.uint8),
    )


def test_the_table_names_and_labels_every_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LinearGaussian()
    data = dataset(model, 20)
    rows = np.arange(2, 18)
    monkeypatch.setattr("trainer.evaluation.likelihood_table.ROWS_AT_ONCE", 7)
    table = likelihood_table(model, data, rows, 500, "sum", seed=3, prior_samples=5_000)
    again = likelihood_table(model, data, rows, 500, "sum", seed=3, prior_samples=5_000)
    assert table == again
    assert table["omitted"] == {}
    assert (table["data"], table["k"], table["channel_reduction"]) == (16, 500, "sum")
    values = {(r["quantity"], r["estimator"], r["encoder"]): r["value"] for r in table["results"]}
    assert all(r["channel_reduction"] == "sum" for r in table["results"])
    image = model.standardise(torch.from_numpy(data.images[rows]).permute(0, 3, 1, 2))
    attributes = torch.from_numpy(data.attributes[rows][:, [1, 2, 3, 0]].astype(np.float32))
    exact = {"image": image, "attributes": attributes}
    p_image, p_attributes, p_both = (
        float(model.log_likelihood(exact, *names).mean()) for names in (IMAGE, ATTRIBUTES, BOTH)
    )
    expected = {
        ("log p(image)", IMPORTANCE, "multiple"): p_image,
        ("log p(image)", IMPORTANCE, "single"): p_image,
        ("log p(attributes)", IMPORTANCE, "multiple"): p_attributes,
        ("log p(attributes)", IMPORTANCE, "single"): p_attributes,
        ("log p(image, attributes)", IMPORTANCE, "multiple"): p_both,
        ("log p(image | attributes)", IMPORTANCE, "multiple"): p_both - p_attributes,
        ("log p(image | attributes)", IMPORTANCE, "single"): p_both - p_attributes,
        ("log p(attributes | image)", RATIO, "multiple"): p_both - p_image,
        ("log p(attributes | image)", RATIO, "single"): p_both - p_image,
    }
    assert values.keys() == expected.keys() | {
        ("log p(image | attributes)", EXPECTED, "single"),
        ("log p(attributes | image)", EXPECTED, "single"),
    }
    for key, value in expected.items():
        assert values[key] == pytest.approx(value, abs=0.15), key
    assert values["log p(image | attributes)", EXPECTED, "single"] < p_both - p_attributes


def test_what_a_system_cannot_estimate_is_said() -> None:
    class OneWay(LinearGaussian):
        def encode(self, given: Mapping[str, Tensor]) -> Gaussian:
            if "attributes" not in given:
                raise CapabilityError("This model needs attributes.")
            return super().encode(given)

        def can_complete(self, given: Collection[str], missing: str) -> bool:
            return "attributes" in given

    model = OneWay()
    table = likelihood_table(model, dataset(model, 5), np.arange(5), 2, "mean", seed=0, prior_samples=10)
    assert table["omitted"] == {
        "bounds by q(z | image)": "This model needs attributes.",
        "log p(attributes | image)": "This system makes no attributes from image.",
    }
    found = {(r["quantity"], r["encoder"]) for r in table["results"]}
    assert ("log p(image)", "multiple") in found
    assert ("log p(image)", "single") not in found


def test_mistakes_are_named() -> None:
    model = LinearGaussian()
    data = dataset(model, 4)
    with pytest.raises(ConfigError, match="1 or more"):
        likelihood_table(model, data, np.arange(4), 0, "sum", seed=0)
    with pytest.raises(ConfigError, match="no pictures"):
        likelihood_table(model, data, np.arange(0), 1, "sum", seed=0)
    model.modalities = (model.modalities[0], Modality("attributes", "attributes", (4,), ("a", "b", "c", "e")))
    with pytest.raises(DataError, match="no “e”"):
        likelihood_table(model, data, np.arange(4), 1, "sum", seed=0)
