"""The measure of edits and its judge, by value."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.conftest import NAMES
from trainer.cli import app
from trainer.cli_common import to_json
from trainer.data.dataset import Dataset
from trainer.errors import CheckpointError, ConfigError
from trainer.evaluation.edit_report import measure_edits
from trainer.evaluation.edits import EditMeasure, frechet, nearest_neighbour, nothing, regions, sharpness
from trainer.evaluation.judge import Judge, load_judge, save_judge, train_judge


def striped(count: int = 400, noise: float = 10.0) -> Dataset:
    """Pictures on which attribute 0 brightens the upper half, and attribute 1 the middle of the lower."""
    rng = np.random.default_rng(3)
    attributes = rng.choice([-1, 1], (count, 2)).astype(np.int8)
    pixels = np.full((count, 64, 64, 3), 110.0) + rng.normal(0, noise, (count, 64, 64, 3))
    pixels[:, :32] += 40 * attributes[:, 0, None, None, None]
    pixels[:, 32:, 16:48] += 40 * attributes[:, 1, None, None, None]
    partition = np.repeat([0, 1, 2], [count - 160, 80, 80]).astype(np.uint8)
    return Dataset(pixels.clip(0, 255).astype(np.uint8), attributes, ("Bangs", "Smiling"), partition)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return striped()


@pytest.fixture(scope="module")
def judge(data: Dataset) -> Judge:
    found, figures = train_judge(data, 60, 0, lambda *_: None)
    assert figures["accuracy"] > 0.95
    return found.requires_grad_(False)


def paint(pixels: np.ndarray, rows: np.ndarray, column: int, value: float) -> np.ndarray:
    """The true edit: exactly the region of the attribute, and nothing else."""
    painted = pixels.astype(np.float64)
    area = np.s_[:, :32] if column == 0 else np.s_[:, 32:, 16:48]
    painted[area] += 80 * np.sign(value)
    return painted.clip(0, 255).astype(np.uint8)


def test_a_region_is_where_the_attribute_shows(data: Dataset) -> None:
    found = regions(data)
    assert found.shape == (2, 64, 64)
    upper, middle = found
    assert upper[:32].mean() > 0.7
    assert upper[32:].mean() < 0.1
    assert middle[32:, 16:48].mean() > 0.7
    assert middle[:, :16].mean() < 0.1


def test_a_true_edit_is_all_success_and_nothing_is_none(data: Dataset, judge: Judge) -> None:
    measure = EditMeasure(data, judge, count=30)
    outcomes = {}
    for name, method in (("true", paint), ("nothing", nothing())):
        outcomes[name] = measure.measure(method, strengths=(2.0,))["means"]["2"]["all"]
    assert outcomes["true"]["success"] > 0.9
    assert outcomes["true"]["collateral"] < 0.1
    assert outcomes["true"]["drift"] < 12  # the region holds 80 % of the difference: a fifth lies outside it
    assert outcomes["nothing"]["success"] == outcomes["nothing"]["collateral"] == 0
    assert outcomes["nothing"]["drift"] == outcomes["nothing"]["distance"] == 0
    assert outcomes["nothing"]["sharpness"] == pytest.approx(1)


def test_faces_start_on_the_other_side(data: Dataset, judge: Judge) -> None:
    measure = EditMeasure(data, judge, count=10)
    for column in (0, 1):
        for adding in (True, False):
            places = measure.faces(column, adding)
            assert 0 < len(places) <= 10
            assert ((data.attributes[measure.rows[places], column] > 0) != adding).all()
            assert np.array_equal(places, measure.faces(column, adding))


def test_the_nearest_neighbour_has_what_was_asked(data: Dataset, judge: Judge) -> None:
    method = nearest_neighbour(data, judge)
    rows = data.indices("test")[:12]
    swapped = method(data.images[rows], rows, 1, -2.0)
    assert (swapped[:, 40:, 20:44].mean((1, 2, 3)) < 90).all()
    # The other attribute stays as it was labelled.
    bright = swapped[:, :32].mean((1, 2, 3)) > 110
    assert np.array_equal(bright, data.attributes[rows, 0] > 0)


def test_the_frechet_distance_of_known_gaussians() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(0, 1, (40000, 3))
    assert frechet(one, one) == pytest.approx(0, abs=1e-9)
    # N(0, I) and N((3, 0, 0), 4 I): 9 + 3 (1 + 4 - 2·2) = 12.
    other = rng.normal(0, 2, (40000, 3)) + np.array([3, 0, 0])
    assert frechet(one, other) == pytest.approx(12, rel=0.03)


def test_a_figure_that_is_none_is_null_in_json() -> None:
    figures = {"adding": float("nan"), "means": [1.5, float("inf")], "name": "Bald", "faces": 0}
    expected = {"adding": None, "means": [1.5, None], "name": "Bald", "faces": 0}
    assert json.loads(to_json(figures), parse_constant=pytest.fail) == expected


def test_sharpness_falls_with_blur() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), dtype=np.uint8)
    flat = np.full((1, 64, 64, 3), 90, np.uint8)
    values = sharpness(np.concatenate([noise, flat]))
    assert values[0] > 100
    assert values[2] == 0


def test_a_judge_comes_back_as_it_was(data: Dataset, judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "judge.safetensors"
    save_judge(judge, path, {"accuracy": 1.0})
    again = load_judge(path)
    assert again.names == data.names
    pixels = data.images[:8]
    np.testing.assert_allclose(again.read(pixels)[0], judge.read(pixels)[0], atol=0.15)


def test_what_is_no_judge_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x08" + b"\0" * 40)
    for path in (checkpoint, broken, tmp_path / "missing.safetensors"):
        with pytest.raises(CheckpointError, match="is not a judge of edits"):
            load_judge(path)


def test_models_and_baselines_are_measured_side_by_side(
    tiny_celeba: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.manual_seed(0)
    judge = Judge(NAMES).eval().requires_grad_(False)
    sheet = tmp_path / "sheet.png"
    found = measure_edits(
        [checkpoint],
        tiny_celeba,
        judge,
        "test",
        ["latent", "residual"],
        3,
        True,
        True,
        sheet,
        lambda *_: None,
    )
    assert list(found["results"]) == ["random (residual)", "random (latent)", "nothing", "nearest neighbour"]
    assert sheet.stat().st_size > 1000
    assert 0 < found["results"]["random (latent)"]["accuracy"] < 1
    with pytest.raises(ConfigError, match="no mode “sideways”"):
        measure_edits(
            [checkpoint], tiny_celeba, judge, "test", ["sideways"], 3, True, True, None, lambda *_: None
        )


def test_a_models_name_is_printed_as_it_is(
    tiny_celeba: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    model = Path(shutil.copy(checkpoint, tmp_path / "[b].safetensors"))
    options = ("--data", str(tiny_celeba), "--standard", "--no-baselines", "--count", "1")
    said = CliRunner().invoke(app, ["edits", str(model), *options])
    assert said.exit_code == 0, said.exception
    assert "[b] (latent): reads attributes at" in said.stdout


def test_a_page_names_the_command_that_made_it(
    tiny_celeba: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    page, judge = tmp_path / "edits.md", tmp_path / "mine.safetensors"
    torch.manual_seed(0)
    save_judge(Judge(NAMES).eval(), judge, {})
    start = "python -m trainer edits random.safetensors --mode latent --count 1"
    pages = {
        ("--standard", "--no-baselines", "--partition", "validation", "--judge", str(judge)): (
            f"{start} --partition validation --standard --no-baselines --judge mine.safetensors --data CELEBA"
        ),
        (): f"{start} --data CELEBA",
    }
    for options, command in pages.items():
        asked = ("edits", checkpoint, "--data", tiny_celeba, "--count", 1, "--page", page, *options)
        said = CliRunner().invoke(app, [str(part) for part in asked])
        assert said.exit_code == 0, said.exception
        assert f"Made by `{command} --page edits.md`" in page.read_text()
