"""Training settings: what is refused, and how beta rises."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from trainer.cli import app
from trainer.config import TrainConfig, load_config, make_config
from trainer.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", -1),
        ("alpha", -1),
        ("batch_size", 1),
        ("learning_rate", 0),
        ("precision", "int4"),
        ("colour", 3),
        ("seed", -1),
        ("seed", 2**63),
    ],
)
def test_bad_settings_are_named(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"“{name}”"):
        make_config({"data": "x", name: value})


@pytest.mark.parametrize("seed", [-1, 2**63])
@pytest.mark.parametrize(
    "command",
    [
        "train --data x --out /dev/null/x",
        "evaluate x --data x",
        "judge --data x --out /dev/null/x.safetensors",
        "samples x --out /dev/null/x",
        "bank x --data x --out /dev/null/x.npz",
        "reproduce mnist-generate --data x",
    ],
)
def test_a_seed_that_no_generator_takes_is_refused(command: str, seed: int) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--seed", str(seed)])
    assert result.exit_code == 2
    assert "Invalid value for '--seed'" in result.output


@given(epochs=st.integers(1, 400), share=st.floats(0, 0.5))
def test_at_least_half_of_all_epochs_run_at_full_beta(epochs: int, share: float) -> None:
    config = TrainConfig(data=Path("x"), epochs=epochs, warmup_share=share)
    betas = [config.beta(epoch) for epoch in range(1, epochs + 1)]
    assert sum(beta == 1 for beta in betas) * 2 >= epochs
    assert betas == sorted(betas)
    assert 0 <= betas[0] <= 1


def test_beta_is_the_papers_schedule() -> None:
    config = TrainConfig(data=Path("x"), epochs=50, warmup_share=0.4)
    assert config.warmup_epochs == 20
    assert [config.beta(e) for e in (1, 2, 20, 21, 50)] == pytest.approx([0, 1 / 19, 1, 1, 1])


def test_settings_survive_json(tmp_path: Path) -> None:
    config = TrainConfig(data=Path("/data/celeba"), epochs=7, alpha=0.1)
    config.save(tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == config
    (tmp_path / "config.json").write_text("{ not json")
    with pytest.raises(ConfigError, match="JSON"):
        load_config(tmp_path / "config.json")
    with pytest.raises(ConfigError, match="Is it the folder of a run"):
        load_config(tmp_path / "none.json")


def test_a_folder_whose_name_is_no_unicode_is_kept(tmp_path: Path) -> None:
    path, data = tmp_path / "config.json", Path(os.fsdecode(b"/data/\xff\xfe"))
    TrainConfig(data=data).save(path)
    assert load_config(path).data == data
