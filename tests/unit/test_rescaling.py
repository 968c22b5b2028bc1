"""The length of a model's edits."""

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from tests.unit.test_blending import save
from tests.unit.test_studio_model import MODALITIES
from trainer.checkpoint import load_model, save_model
from trainer.cli import app
from trainer.errors import ConfigError
from trainer.models.studio import StudioJMVAE
from trainer.rescaling import rescale


def test_the_same_weights_edit_by_moves_of_another_length(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = StudioJMVAE(MODALITIES, 16).eval()
    torch.nn.init.normal_(model.editor.out.weight, std=0.1)
    training = {"epoch": 3, "edit_scale": 1.0}
    before = save_model(tmp_path / "a.safetensors", model, "jmvae-kl-studio", training, None, "0" * 64)
    out = tmp_path / "b.safetensors"
    answer = CliRunner().invoke(
        app, ["rescale", str(tmp_path / "a.safetensors"), "--edit-scale", "0.5", "--out", str(out)]
    )
    assert answer.exit_code == 0, answer.output
    assert before.digest in answer.output
    (first, _), (made, header) = load_model(tmp_path / "a.safetensors"), load_model(out)
    assert isinstance(first, StudioJMVAE)
    assert isinstance(made, StudioJMVAE)
    image, move = torch.randn(2, 3, 64, 64), torch.randn(2, 1, 16)
    with torch.no_grad():
        half = first.draw(first.prepare_edit(image), 0.5 * move)
        torch.testing.assert_close(made.draw(made.prepare_edit(image), move), half)
    assert header.training == training | {"edit_scale": 0.5}
    assert (header.digest, header.parent) == (before.digest, before.parent)


def test_a_model_without_an_editor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="only a model with an editor"):
        rescale(save(tmp_path / "a.safetensors", 1, "Smiling"), 0.5, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
