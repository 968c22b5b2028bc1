"""What ``python -m trainer evaluate`` refuses, and what it says of what it measured."""

import io
import re
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from trainer.checkpoint import save_model
from trainer.cli import app
from trainer.cli_common import make_bar, shower
from trainer.errors import ConfigError
from trainer.models.cgan import CGAN
from trainer.models.cvae import CVAE
from trainer.models.interface import JointModel, Modality
from trainer.models.jmvae import JMVAEKL
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


def test_names_are_printed_as_they_are(own_faces: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(own_faces, tmp_path / "faces"))
    table = folder / "attributes.csv"
    table.write_text(table.read_text().replace("Bright,Red", "[/b],[red]:smile:"))
    names = Modality("attributes", "attributes", (2,), ("[/b]", "[red]:smile:"))
    said = evaluate(JMVAEKL((FACE, names), 2, SMALL), "jmvae-kl", folder, tmp_path, "--partition", "train")
    assert said.exit_code == 0, said.exception
    assert "│ [/b] " in said.stdout
    assert "│ [red]:smile: " in said.stdout


def test_a_bar_shows_names_as_they_are() -> None:
    bar, text = make_bar(), io.StringIO()
    shower(bar)("[/b] (latent)", 1, 2, "[red]:smile:")
    Console(file=text, width=200).print(bar.get_renderable())
    assert "[/b] (latent)" in text.getvalue()
    assert "[red]:smile:" in text.getvalue()


def test_what_cannot_be_measured_is_said_before_anything_is(
    tiny_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*given: object) -> None:
        raise AssertionError("something was measured first")

    monkeypatch.setattr("trainer.evaluation.likelihood_table.likelihood_table", late)
    monkeypatch.setattr("trainer.evaluation.attributes.infer_attributes", late)
    reader = CVAE((DIGIT, LABEL), 2, "vector", SMALL)
    for options, reason in (
        (("--parzen",), "makes no pictures from attributes or labels: leave out --parzen"),
        (("--channel-reduction", "all"), "is sum or mean, not “all”"),
        (("--edits",), "is a “cvae”, which edits no pictures"),
    ):
        said = evaluate(reader, "cvae", tiny_mnist, tmp_path, "--likelihood", *options)
        assert isinstance(said.exception, ConfigError)
        assert reason in str(said.exception)
