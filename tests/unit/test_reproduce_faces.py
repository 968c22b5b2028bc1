"""The papers' experiments on faces: descriptions, figures, and what small models make of them."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.reproducing import SMALL, bring, leave_run, measured
from trainer.data.loading import load_dataset
from trainer.errors import ConfigError, DataError
from trainer.reproduce import celeba, faces
from trainer.reproduce.catalogue import find_experiment
from trainer.reproduce.experiment import Trained
from trainer.reproduce.photographs import crop_photographs
from trainer.reproduce.report import to_json
from trainer.reproduce.sheets import Placed, caption, plane, sheet

ELEMENT = -0.5 * np.log(2 * np.pi)
"""The highest log-density of a number with unit variance."""
CEILING = 16 * 16 * ELEMENT
"""Of a picture with the mean over the channels; their sum cannot exceed three times that."""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all experiments of this file find each other's runs."""
    return tmp_path_factory.mktemp("work")


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
    assert find_experiment("cmma-likelihood").papers == {
        "CMMA": {"Parzen windows": 9487, "variational bound": 17973},
        "CVAE": {"Parzen windows": 8714, "variational bound": 14356},
        "CGAN": {"Parzen windows": 8320},
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
    assert all(3 * CEILING < value < CEILING for value in to_image.values())  # the mean over the channels
    assert all(value < 40 * ELEMENT for value in to_attributes.values())
    assert result["evaluation"]["pictures"] == 8


def test_bounds_with_gans(tiny_celeba: Path, work: Path) -> None:
    result = bring("celeba-bounds", tiny_celeba, work)
    assert measured(result, "log p(x), single").keys() == {"VAE-GAN", "JMVAE-GAN"}
    assert measured(result, "log p(x|w), multiple").keys() == {"CVAE-GAN", "CMMA-GAN", "JMVAE-GAN"}
    assert all(run["epochs"] == 2 for run in result["runs"])
    for column in ("log p(x), single", "log p(x|w), multiple"):
        assert all(3 * CEILING < value < CEILING for value in measured(result, column).values())


def test_iterations_on_faces(tiny_celeba: Path, work: Path) -> None:
    result = bring("celeba-iterations", tiny_celeba, work)
    values = {row["name"]: [cell["value"] for cell in row["measured"].values()] for row in result["table"]}
    assert len(set(values["JMVAE-kl"])) == 1
    assert len(set(values["JMVAE"])) == len(celeba.ITERATIONS)
    assert all(3 * CEILING < value < CEILING for line in values.values() for value in line)
    names = {run["name"] for run in result["runs"]}
    assert names < {training.name for training in find_experiment("celeba-conditional").trainings}
    shared = {path.name for path in (work / "runs").glob("celeba-jmvae-kl-*epochs*")}
    assert "celeba-jmvae-kl-2epochs-warmup1" in shared


def count_rows(sheet: Path) -> int:
    """How many faces of 88 pixels a sheet of portraits has below one another, with two lines of captions."""
    with Image.open(sheet) as picture:
        return round((picture.height - 40) / 91)


@pytest.fixture(scope="module")
def run(tiny_celeba: Path, work: Path) -> Trained:
    """The JMVAE-kl of the figures, with random weights so large that every input counts."""
    experiment, changes = find_experiment("faces-map"), SMALL | {"cache": work / "cache"}
    leave_run(experiment, celeba.JMVAE_KL, tiny_celeba, work / "runs", changes)
    config = experiment.config(celeba.JMVAE_KL, "quick", tiny_celeba, 0, changes)
    folder = work / "runs" / experiment.run_name(celeba.JMVAE_KL, config)
    made = Trained(celeba.JMVAE_KL, folder, config, load_dataset(config), experiment.efforts["quick"], 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.model.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return made


def test_the_map_of_faces_shows_its_groups(tiny_celeba: Path, work: Path, run: Trained) -> None:
    result = bring("faces-map", tiny_celeba, work)
    assert [picture["file"] for picture in result["pictures"]] == [
        "faces-map-faces.png",
        "faces-map-plane.png",
    ]
    assert result["table"][0]["measured"].keys() == find_experiment("faces-map").columns.keys()
    assert "evaluated on" not in (work / "faces-map" / "faces-map.md").read_text()

    names, base = run.dataset.names, faces.choose_base(run)
    assert all(base[names.index(name)] == -np.sign(value) for name, value in faces.GROUPS)
    face_map = faces.map_faces(run)
    assert list(face_map.means) == ["Base", "Not Male", "Bald", "Smiling", "Eyeglasses", "Not Young"]
    attributes = base.copy()
    attributes[names.index("Male")] = -2
    with torch.no_grad():
        posterior = run.model.encode({"attributes": torch.from_numpy(attributes)[None]})
    np.testing.assert_allclose(face_map.means["Not Male"], posterior.mean[0].numpy(), atol=1e-6)
    deviation = posterior.variance.sqrt()[0].numpy()
    noise = (face_map.codes["Not Male"] - face_map.means["Not Male"]) / deviation
    assert noise.std() == pytest.approx(1, abs=0.03)
    assert np.abs(noise.mean(0)).max() < 5 / np.sqrt(faces.CODES)  # the average face in the middle

    everything = np.concatenate(list(face_map.codes.values()))
    variances = np.linalg.eigvalsh(np.cov(everything, rowvar=False))[::-1]
    np.testing.assert_allclose(face_map.explained, variances[:2] / variances.sum(), rtol=1e-3)
    assert faces.measure_map(run)[faces.EXPLAINED]["value"] == pytest.approx(face_map.explained.sum())
    np.testing.assert_allclose(face_map.axes @ face_map.axes.T, np.eye(2), atol=1e-5)
    codes = face_map.codes["Bald"]
    np.testing.assert_allclose(
        face_map.project(codes).mean(0), face_map.project(codes.mean(0)), rtol=1e-3, atol=1e-4
    )


def test_the_maps_numbers_tell_clouds_apart(run: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((faces.CODES, 2)).astype(np.float32)
    noise -= noise.mean(0)
    places = {"Base": np.float32([0, 0]), "Bald": np.float32([100, 0])}
    codes = {group: place + noise for group, place in places.items()}
    made = faces.FaceMap(
        places, codes, np.zeros(2, np.float32), np.eye(2, dtype=np.float32), np.float32([0.5, 0.25])
    )
    monkeypatch.setattr(faces, "map_faces", lambda run: made)
    values = {name: cell["value"] for name, cell in faces.measure_map(run).items()}
    assert values["variance shown"] == 0.75
    within = float((noise**2).sum(1).mean())
    assert values["between groups"] == pytest.approx(2500 / (2500 + within), rel=1e-4)
    assert values["centre to average face"] == pytest.approx(0, abs=1e-5)
    assert values["arranged alike"] == pytest.approx(1, abs=1e-5)
    places["Bald"] = np.float32([100 + np.sqrt(within), 0])
    assert faces.measure_map(run)["centre to average face"]["value"] == pytest.approx(0.5, abs=1e-4)


def test_a_portrait_is_changed_by_the_papers_rules(run: Trained) -> None:
    pixels = run.dataset.images[3]
    portrait = faces.Portrait(run, pixels)
    np.testing.assert_array_equal(portrait.changed(), pixels)  # nothing asked, nothing changed
    with torch.no_grad():
        image = run.model.standardise(torch.from_numpy(pixels.copy())[None].permute(0, 3, 1, 2))
        wanted = run.model.complete({"image": image}, "attributes").mean.clone()
        before = run.model.complete({"attributes": wanted}, "image").mean
        wanted[0, run.dataset.names.index("Male")] = -2
        after = run.model.complete({"attributes": wanted}, "image").mean
        expected = run.model.to_pixels(image + after - before)[0].permute(1, 2, 0).numpy()
        average = run.model.to_pixels(after)[0].permute(1, 2, 0).numpy()
        same = run.model.to_pixels(run.model.complete({"image": image}, "image").mean)[0].permute(1, 2, 0)
    change = (("Male", -2.0),)
    np.testing.assert_array_equal(portrait.changed(change), expected)
    np.testing.assert_array_equal(portrait.average(change), average)
    np.testing.assert_array_equal(portrait.reconstruction(), same.numpy())
    assert (portrait.random(0, change) != portrait.random(1, change)).any()
    np.testing.assert_array_equal(portrait.random(1, change), portrait.random(1, change))
    assert portrait.lines()[0].startswith("Male ")


def test_portraits_show_the_photographs_given(tiny_celeba: Path, work: Path, photograph: Path) -> None:
    plain = bring("portraits", tiny_celeba, work)
    rows = count_rows(work / "portraits" / plain["pictures"][0]["file"])
    result = bring("portraits", tiny_celeba, work, (photograph,))
    assert "--photo astronaut.jpg" in result["command"]
    assert (rows, count_rows(work / "portraits" / "portraits-portraits.png")) == (4, 1)
    bring("showcase", tiny_celeba, work, (photograph,))
    with pytest.raises(ConfigError, match="leave out --photo"):
        bring("faces-map", tiny_celeba, work, (photograph,))
    empty = work / "empty.png"
    Image.new("RGB", (100, 100), (90, 120, 90)).save(empty)
    with pytest.raises(DataError, match="No face was found in"):
        bring("showcase", tiny_celeba, work, (empty,))


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
    face = Placed(points["b"][0], np.full((5, 5, 3), (1, 2, 3), np.uint8), "b", 11)
    centre = Placed(points["a"][1], np.full((5, 5, 3), (4, 5, 6), np.uint8), "a", 20)
    other = Placed(points["a"][0], centre.pixels, "b", 20)
    content = plane(points, [centre, other], [face], ("x", "y"), side=200)
    pixels = np.asarray(Image.open(io.BytesIO(content)))
    rows, columns = np.nonzero((pixels == (4, 5, 6)).all(2))
    assert columns.min() > 200  # in the legend
    assert len(rows) == 2 * 20 * 20
    assert (pixels[100 - 33, 100 + 66] == (0x1F, 0x77, 0xB4)).all()
    assert (pixels[100 + 33, 100 - 66] == (0xD6, 0x27, 0x28)).all()
    rows, columns = np.nonzero((pixels == (1, 2, 3)).all(2))
    assert (rows.mean(), columns.mean()) == (100, 100)  # the middle of the range
    assert len(rows) == 121
    rows, columns = np.nonzero((pixels == (0x1F, 0x77, 0xB4)).all(2)[:, :199])
    assert (columns.max(), rows.min()) == (100 + 66 + 6, 100 - 33 - 6)  # a large dot, less its outline
    assert rows.max() < 100  # larger is higher


def test_photographs_of_names_alike_are_all_shown(photograph: Path, tmp_path: Path) -> None:
    names = [b"my_photo.jpg", b"my photo.jpg", b"other.jpg", b"odd\xff.jpg"]
    paths = [tmp_path / os.fsdecode(name) for name in names]
    for path in paths:
        shutil.copy(photograph, path)
    found = crop_photographs(paths, 16)
    assert list(found) == ["my_photo", "my photo", "Other", "Odd\\Udcff"]
    assert json.loads(to_json({"command": str(paths[3])}))["command"] == str(paths[3])
