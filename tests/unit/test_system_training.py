"""Every preset and system takes two steps on tiny data and comes back from its checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch

from trainer.checkpoint import load_model, load_newest_state
from trainer.config import PRESETS, TrainConfig, make_config
from trainer.errors import CapabilityError, ConfigError
from trainer.events import EventLog, read_events
from trainer.systems import SYSTEMS
from trainer.training import Run, resume

SMALL = {"hidden": 8, "latent": 3, "batch_size": 25, "epochs": 1, "log_steps": 1, "device": "cpu"}


def quiet(what: str, done: int, total: int, remark: str) -> None:
    pass


def mnist(folder: Path, **changes: Any) -> TrainConfig:
    return make_config(PRESETS["mnist"] | SMALL | {"preset": "mnist", "data": folder} | changes)


def train(folder: Path, config: TrainConfig, steps: int | None = None) -> list[dict[str, Any]]:
    """Train to the end, or take so many steps and save."""
    folder.mkdir(exist_ok=True)
    config.save(folder / "config.json")
    events = EventLog(folder / "events.jsonl")
    run = Run(folder, config, events, quiet)
    if steps is None:
        assert run.fit()
    else:
        for _ in range(steps):
            run.take_step()
        run._save()
    events.close()
    return read_events(folder / "events.jsonl")


def variants() -> list[Any]:
    """Every system of the presets' nets, both directions of the conditional ones, and each with a GAN."""
    plain = [(name, {}) for name in SYSTEMS if name != "jmvae-kl-studio"]
    label = [(name, {"target": "vector"}) for name in ("cvae", "cmma")]
    worn = [
        (name, {"gan_epochs": 1, "recon_loss": "feature"}) for name in ("vae", "cvae", "cmma", "jmvae-kl")
    ]
    return [
        pytest.param(name, changes, id="-".join([name, *changes]))
        for name, changes in [*plain, *label, *worn]
    ]


@pytest.mark.parametrize(("system", "changes"), variants())
def test_two_steps_and_back(tiny_mnist: Path, tmp_path: Path, system: str, changes: dict[str, Any]) -> None:
    seen = train(tmp_path, mnist(tiny_mnist, system=system, **changes))
    steps = [event for event in seen if event["event"] == "step"]
    assert [event["step"] for event in steps] == list(range(1, 3 + 2 * ("gan_epochs" in changes)))
    assert all(torch.isfinite(torch.tensor(event["loss"])) for event in steps)
    assert ("gan_discriminator" in steps[-1]) == ("gan_epochs" in changes or system == "cgan")
    model, header = load_model(tmp_path / "model.safetensors")
    assert header.system == system
    assert header.crop.kind == "whole"
    state = load_newest_state(tmp_path / "state")
    assert state is not None
    for name, tensor in model.state_dict().items():
        saved = state["ema"][name]  # without averaging: the newest weights
        assert torch.equal(saved, state["model"][name])
        if not name.startswith("image_") and not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, saved.half().float()), name
    assert (tmp_path / "samples" / "epoch-0001.png").exists()


def test_adagrad_trains_as_by_hand(tiny_mnist: Path, tmp_path: Path) -> None:
    config = mnist(tiny_mnist, system="cmma", optimizer="adagrad", learning_rate=0.05, learning_rate_end=0.05)
    events = EventLog(tmp_path / "events.jsonl")
    run = Run(tmp_path, config, events, quiet)
    before = {name: parameter.clone() for name, parameter in run.model.named_parameters()}
    run.take_step()
    events.close()
    # The first step of AdaGrad is the rate times the gradient's sign, whatever its size.
    steps = torch.cat([(p - before[name]).flatten() for name, p in run.model.named_parameters()])
    moved = steps[steps.abs() > 1e-6].abs()
    assert len(moved) > len(steps) / 2
    torch.testing.assert_close(moved, torch.full_like(moved, 0.05), rtol=0.01, atol=0)


def test_the_bound_rises_on_bars(tiny_mnist: Path, tmp_path: Path) -> None:
    changes = {"epochs": 60, "hidden": 32, "log_steps": 20, "warmup_share": 0.0, "limit": 50}
    seen = train(tmp_path, mnist(tiny_mnist, system="jmvae-kl", **changes))
    losses = [event["loss"] for event in seen if event["event"] == "step"]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    "changes", [{"system": "jmvae-h"}, {"system": "cgan"}, {"system": "cmma", "optimizer": "adagrad"}]
)
def test_a_resumed_run_ends_bit_equal(tiny_mnist: Path, tmp_path: Path, changes: dict[str, str]) -> None:
    config = mnist(tiny_mnist, epochs=2, **changes)
    train(tmp_path / "straight", config)
    train(tmp_path / "stopped", config, steps=3)
    events = EventLog(tmp_path / "stopped" / "events.jsonl")
    assert resume(tmp_path / "stopped", config, events, quiet)
    events.close()
    ends = [load_newest_state(tmp_path / name / "state") for name in ("straight", "stopped")]
    assert ends[0] is not None
    assert ends[1] is not None
    for part in ("model", "adversary"):
        for name, tensor in (ends[0].get(part) or {}).items():
            assert torch.equal(tensor, ends[1][part][name]), (part, name)


def test_training_pictures_are_binarised_anew(tiny_mnist: Path, tmp_path: Path) -> None:
    run = Run(tmp_path, mnist(tiny_mnist, batch_size=50), EventLog(tmp_path / "events.jsonl"), quiet)
    run.events.close()
    first = run.batches.batch(run.model, 0)[0]["image"]
    again = run.batches.batch(run.model, 0)[0]["image"]
    later = run.batches.batch(run.model, 1)[0]["image"]
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(first, again)  # keyed by seed, epoch and step
    assert not torch.equal(first.sum(0), later.sum(0))


def test_what_cannot_be_trained_is_said(tiny_mnist: Path, tmp_path: Path) -> None:
    events = EventLog(tmp_path / "events.jsonl")
    with pytest.raises(CapabilityError, match="no image decoder"):
        Run(tmp_path, mnist(tiny_mnist, system="cvae", target="vector", gan_epochs=1), events, quiet)
    reader = {
        "system": "cmma",
        "target": "vector",
        "condition_term": True,
    }  # it decodes the image as a condition
    with pytest.raises(CapabilityError, match="no image decoder"):
        Run(tmp_path, mnist(tiny_mnist, **reader, gan_epochs=1), events, quiet)
    with pytest.raises(CapabilityError, match="pictures"):
        Run(tmp_path, mnist(tiny_mnist, system="cgan", target="vector"), events, quiet)
    with pytest.raises(ConfigError, match="choose nets=dense"):
        Run(tmp_path, mnist(tiny_mnist, nets="conv"), events, quiet)
    events.close()
