"""What a run would take, from a few of its steps."""

from pathlib import Path
from time import perf_counter

import pytest

from trainer.config import PRESETS, TrainConfig, make_config
from trainer.estimate import estimate
from trainer.events import EventLog
from trainer.models.editing import EditStage
from trainer.training import start

SMALL = {"hidden": 32, "latent": 4, "batch_size": 10, "image_size": 8, "device": "cpu", "log_steps": 1}


def config(data: Path, **changes: object) -> TrainConfig:
    return make_config(PRESETS["mnist"] | SMALL | {"data": data} | changes)


def test_the_estimate_is_near_the_truth(tiny_mnist: Path, tmp_path: Path) -> None:
    chosen = config(tiny_mnist, epochs=20)
    found = estimate(chosen, 50, 10, 10)
    assert found.steps == 20 * 5
    assert set(found.step_seconds) == {"bound"}
    assert found.device == "cpu"
    assert 50e6 < found.memory < 20e9
    events = EventLog(tmp_path / "events.jsonl")
    before = perf_counter()
    start(tmp_path, chosen, events, lambda *_: None)
    took = perf_counter() - before
    events.close()
    assert took / 5 < found.seconds < took * 5, (took, found)  # the machine may do other things


def test_every_stage_is_measured_and_counted(tiny_mnist: Path) -> None:
    found = estimate(config(tiny_mnist, epochs=2, gan_epochs=3), 1000, 100, 10)
    assert set(found.step_seconds) == {"bound", "gan"}
    expected = (
        100 * (2 * found.step_seconds["bound"] + 3 * found.step_seconds["gan"]) + 5 * found.epoch_seconds
    )
    assert found.seconds == pytest.approx(expected)
    assert found.steps == 500
    limited = estimate(config(tiny_mnist, epochs=2, limit=40), 1000, 100, 10)
    assert limited.steps == 2 * 4


def test_nothing_is_left_behind(tiny_mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    estimate(config(tiny_mnist, epochs=1, checkpoint_steps=1), 50, 10, 10)
    assert list(tmp_path.iterdir()) == []


def test_the_editors_steps_are_measured_with_the_editor(
    tiny_celeba: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run on noise is too short for its head start."""
    learned = []
    plain = EditStage._learn
    monkeypatch.setattr(EditStage, "_learn", lambda *given: learned.append(1) or plain(*given))
    small = {
        "data": tiny_celeba,
        "latent": 4,
        "batch_size": 4,
        "device": "cpu",
        "epochs": 1,
        "edit_epochs": 1,
    }
    found = estimate(make_config(PRESETS["studio"] | small | {"precision": "32-true"}), 100, 10, 40)
    assert len(learned) >= 5
    assert set(found.step_seconds) == {"bound", "edit"}
