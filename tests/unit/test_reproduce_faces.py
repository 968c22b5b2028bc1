"""The papers' experiments on faces: descriptions, figures, and what small models make of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.unit.reproducing import leave_run, quiet
from trainer.reproduce import celeba
from trainer.reproduce.catalogue import find_experiment
from trainer.reproduce.runner import Request, reproduce
from trainer.reproduce.sheets import caption, plane, sheet

SMALL = {
    "nets": "dense",
    "image_size": 16,
    "hidden": 8,
    "batch_size": 8,
    "limit": 32,
    "device": "cpu",
    "precision": "32-true",
}
"""Of the models in these tests; the convolutional nets would take 64×64 pixels."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all experiments of this file find each other's runs."""
    return tmp_path_factory.mktemp("work")


def bring(name: str, data: Path, work: Path) -> dict[str, Any]:
    """The result of an experiment with random models."""
    experiment = find_experiment(name)
    changes = SMALL | {"cache": work / "cache"}
    for training in experiment.trainings:
        leave_run(experiment, training, data, work / "runs", changes)
    asked = Request("quick", data, work / "runs", work / name, train=False, changes=changes)
    result = reproduce(experiment, asked, quiet)
    assert json.loads((work / name / f"{name}.json").read_text()) == result
    page = (work / name / f"{name}.md").read_text()
    for picture in result["pictures"]:
        assert f"]({picture['file']})" in page
        assert (work / name / picture["file"]).stat().st_size > 500
    for row in result["table"]:
        assert row["measured"].keys() <= experiment.columns.keys()
        assert all(np.isfinite(cell["value"]) for cell in row["measured"].values())
    assert {run["row"] for run in result["runs"]} == {training.row for training in experiment.trainings}
    return result


def measured(result: dict[str, Any], column: str) -> dict[str, float]:
    """Row → value, where there is one."""
    cells = {row["name"]: row["measured"].get(column) for row in result["table"]}
    return {name: cell["value"] for name, cell in cells.items() if cell is not None}


def test_the_papers_figures_are_those_of_the_notes() -> None:
    """By hand from PAPER_NOTES, in its own order."""
    table = find_experiment("celeba-conditional").papers
    order = ("JMVAE", "JMVAE-kl", "JMVAE-h", "CVAE", "CMMA")
    assert [table[row]["image → attributes"] for row in order] == [-43.97, -44.13, -47.61, -44.28, -44.57]
    order = ("JMVAE", "JMVAE-h", "CMMA", "JMVAE-kl", "CVAE")
    assert [table[row]["attributes → image"] for row in order] == [-48763, -7355, -6920, -6852, -6825]
    assert find_experiment("celeba-bounds").papers == {
        "VAE-GAN": {"log p(x), single": -4439},
        "JMVAE-GAN": {
            "log p(x), multiple": -4141,
            "log p(x), single": -4144,
            "log p(x|w), multiple": -4130,
        },
        "CVAE-GAN": {"log p(x|w), multiple": -4152},
        "CMMA-GAN": {"log p(x|w), multiple": -4147},
    }


def test_the_papers_schedules_are_theirs() -> None:
    config = find_experiment("celeba-conditional").config(celeba.JMVAE_KL, "paper", Path("data"), 0, {})
    assert (config.epochs, config.gan_epochs, config.warmup_epochs) == (50, 0, 20)
    assert (config.learning_rate, config.learning_rate_end, config.alpha) == (1e-4, 1e-4, 1.0)
    config = find_experiment("celeba-bounds").config(celeba.JMVAE_GAN, "paper", Path("data"), 0, {})
    assert (config.total_epochs, config.warmup_epochs, config.alpha) == (100, 20, 0.1)
    config = find_experiment("celeba-bounds").config(celeba.JMVAE_GAN, "standard", Path("data"), 0, {})
    assert config.total_epochs == 5
    assert config.gan_epochs > 0


def test_systems_on_faces_are_measured_in_their_directions(tiny_celeba: Path, work: Path) -> None:
    result = bring("celeba-conditional", tiny_celeba, work)
    to_image, to_attributes = (measured(result, column) for column in celeba.DIRECTIONS)
    assert to_image.keys() == to_attributes.keys() == {"CVAE", "CMMA", "JMVAE", "JMVAE-kl", "JMVAE-h"}
    ceiling = -0.5 * np.log(2 * np.pi)
    assert all(value < 16 * 16 * ceiling for value in to_image.values())  # the mean over the channels
    assert all(value > 16 * 16 * 3 * ceiling * 3 for value in to_image.values())
    assert all(value < 40 * ceiling for value in to_attributes.values())
    assert result["evaluation"]["pictures"] == 8


def test_bounds_with_gans(tiny_celeba: Path, work: Path) -> None:
    result = bring("celeba-bounds", tiny_celeba, work)
    assert measured(result, "log p(x), single").keys() == {"VAE-GAN", "JMVAE-GAN"}
    assert measured(result, "log p(x|w), multiple").keys() == {"CVAE-GAN", "CMMA-GAN", "JMVAE-GAN"}
    assert all(run["epochs"] == 2 for run in result["runs"])


def test_iterations_on_faces(tiny_celeba: Path, work: Path) -> None:
    result = bring("celeba-iterations", tiny_celeba, work)
    values = {row["name"]: [cell["value"] for cell in row["measured"].values()] for row in result["table"]}
    assert len(set(values["JMVAE-kl"])) == 1
    assert len(set(values["JMVAE"])) == len(celeba.ITERATIONS)
    names = {run["name"] for run in result["runs"]}
    assert names < {training.name for training in find_experiment("celeba-conditional").trainings}
    shared = {path.name for path in (work / "runs").glob("celeba-jmvae-kl-*epochs*")}
    assert "celeba-jmvae-kl-2epochs-warmup1" in shared


def test_a_sheet_places_faces_and_captions() -> None:
    red, blue = (np.full((8, 8, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    picture = Image.open(io.BytesIO(sheet([[red, None], [["text"], blue]], ("one", "two words"), cell=40)))
    pixels = np.asarray(picture)
    assert (pixels == (255, 0, 0)).all(2).sum() == (pixels == (0, 0, 255)).all(2).sum() == 40 * 40
    rows, columns = np.nonzero((pixels == (0, 0, 255)).all(2))
    assert rows.max() + 4 == picture.height
    assert columns.max() + 4 == picture.width
    assert caption("Blond_Hair") == "Blond Hair"
    assert caption("Male", -2) == "Not Male"


def test_a_plane_keeps_places_and_proportions() -> None:
    points = {"a": np.array([[0.0, 0.0], [4.0, 2.0]]), "b": np.array([[2.0, 1.0]])}
    face = np.full((11, 11, 3), (1, 2, 3), np.uint8)
    pixels = np.asarray(
        Image.open(io.BytesIO(plane(points, [(points["b"][0], face, "b")], ("x", "y"), side=200)))
    )
    rows, columns = np.nonzero((pixels == (1, 2, 3)).all(2))
    assert (rows.mean(), columns.mean()) == (100, 100)  # the middle of the range
    assert len(rows) == 121
    first = np.nonzero((pixels == (0x1F, 0x77, 0xB4)).all(2)[:, :199])
    assert first[0].min() < 100 - 30 < 100 + 30 < first[0].max()  # half as high as wide
    assert first[1].min() < 100 - 60 < 100 + 60 < first[1].max()
