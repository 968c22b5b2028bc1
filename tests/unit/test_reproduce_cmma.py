"""CMMA's experiments: what is measured and drawn of small, random models on CelebA's layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from tests.unit.reproducing import SMALL, bring, leave_run, measured
from trainer.data.loading import load_dataset
from trainer.models.distributions import Gaussian
from trainer.reproduce import cmma, cmma_faces
from trainer.reproduce.catalogue import find_experiment
from trainer.reproduce.celeba import CMMA_ATTRIBUTES
from trainer.reproduce.charts import Ellipse, ellipse_charts
from trainer.reproduce.experiment import Trained, Training


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all experiments of this file find each other's runs."""
    return tmp_path_factory.mktemp("work")


def open_run(training: Training, data: Path, work: Path) -> Trained:
    experiment, changes = find_experiment("cmma-edits"), SMALL | {"cache": work / "cache"}
    leave_run(experiment, training, data, work / "runs", changes)
    config = experiment.config(training, "quick", data, 0, changes)
    folder = work / "runs" / experiment.run_name(training, config)
    return Trained(training, folder, config, load_dataset(config), experiment.efforts["quick"], 0)


def test_likelihoods_are_of_pixels_from_0_to_1(tiny_celeba: Path, work: Path) -> None:
    result = bring("cmma-likelihood", tiny_celeba, work)
    assert measured(result, "Parzen windows").keys() == {"CMMA", "CVAE", "CGAN"}
    assert measured(result, "variational bound").keys() == {"CMMA", "CVAE"}
    page = (work / "cmma-likelihood" / "cmma-likelihood.md").read_text()
    assert "On CelebA, not on LFW" in page
    assert "limit=32, latent=500" in page  # what the runs really had

    model = open_run(cmma.CMMA, tiny_celeba, work).model
    torch.manual_seed(0)
    mean, variance, value = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    variance = variance.exp()
    shift, scale = model.image_mean.double(), model.image_std.double()
    as_pixels = torch.distributions.Normal(mean * scale + shift, variance.sqrt() * scale)
    expected = as_pixels.log_prob(value * scale + shift).sum()
    own = Gaussian(mean, variance).log_prob(value).sum()
    assert float(own) + cmma.pixel_scale(model) == pytest.approx(float(expected))


def test_the_paper_schedule_and_the_gan_of_its_own(tiny_celeba: Path) -> None:
    experiment = find_experiment("cmma-likelihood")
    config = experiment.config(cmma.CMMA, "paper", tiny_celeba, 0, {})
    assert (config.epochs, config.optimizer, config.latent, config.warmup_epochs) == (500, "adagrad", 500, 1)
    assert (config.variance, config.condition_term) == ("log-variance", True)
    config = experiment.config(cmma.CGAN, "standard", tiny_celeba, 0, {})
    assert (config.epochs, config.gan_epochs, config.variance) == (5, 0, "fixed")


def test_the_reader_of_edits_is_the_run_of_the_table(tiny_celeba: Path) -> None:
    names = {
        experiment.run_name(
            CMMA_ATTRIBUTES, experiment.config(CMMA_ATTRIBUTES, "standard", tiny_celeba, 0, {})
        )
        for experiment in map(find_experiment, ("cmma-edits", "celeba-conditional"))
    }
    assert names == {"celeba-cmma-attributes-10epochs-warmup4"}


def test_faces_from_attributes_one_at_a_time(tiny_celeba: Path, work: Path) -> None:
    result = bring("cmma-attributes", tiny_celeba, work)
    assert [picture["file"] for picture in result["pictures"]] == [
        f"cmma-attributes-{name}.png" for name in ("cmma", "cmma-cvae", "cmma-cgan")
    ]
    page = (work / "cmma-attributes" / "cmma-attributes.md").read_text()
    assert "- **Mouth Slightly Open**, **Eyeglasses**, **Bushy Eyebrows**" in page  # one meaning, said once
    cells = result["table"][0]["measured"]
    values = [cell["value"] for name, cell in cells.items() if name != "mean"]
    assert cells["mean"]["value"] == pytest.approx(np.mean(values))

    run = open_run(cmma.CMMA, tiny_celeba, work)
    dataset = run.dataset
    train = dataset.attributes[dataset.indices("train")]
    male, young, bald = (dataset.names.index(name) for name in ("Male", "Young", "Bald"))
    alike = train[(train[:, male] == 1) & (train[:, young] == -1)]
    usual = cmma_faces.typical(run, {"Male": 1.0, "Young": -1.0, "Bangs": -1.0})
    assert (usual[male], usual[young], usual[dataset.names.index("Bangs")]) == (1, -1, -1)
    assert usual[bald] == (1 if (alike[:, bald] > 0).sum() * 2 > len(alike) else -1)


class Asked(torch.nn.Module):
    """A judge that sees the red of a picture as a big nose, the green as youth."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names

    def read(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = np.zeros((len(pixels), len(self.names)), np.float32)
        for channel, name in enumerate(("Big_Nose", "Young")):
            share = pixels[..., channel].mean((1, 2)) / 255
            logits[:, self.names.index(name)] = np.log(share / (1 - share))
        return logits, logits


def test_the_rise_is_that_of_the_judges_probability(
    tiny_celeba: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(cmma.CMMA, tiny_celeba, work)
    names = run.dataset.names
    monkeypatch.setattr("trainer.evaluation.judge.load_judge", lambda path: Asked(names))
    columns, seen = [names.index("Big_Nose"), names.index("Young")], []

    def make(wanted: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        seen.append(chosen)
        pixels = np.full((len(wanted), 4, 4, 3), 51, np.uint8)
        pixels[..., :2] = np.where(wanted[:, None, None, columns] > 0, (153, 204), 51)
        return pixels

    found: Any = cmma_faces._rises(run, [("Big_Nose", 1.0), ("Young", -1.0)], make)
    assert found["Big Nose"]["value"] == pytest.approx(0.4)
    assert found["Not Young"]["value"] == pytest.approx(0.6)
    assert found["mean"]["value"] == pytest.approx(0.5)
    labels = run.dataset.attributes[run.rows()]
    assert (seen[0] == (labels[:, columns[0]] < 0)).all()
    assert (seen[2] == (labels[:, columns[1]] > 0)).all()


def test_edits_follow_the_paper(tiny_celeba: Path, work: Path) -> None:
    result = bring("cmma-edits", tiny_celeba, work)
    assert {row["name"]: bool(row["measured"]) for row in result["table"]} == {"CMMA": True, "CVAE": True}
    assert len(result["pictures"]) == 1

    run = open_run(cmma.CMMA, tiny_celeba, work)
    model: Any = run.model
    image = cmma_faces.standardised(model, run.dataset.images[:2])
    own = run.dataset.attributes[:2].astype(np.float32)
    wanted = cmma_faces._set(own, run.dataset.names, (("Eyeglasses", 1.0), ("Young", -1.0)))
    assert (wanted != own).any()
    with torch.no_grad():
        old, new = ({"attributes": torch.from_numpy(values)} for values in (own, wanted))
        z = model.encode({"image": image} | new).mean
        z = z + model.prior_given(new).mean - model.prior_given(old).mean
        expected = model.to_pixels(model.decode_one("image", z).mean).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(cmma_faces.modify(model, image, own, wanted), expected)

    other: Any = open_run(cmma.CVAE, tiny_celeba, work).model
    with torch.no_grad():
        z = other.encode({"image": image} | old).mean
        expected = other.to_pixels(other.decode_given("image", z, new).mean).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(cmma_faces.modify(other, image, own, wanted), expected)
    reader = open_run(CMMA_ATTRIBUTES, tiny_celeba, work)
    assert cmma_faces.measure_edits(reader) == {}
    assert cmma_faces.draw_edits([run], {}) == []  # nobody has read the attributes yet


def test_codes_of_two_dimensions(tiny_celeba: Path, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = bring("cmma-prior", tiny_celeba, work)
    chart = work / "cmma-prior" / result["pictures"][0]["file"]
    ellipses = [e for e in ElementTree.parse(chart).iter() if e.tag.endswith("ellipse")]
    assert len(ellipses) == 8 + 2 + 6
    run = replace(open_run(cmma.CMMA, tiny_celeba, work), training=cmma.CMMA_2D)
    means = torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    prior = Gaussian(means, torch.tensor([4.0, 1.0]).expand(2, 2))
    posterior = Gaussian(torch.tensor([[0.0, 0.0], [7.5, 0.0]]), torch.full((2, 2), 0.25))
    monkeypatch.setattr(cmma, "_distributions", lambda run: (prior, posterior))
    values = {name: cell["value"] for name, cell in cmma.measure_prior(run).items()}
    assert values == {"deviation of p(z|w)": 1.5, "deviation of q(z|x,w)": 0.5, "inside": 0.5}


def test_ellipses_keep_their_proportions() -> None:
    wide = Ellipse(np.float32([0, 0]), np.float32([2, 1]), "#123456")
    svg = ellipse_charts({"a & b": [wide]}).decode()
    assert 'cx="177.0" cy="190.0" rx="152.0" ry="76.0"' in svg
    low, high = (Ellipse(np.float32([0, y]), np.float32([1, 1]), "#123456") for y in (0, 6))
    svg_of_two = ellipse_charts({"two": [low, high]}).decode()
    assert 'cy="304.0" rx="38.0" ry="38.0"' in svg_of_two  # the lower one lies below
    assert 'cy="76.0" rx="38.0" ry="38.0"' in svg_of_two
    assert "a &amp; b" in svg
    assert "-2 … 2 × -1 … 1" in svg
