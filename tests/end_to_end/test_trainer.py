"""The trainer as a process: train, interrupt, resume, evaluate, and what it says to mistakes."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest
from PIL import Image, ImageOps

from trainer.checkpoint import load_model
from trainer.data.folder import load_folder
from trainer.data.images import open_image
from trainer.errors import ConfigError
from trainer.evaluation.attributes import infer_attributes
from trainer.events import read_events
from trainer.models.interface import Modality
from trainer.models.jmvae import JMVAEKL
from trainer.samples import FACES, make_samples
from trainer.systems import SYSTEMS

ROOT = Path(__file__).parents[2]


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "trainer", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=240)


@pytest.fixture
def settings(tiny_celeba: Path, tmp_path: Path) -> list[object]:
    small = ["batch_size=8", "log_steps=1", f"cache={tmp_path / 'cache'}", "device=cpu"]
    return ["--data", tiny_celeba, *(part for setting in small for part in ("--set", setting))]


def test_ctrl_c_saves_and_resume_finishes(settings: list[object], tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = subprocess.Popen(
        command("train", "--out", out, "--epochs", 6, *settings),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = out / "events.jsonl"
    deadline = monotonic() + 120
    while not (log.exists() and '"step"' in log.read_text()):
        assert monotonic() < deadline
        assert process.poll() is None, process.communicate()
        sleep(0.05)
    started = monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert monotonic() - started < 10
    assert process.returncode == 0, errors
    assert "Stopped and saved" in errors
    assert all(json.loads(line)["event"] for line in output.splitlines())
    stopped = read_events(log)[-1]
    assert stopped["event"] == "stopped"
    assert 0 < stopped["step"] < 24

    result = run("resume", out)
    assert result.returncode == 0, result.stderr
    events = read_events(log)
    assert events[-1] == {"event": "finished", "time": events[-1]["time"], "step": 24}
    steps = [event["step"] for event in events if event["event"] == "step"]
    assert steps == list(range(1, 25))  # no step twice, none left out

    result = run("train", "--out", out, *settings)
    assert result.returncode == 1
    assert "is not empty" in result.stderr
    assert "resume" in result.stderr


def test_evaluate_and_list_speak_json_and_tables(checkpoint: Path, tiny_celeba: Path, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    result = subprocess.run(
        command("evaluate", checkpoint, "--data", tiny_celeba, "--edits", "--json"),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    assert values["pictures"] == 8
    assert len(values["attributes"]) == 40
    assert list(values["edits"]["results"]) == ["random (latent)", "nothing", "nearest neighbour"]
    assert values["accuracy"] == pytest.approx(
        np.mean([a["accuracy"] for a in values["attributes"].values()])
    )
    assert 0 <= values["calibration_error"] <= 1
    listed = run("list")
    assert all(f"│ {name} " in listed.stdout for name in SYSTEMS)


def test_evaluate_estimates_likelihoods(checkpoint: Path, tiny_celeba: Path, tmp_path: Path) -> None:
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    asked = ("--likelihood", "--parzen", "--k", 3, "--rows", 2, "--channel-reduction", "mean", "--json")
    result = subprocess.run(
        command("evaluate", checkpoint, "--data", tiny_celeba, *asked),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    values = json.loads(result.stdout)
    table, parzen = values["likelihood"], values["parzen"]
    assert (table["k"], table["data"], table["channel_reduction"], table["omitted"]) == (3, 2, "mean", {})
    assert len(table["results"]) == 11
    assert {row["channel_reduction"] for row in table["results"]} == {"mean"}
    ceiling = -0.5 * math.log(2 * math.pi) * 64 * 64  # of an image at unit variance, the mean over channels
    image = [row["value"] for row in table["results"] if row["quantity"] == "log p(image)"]
    assert len(image) == 2
    assert all(value < ceiling for value in image)
    assert parzen["dimensions"] == 3 * 64 * 64
    assert parzen["sigma"] > 0


def test_a_folder_of_pictures_trains_and_evaluates(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    table = ["file,Smiling,Age"]
    for number, path in enumerate(sorted((ROOT / "resources" / "samples").glob("*.png"))):
        with Image.open(path) as photo:
            for side, turned in (("a", photo), ("b", ImageOps.mirror(photo))):
                turned.convert("RGB").resize((160, 160)).save(folder / f"{number}{side}.png")
                table.append(f"{number}{side}.png,{number % 2},{20 + number}")
    (folder / "attributes.csv").write_text("\n".join([*table, "absent.png,1,30"]))
    out = tmp_path / "run"
    small = ("--epochs", 1, "--batch-size", 4, "--device", "cpu", "--set", f"cache={tmp_path / 'cache'}")
    result = run("train", "--preset", "faces", "--data", folder, "--out", out, *small)
    assert result.returncode == 0, result.stderr
    assert f"1 × row without a picture: line {len(table) + 1}: absent.png" in result.stderr
    model, header = load_model(out / "model.safetensors")
    assert header.training["dataset"] == "folder"
    assert model.vector.names == ("Smiling", "Age")


def test_a_model_is_evaluated_by_the_attributes_that_the_data_name(
    checkpoint: Path, own_faces: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(own_faces, tmp_path / "faces"))
    table = folder / "attributes.csv"
    table.write_text(table.read_text().replace("Bright,Red", "wearing hat,Eyeglasses"))
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def evaluate(*more: str) -> subprocess.CompletedProcess[str]:
        asked = command("evaluate", checkpoint, "--data", folder, "--partition", "train", "--json", *more)
        return subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)

    values = json.loads(evaluate().stdout)
    assert list(values["attributes"]) == ["wearing hat", "Eyeglasses"]
    model, _ = load_model(checkpoint)
    data, _ = load_folder(folder, 64, tmp_path / "cache")
    rows = data.indices("train")
    read = infer_attributes(model, data.images[rows])[:, model.vector.names.index("Wearing_Hat")]
    assert (
        values["attributes"]["wearing hat"]["accuracy"]
        == ((read > 0) == (data.attributes[rows, 0] > 0)).mean()
    )
    refused = evaluate("--likelihood")
    assert refused.returncode == 1
    assert "has further attributes than" in refused.stderr
    table.write_text(table.read_text().replace("wearing hat", "winking"))
    assert "has other attributes than" in evaluate().stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--out", "{tmp}/x", "--data", "{tmp}/nowhere"], "Is this CelebA's folder"),
        (["train", "--out", "{tmp}/x", "--data", "{tmp}", "--preset", "cats"], "No preset is called “cats”"),
        (["train", "--out", "{tmp}/x", "--data", "{tmp}", "--set", "alpha=-1"], "Setting “alpha”"),
        (["train", "--out", "{tmp}/x", "--data", "{tmp}", "--set", "alpha"], "NAME=VALUE"),
        (
            ["train", "--out", "{tmp}/x", "--data", "{tmp}", "--set", "system=dream"],
            "No system is called “dream”",
        ),
        (["resume", "{tmp}/none"], "Is it the folder of a run"),
        (["evaluate", "{tmp}/none.safetensors", "--data", "{tmp}"], "none.safetensors"),
        (["judge", "--data", "{tmp}", "--out", "{tmp}/x.txt"], "must end in .safetensors"),
        (["judge", "--data", "{tmp}", "--out", "/dev/null/x.safetensors"], "cannot be made"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = run(*(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) <= 2


def test_samples_are_generated_from_attributes_alone(checkpoint: Path, tmp_path: Path) -> None:
    model, _ = load_model(checkpoint)
    paths = make_samples(model, tmp_path / "a")
    assert [path.stem for path in paths] == list(FACES)
    first = open_image(paths[0]).pixels
    assert first.shape == (400, 400, 3)
    again = make_samples(model, tmp_path / "b")
    assert all(p.read_bytes() == q.read_bytes() for p, q in zip(paths, again, strict=True))
    assert not np.array_equal(first, open_image(paths[1]).pixels)
    other = JMVAEKL(
        (Modality("image", "image", (3, 64, 64)), Modality("attributes", "attributes", (1,), ("x",))), 128
    )
    with pytest.raises(ConfigError, match="CelebA's attributes"):
        make_samples(other.eval(), tmp_path / "c")


def test_the_card_is_measured(settings: list[object], tiny_celeba: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run("train", "--out", out, "--epochs", 1, "--gan-epochs", 1, *settings)
    assert result.returncode == 0, result.stderr
    card = tmp_path / "card.md"
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    written = subprocess.run(
        command("card", out / "model.safetensors", "--data", tiny_celeba, "--out", card),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert written.returncode == 0, written.stderr
    text = card.read_text(encoding="utf-8")
    assert "32 pictures of CelebA's official training partition" in text
    assert "then 1 in which the image decoder also plays a GAN" in text
    assert "18.8 million" in text
    assert text.count("\n| ") >= 40
    _, header = load_model(out / "model.safetensors")
    assert header.digest in text


def test_own_attributes_from_a_checkpoint(own_faces: Path, checkpoint: Path, tmp_path: Path) -> None:
    small = ("--epochs", 1, "--batch-size", 4, "--device", "cpu", "--set", f"cache={tmp_path / 'cache'}")
    made = run("train", "--data", own_faces, "--start-from", checkpoint, "--out", tmp_path / "run", *small)
    assert made.returncode == 0, made.stderr
    settings = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (settings["preset"], settings["learn"]) == ("own-attributes", "attributes")
    assert (settings["system"], settings["dataset"]) == ("jmvae-kl", "folder")
    _, header = load_model(tmp_path / "run" / "best.safetensors")
    parent, _ = load_model(checkpoint)
    assert header.attribute_names == (*parent.vector.names, "Bright", "Red")
    assert header.training["parent"] == {"epoch": 0}
    refused = run("train", "--data", own_faces, "--start-from", tmp_path / "no", "--out", tmp_path / "other")
    assert refused.returncode == 1
    assert str(tmp_path / "no") in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "other").exists()
