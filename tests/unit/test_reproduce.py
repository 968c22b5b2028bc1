"""The papers' experiments: descriptions that hold, tables of tiny runs, unfinished rows, and their pages."""

import json
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.reproducing import leave_run, quiet
from trainer.data.dataset import spaced
from trainer.errors import ConfigError, TrainerError
from trainer.evaluation.generation import conditional_bound, generation_likelihood
from trainer.events import EventLog
from trainer.models.cmma import CMMA
from trainer.models.conditional import ConditionalModel
from trainer.models.cvae import CVAE
from trainer.models.distributions import Distribution, Gaussian
from trainer.models.interface import Modality
from trainer.models.jmvae import JMVAE
from trainer.models.jmvae_h import JMVAEH
from trainer.models.networks import Nets
from trainer.objectives import log_likelihood
from trainer.reproduce import mnist, runner
from trainer.reproduce.catalogue import EXPERIMENTS, find_experiment
from trainer.reproduce.charts import COLOURS, line_chart, round_numbers, scatter_charts
from trainer.reproduce.experiment import BUDGETS, Experiment
from trainer.reproduce.runner import Request, reproduce
from trainer.reproduce.runs import Job
from trainer.systems import SYSTEMS
from trainer.training import Run

SMALL = {"hidden": 8, "latent": 4, "batch_size": 10, "limit": 30, "device": "cpu"}


def write_idx(path: Path, array: np.ndarray) -> None:
    path.write_bytes(
        bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    )


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MNIST's four files with pictures of 8×8: a bar whose place is the label."""
    folder = tmp_path_factory.mktemp("mnist")
    rng = np.random.default_rng(3)
    for name, count in (("train", 10_040), ("t10k", 40)):
        labels = rng.integers(0, 10, count).astype(np.uint8)
        images = np.zeros((count, 8, 8), np.uint8)
        images[np.arange(count), labels % 8] = 200
        write_idx(folder / f"{name}-images-idx3-ubyte", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte", labels)
    return folder


def train_run(experiment: Experiment, number: int, digits: Path, out: Path, epochs: int) -> None:
    """Train the first ``epochs`` of one of the experiment's runs where `reproduce` looks for it."""
    training = experiment.trainings[number]
    config = experiment.config(training, "quick", digits, 0, SMALL)
    folder = out / experiment.run_name(training, config)
    folder.mkdir(parents=True)
    config.save(folder / "config.json")
    events = EventLog(folder / "events.jsonl")
    run = Run(folder, config, events, quiet)
    events.emit("run-started", step=0)
    while run.step < epochs * run.batches.steps_per_epoch:
        run.take_step()
    run.finish_epoch(epochs)
    events.close()


def request(digits: Path, tmp_path: Path, **changes: Any) -> Request:
    made = Request("quick", digits, tmp_path / "runs", tmp_path / "results", train=False, changes=SMALL)
    return replace(made, **changes)


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=EXPERIMENTS)
def test_a_description_names_what_exists(experiment: Experiment) -> None:
    rows = {training.row for training in experiment.trainings}
    assert set(experiment.papers) <= rows
    assert all(set(row) <= set(experiment.columns) for row in experiment.papers.values())
    assert set(experiment.efforts) == set(BUDGETS)
    names = set()
    for training in experiment.trainings:
        assert training.system in SYSTEMS
        for budget in BUDGETS:
            config = experiment.config(training, budget, Path("data"), 0, {})
            names.add(experiment.run_name(training, config))
            effort = experiment.efforts[budget]
            epochs = {
                "never": (effort.epochs, 0),
                "after": (effort.epochs, effort.gan_epochs),
                "alone": (effort.gan_epochs, 0),
            }
            assert (config.epochs, config.gan_epochs) == epochs[training.gan]
    assert len(names) == 3 * len(experiment.trainings)


def test_the_papers_schedules_are_theirs() -> None:
    first = mnist.JMVAE
    for name, epochs in (("mnist-conditional", 2000), ("mnist-bounds", 500)):
        config = find_experiment(name).config(first, "paper", Path("data"), 0, {})
        assert (config.epochs, config.warmup_epochs) == (epochs, 200)
        assert find_experiment(name).efforts["standard"].epochs >= 100


def test_equal_runs_are_shared_and_different_ones_are_not() -> None:
    one, two = find_experiment("mnist-conditional"), find_experiment("mnist-bounds")
    names = {
        budget: [
            e.run_name(mnist.JMVAE, e.config(mnist.JMVAE, budget, Path("data"), 0, {})) for e in (one, two)
        ]
        for budget in BUDGETS
    }
    assert names["standard"][0] == names["standard"][1]
    assert names["paper"][0] != names["paper"][1]
    folders: dict[str, dict[str, Any]] = {}
    for experiment in EXPERIMENTS.values():
        for training in experiment.trainings:
            config = experiment.config(training, "standard", Path("data"), 0, {})
            name = experiment.run_name(training, config)
            assert folders.setdefault(name, config.model_dump()) == config.model_dump(), name


def test_the_papers_figures_are_those_of_the_notes() -> None:
    """By hand from PAPER_NOTES, in its own order of columns."""
    order = ("CVAE", "CMMA", "JMVAE", "JMVAE-kl", "JMVAE-h")
    figures = find_experiment("mnist-conditional").papers
    assert [figures[row]["label → image"] for row in order] == [-448.8, -451.1, -977.2, -422.4, -552.2]
    assert [figures[row]["image → label"] for row in order] == [-5.293, -0.2971, -0.2361, -0.2628, -3.589]
    bounds = find_experiment("mnist-bounds").papers
    tenth, hundredth, one = (bounds[f"JMVAE-kl{a}"] for a in (", α = 0.1", ", α = 0.01", ""))
    assert list(tenth.values()) == [-86.86, -86.73, -84.72, -126.0, -86.93]
    assert list(hundredth.values()) == [-86.89, -86.55, -84.61, -129.6, -86.94]
    assert list(one.values()) == [-89.20, -89.20, -86.97, -112.7, -89.28]
    assert list(bounds["JMVAE"].values()) == [-86.89, -84.64, -86.96]
    assert (bounds["VAE"], bounds["CVAE"], bounds["CMMA"]) == (
        {"log p(x), single": -86.91},
        {"log p(x|w), multiple": -83.80},
        {"log p(x|w), multiple": -86.12},
    )


def test_a_table_of_finished_unfinished_and_missing_runs(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = find_experiment("mnist-conditional")
    asked = request(digits, tmp_path)
    with pytest.raises(TrainerError, match="has finished an epoch"):
        reproduce(experiment, asked, quiet)
    train_run(experiment, 0, digits, asked.out, 2)
    train_run(experiment, 4, digits, asked.out, 1)
    result = reproduce(experiment, asked, quiet)
    assert json.loads((asked.results / "mnist-conditional.json").read_text()) == result
    rows = {row["name"]: row for row in result["table"]}
    assert rows.keys() == {"CVAE", "JMVAE"}
    assert (rows["CVAE"]["unfinished"], rows["JMVAE"]["unfinished"]) == (False, True)
    assert rows["CVAE"]["measured"].keys() == {"label → image"}
    assert rows["JMVAE"]["measured"].keys() == {"label → image", "image → label"}
    assert -90 < rows["JMVAE"]["measured"]["label → image"]["value"] < -1
    assert [(r["epochs"], r["epochs_planned"], r["finished"]) for r in result["runs"]] == [
        (2, 2, True),
        (1, 2, False),
    ]
    assert result["runs"][0]["full_beta_share"] == 1.0
    assert result["runs"][0]["seconds"] > 0
    page = (asked.results / "mnist-conditional.md").read_text()
    line = next(line for line in page.splitlines() if line.startswith("| JMVAE *(unfinished)*"))
    assert "| -977.2 |" in line
    assert "mnist-cmma-image" in page
    assert "say nothing of the systems" in page
    assert "--set hidden=8" in page

    kept = next(asked.out.glob("mnist-cvae*/measured/mnist-conditional.json"))
    values = json.loads(kept.read_text())
    values["measured"]["label → image"]["value"] = -1.5
    kept.write_text(json.dumps(values))
    again = reproduce(experiment, asked, quiet)
    assert again["table"][0]["measured"]["label → image"]["value"] == -1.5  # not measured anew
    other = reproduce(experiment, replace(asked, seed=0, budget="quick"), quiet)
    assert other == again
    monkeypatch.setattr(runner, "_code_digest", lambda: "another version")
    anew = reproduce(experiment, asked, quiet)
    assert anew["table"][0]["measured"]["label → image"]["value"] != -1.5


def test_a_result_of_more_training_is_kept(digits: Path, tmp_path: Path) -> None:
    experiment = find_experiment("mnist-generate")
    asked = request(digits, tmp_path)
    leave_run(experiment, experiment.trainings[0], digits, asked.out, SMALL)
    reproduce(experiment, asked, quiet)
    path = asked.results / "mnist-generate.json"
    own = path.read_bytes()
    reproduce(experiment, asked, quiet)  # no fewer epochs: made anew
    name = experiment.trainings[0].name
    for better in (
        {"name": name, "epochs": 3, "pictures": 4},
        {"name": "another", "epochs": 1, "pictures": 4},
    ):
        values = json.loads(own)
        values["runs"].append(better)
        kept = json.dumps(values)
        path.write_text(kept)
        for train in (False, True):
            with pytest.raises(
                TrainerError, match=r"mnist-generate\.json holds a result of more training.*--replace"
            ):
                reproduce(experiment, replace(asked, train=train), quiet)
        assert path.read_text() == kept
    reproduce(experiment, replace(asked, results=tmp_path / "elsewhere"), quiet)
    reproduce(experiment, replace(asked, replace=True), quiet)
    assert json.loads(path.read_text())["runs"] == json.loads(own)["runs"]


def test_a_result_of_fewer_pictures_replaces_none_of_more(digits: Path, tmp_path: Path) -> None:
    experiment = find_experiment("mnist-generate")
    asked = request(digits, tmp_path)
    leave_run(experiment, experiment.trainings[0], digits, asked.out, SMALL)
    pictures = reproduce(experiment, asked, quiet)["runs"][0]["pictures"]
    fewer = replace(asked, train=True, changes={**asked.changes, "limit": pictures - 1})
    with pytest.raises(TrainerError, match=rf"of {pictures} pictures there, \d+ of {pictures - 1} here"):
        reproduce(experiment, fewer, quiet)


def test_what_was_kept_damaged_is_measured_anew(digits: Path, tmp_path: Path) -> None:
    experiment = find_experiment("mnist-conditional")
    asked = request(digits, tmp_path)
    leave_run(experiment, experiment.trainings[0], digits, asked.out, SMALL)
    first = reproduce(experiment, asked, quiet)
    path = next(asked.out.glob("*/measured/mnist-conditional.json"))
    own = path.read_bytes()
    key = json.loads(own)["key"]
    shapes = (None, {"a": 1}, {"a": {}}, {"a": {"value": "1"}})
    kept = (json.dumps({"key": key, "measured": shape}) for shape in shapes)
    for content in ('{"key": ', "[]", "{}", *kept):
        path.write_text(content)
        assert reproduce(experiment, asked, quiet)["table"] == first["table"]
        assert path.read_bytes() == own


@pytest.mark.parametrize("damaged", ["{", "[]", '{"runs": 3}', '{"runs": [{"name": "x", "epochs": "many"}]}'])
def test_a_damaged_result_is_named_before_it_is_replaced(damaged: str, digits: Path, tmp_path: Path) -> None:
    experiment = find_experiment("mnist-generate")
    asked = request(digits, tmp_path)
    leave_run(experiment, experiment.trainings[0], digits, asked.out, SMALL)
    asked.results.mkdir()
    path = asked.results / "mnist-generate.json"
    path.write_text(damaged)
    with pytest.raises(TrainerError, match=r"mnist-generate\.json is no result.*--replace"):
        reproduce(experiment, asked, quiet)
    assert path.read_text() == damaged
    reproduce(experiment, replace(asked, replace=True), quiet)
    assert json.loads(path.read_text())["experiment"] == "mnist-generate"


@pytest.mark.parametrize(
    "name", ["mnist-bounds", "mnist-latent", "mnist-iterations", "mnist-generate", "reconstructions"]
)
def test_every_experiment_measures_and_draws(name: str, digits: Path, tmp_path: Path) -> None:
    experiment = find_experiment(name)
    changes = SMALL if name != "mnist-latent" else {k: v for k, v in SMALL.items() if k != "latent"}
    asked = request(digits, tmp_path, changes=changes)
    some = (*experiment.trainings[:2], experiment.trainings[-1])
    chosen = replace(experiment, trainings=tuple(dict.fromkeys(some)))
    for training in chosen.trainings:
        leave_run(chosen, training, digits, asked.out, changes)
    result = reproduce(chosen, asked, quiet)
    for row in result["table"]:
        assert row["measured"].keys() <= experiment.columns.keys()
        assert all(np.isfinite(cell["value"]) for cell in row["measured"].values())
        assert bool(row["measured"]) == bool(experiment.columns)
    assert bool(result["pictures"]) == (experiment.draw is not None)
    for picture in result["pictures"]:
        path = asked.results / picture["file"]
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
        else:
            assert path.read_bytes()[:4] == b"\x89PNG"
        assert f"]({picture['file']})" in (asked.results / f"{name}.md").read_text()


def test_a_folder_with_another_run_is_left_alone(digits: Path, tmp_path: Path) -> None:
    experiment = find_experiment("mnist-generate")
    asked = request(digits, tmp_path)
    config = experiment.config(experiment.trainings[0], "quick", digits, 0, SMALL)
    folder = asked.out / experiment.run_name(experiment.trainings[0], config)
    folder.mkdir(parents=True)
    config.model_copy(update={"hidden": 9}).save(folder / "config.json")
    with pytest.raises(TrainerError, match="hidden=9, not 8"):
        reproduce(experiment, asked, quiet)


def test_a_started_run_is_resumed_and_a_new_one_is_told_everything(digits: Path, tmp_path: Path) -> None:
    experiment = find_experiment("mnist-generate")
    config = experiment.config(experiment.trainings[0], "quick", digits, 0, SMALL)
    job = Job(tmp_path / "run", config)
    command = job.command()
    assert command[3:5] == ["train", "--preset"]
    settings = dict(part.split("=", 1) for part in command if re.match(r"\w+=", part))
    assert settings.keys() == config.model_dump().keys() - {"preset", "data"}
    assert (settings["hidden"], settings["cache"], settings["binarise"]) == ("8", "none", "True")
    (tmp_path / "run" / "state").mkdir(parents=True)
    (tmp_path / "run" / "state" / "step-00000003.pt").touch()
    config.save(tmp_path / "run" / "config.json")
    assert job.command()[3:] == ["resume", str(tmp_path / "run")]
    moved = config.model_copy(update={"data": tmp_path / "moved", "cache": tmp_path, "log_steps": 7})
    told = Job(tmp_path / "run", moved).command()[3:]
    assert told[2:] == [
        *("--set", f"cache={tmp_path}"),
        *("--set", f"data={tmp_path / 'moved'}"),
        *("--set", "log_steps=7"),
    ]


def test_unknown_names_are_said() -> None:
    with pytest.raises(ConfigError, match="mnist-bounds"):
        find_experiment("nothing")


@pytest.mark.parametrize(
    ("low", "high", "numbers"),
    [
        (1, 10, [2, 4, 6, 8, 10]),
        (-823.2, -348.2, [-800, -700, -600, -500, -400]),
        (0, 5, [0, 1, 2, 3, 4, 5]),
        (0.0012, 0.0031, [0.0015, 0.002, 0.0025, 0.003]),
    ],
)
def test_axes_have_round_numbers(low: float, high: float, numbers: list[float]) -> None:
    assert round_numbers(low, high) == numbers


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_axes_have_a_handful_of_numbers_within(low: float, spread: float) -> None:
    found = round_numbers(low, low + spread)
    assert 3 <= len(found) <= 8
    assert all(low - 1e-3 * spread <= number <= low + 1.001 * spread for number in found)


def test_charts_place_their_points() -> None:
    svg = line_chart({"a & b": [(0, 0), (10, 5)]}, "x", "y").decode()
    points = re.search(r'polyline points="([\d.]+),([\d.]+) ([\d.]+),([\d.]+)"', svg)
    assert points is not None
    x0, y0, x1, y1 = map(float, points.groups())
    assert x1 - x0 == pytest.approx(520 - 62 - 12)
    assert y0 > y1  # larger is higher
    assert "a &amp; b" in svg
    with pytest.raises(ValueError, match="points"):
        line_chart({}, "x", "y")
    points = np.array([[0, 0], [1, 2]], np.float32)
    classes = np.array([0, 1], np.int64)
    cloud = scatter_charts({"p": points / 2}, classes, ("zero", "one"), {"p": points}).decode()
    assert cloud.count("h0") == 2
    assert "0 … 1 × 0 … 2" in cloud
    assert "M132.0 145.0h0" in cloud  # (0.5, 1) in the middle of the frame
    named = re.findall(r'style="fill:(#\w+)">● (\w+)', cloud)
    assert named == [(colour, name) for colour, name in zip(COLOURS, ("zero", "one"), strict=False)]


IMAGE = Modality("image", "image", (1, 2, 2))
LABEL = Modality("label", "label", (3,), tuple("abc"))


class Exact(ConditionalModel):
    """p(z|w) = N(w₁, 1), p(x|z) = N(z, 1) for all four pixels: everything is known."""

    capabilities = CMMA.capabilities

    def __init__(self) -> None:
        super().__init__((IMAGE, LABEL), 1)

    def encode(self, given: dict[str, torch.Tensor]) -> Gaussian:  # type: ignore[override]
        total = given["image"].flatten(1).sum(1, keepdim=True) + given["label"][:, :1]
        return Gaussian(total / 5 + 0.2, torch.tensor(0.3).expand_as(total))

    def prior_given(self, given: dict[str, torch.Tensor]) -> Gaussian:  # type: ignore[override]
        mean = given["label"][:, :1]
        return Gaussian(mean, torch.ones_like(mean))

    def decode_one(self, name: str, z: torch.Tensor) -> Distribution:
        return Gaussian(z[:, :, None, None].expand(-1, 1, 2, 2), torch.ones(()))

    def decode_given(self, name: str, z: torch.Tensor, given: Any) -> Distribution:
        return self.decode_one(name, z)


def exact_data(count: int) -> Any:
    from trainer.data.dataset import Dataset

    rng = np.random.default_rng(0)
    return Dataset(
        rng.integers(0, 256, (count, 2, 2, 1), np.uint8),
        np.eye(3, dtype=np.int8)[rng.integers(0, 3, count)],
        LABEL.names,
        np.full(count, 2, np.uint8),
        "label",
    )


def test_a_conditional_system_is_measured_by_its_own_prior() -> None:
    model, data = Exact(), exact_data(30)
    x = torch.from_numpy(data.images).float().flatten(1) / 255
    w = torch.from_numpy(data.attributes[:, :1].astype(np.float32))
    exact = torch.distributions.MultivariateNormal(w.expand(-1, 4), torch.eye(4) + torch.ones(4, 4))
    bound = conditional_bound(model, data, np.arange(30), 20_000, "sum", 0)
    assert bound["value"] == pytest.approx(float(exact.log_prob(x).mean()), abs=0.03)
    found = generation_likelihood(model, data, np.arange(30), "image", 1000, "sum", 0)
    at_mean = log_likelihood(Gaussian(w.expand(-1, 4), torch.ones(())), x)
    assert found["value"] == pytest.approx(float(at_mean.mean()) - 2.0, abs=0.2)  # E (z − mean)² · 4 / 2
    with pytest.raises(ConfigError):
        conditional_bound(model, data, np.arange(30), 0, "sum", 0)
    with pytest.raises(ConfigError):
        generation_likelihood(model, data, np.arange(30), "image", 1, "sum", 0, passes=0)


def test_jmvae_h_generates_from_the_top_down() -> None:
    torch.manual_seed(0)
    model = JMVAEH((IMAGE, LABEL), 2, Nets("dense", 8)).eval()
    data = {"image": torch.rand(5, 1, 2, 2), "label": torch.eye(3)[[0, 1, 2, 0, 1]]}
    noise = torch.randn(5, 4)
    code = model.generating_code(data, noise)
    top = model._posteriors(data)[1].sample(noise[:, 2:])
    torch.testing.assert_close(code[:, 2:], top)
    torch.testing.assert_close(code[:, :2], model._prior_below(0, top).sample(noise[:, :2]))
    plain = JMVAE((IMAGE, LABEL), 2, Nets("dense", 8)).eval()
    torch.testing.assert_close(
        plain.generating_code(data, noise[:, :2]), plain.encode(data).sample(noise[:, :2])
    )


def test_systems_differ_in_what_they_generate() -> None:
    torch.manual_seed(0)
    cvae = CVAE((IMAGE, LABEL), 2, "vector", Nets("dense", 8)).eval()
    found = generation_likelihood(cvae, exact_data(12), np.arange(12), "label", 20, "sum", 0)
    assert found["value"] is not None
    assert -5 < found["value"] < -0.1
    with pytest.raises(TrainerError):
        generation_likelihood(cvae, exact_data(12), np.arange(12), "image", 2, "sum", 0)


def test_what_is_evaluated_is_spread_over_the_partition() -> None:
    rows = np.arange(100, 110)
    assert spaced(rows, 4).tolist() == [100, 102, 105, 107]
    assert spaced(rows, None).tolist() == spaced(rows, 99).tolist() == rows.tolist()
    assert not len(spaced(rows, 0))
