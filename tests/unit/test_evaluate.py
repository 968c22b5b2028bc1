"""What ``python -m trainer evaluate`` refuses, and what it says of what it measured."""

import re
from pathlib import Path

import pytest
import torch
from click.testing import Result
from typer.testing import CliRunner

from trainer.checkpoint import save_model
from trainer.cli import app
from trainer.errors import ConfigError
from trainer.models.cgan import CGAN
from trainer.models.cvae import CVAE
from trainer.models.interface import JointModel, Modality
from trainer.models.networks import Nets
from trainer.models.vae import VAE

DIGIT = Modality("image", "image", (1, 8, 8), scale="unit")
FACE = Modality("image", "image", (3, 16, 16))
LABEL = Modality("label", "label", (10,), tuple("0123456789"))
SMALL = Nets("dense", 8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def evaluate(model: JointModel, system: str, data: Path, folder: Path, *more: str) -> Result:
    torch.manual_seed(0)
    path = folder / "model.safetensors"
    save_model(path, model.eval(), system, {})
    return CliRunner().invoke(app, ["evaluate", str(path), "--data", str(data), *more])


def test_pictures_of_another_shape_are_refused(tiny_celeba: Path, tiny_mnist: Path, tmp_path: Path) -> None:
    faces = evaluate(VAE((DIGIT,), 2, SMALL), "vae", tiny_celeba, tmp_path)
    assert isinstance(faces.exception, ConfigError)
    assert "is for pictures of 8×8 pixels with 1 channel, those of" in str(faces.exception)
    assert "have 8×8 with 3 channels" in str(faces.exception)
    digits = evaluate(VAE((FACE,), 2, SMALL), "vae", tiny_mnist, tmp_path)
    assert isinstance(digits.exception, ConfigError)
    assert "of 16×16 pixels with 3 channels" in str(digits.exception)
    assert "have 8×8 with 1 channel" in str(digits.exception)


def test_a_table_says_how_many_pictures_its_likelihoods_are_of(tiny_mnist: Path, tmp_path: Path) -> None:
    model = CVAE((DIGIT, LABEL), 2, nets=SMALL)
    asked = ("--likelihood", "--parzen", "--rows", "5", "--k", "3")
    said = evaluate(model, "cvae", tiny_mnist, tmp_path, *asked).stdout
    assert "12 pictures, test partition" in said
    assert "Log-likelihoods: of 5 of the 12 pictures, k = 3" in said
    assert re.search(
        r"Parzen windows: of 5 of the 12 pictures, 100 generated for each, σ = [01]\.\d{3}\n", said
    )


@pytest.mark.parametrize(("kind", "options"), [(CVAE, "--likelihood or --parzen"), (CGAN, "--parzen")])
def test_what_measures_nothing_says_so(
    kind: type[CVAE] | type[CGAN], options: str, tiny_mnist: Path, tmp_path: Path
) -> None:
    said = evaluate(kind((DIGIT, LABEL), 2, nets=SMALL), kind.__name__.lower(), tiny_mnist, tmp_path).stdout
    assert said.startswith("Nothing was measured: model.safetensors neither reads")
    assert f"add {options}." in said.replace("\n", " ")
    assert "12 pictures" not in said
