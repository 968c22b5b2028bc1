"""Weights between two checkpoints."""

from pathlib import Path

import pytest
import torch

from tests.unit.test_starting import model
from trainer.blending import blend
from trainer.checkpoint import load_model, save_model
from trainer.errors import ConfigError


def save(path: Path, seed: int, *names: str, latent: int = 6) -> Path:
    torch.manual_seed(seed)
    save_model(path, model(*names, latent=latent).eval(), "jmvae-kl", {"epoch": seed, "flip": True})
    return path


def test_every_weight_lies_on_the_line_between(tmp_path: Path) -> None:
    before, after = (save(tmp_path / f"{seed}.safetensors", seed, "Smiling") for seed in (1, 2))
    out = tmp_path / "out.safetensors"
    header = blend(before, after, 0.75, out)
    (first, old), (second, new), (made, read) = (load_model(path) for path in (before, after, out))
    ends = first.state_dict(), second.state_dict()
    for name, tensor in made.state_dict().items():
        if tensor.is_floating_point():
            expected = 0.25 * ends[0][name] + 0.75 * ends[1][name]
            torch.testing.assert_close(
                tensor, expected, atol=2e-3, rtol=2e-3, msg=name
            )  # float16 in the file
    assert read.digest == header.digest != new.digest
    assert read.parent == new.digest
    assert read.training == new.training | {"blended": {"share": 0.75, "with": old.digest}}
    assert made.mirrors


def test_models_of_two_kinds_are_refused(tmp_path: Path) -> None:
    before = save(tmp_path / "a.safetensors", 1, "Smiling")
    others = (
        save(tmp_path / "b.safetensors", 2, "Male"),
        save(tmp_path / "c.safetensors", 3, "Smiling", latent=5),
    )
    for after in others:
        with pytest.raises(ConfigError, match="can be blended"):
            blend(before, after, 0.5, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
