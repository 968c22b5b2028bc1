"""A small training run, for checks of what runs outlive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.events import EventLog, read_events
from trainer.training import Run

ROOT = Path(__file__).resolve().parents[2]
INTERVAL = 5
"""Steps between two saves; a kill may cost so many."""
PICTURES, BATCH = 48, 8
STEPS = PICTURES // BATCH
"""Of an epoch."""
KINDS: tuple[dict[str, Any], ...] = (
    {"epochs": 3},
    {"epochs": 1, "gan_epochs": 2, "nets": "conv", "image_size": 64},
    {"epochs": 1, "edit_epochs": 2, "edit_head_start": 2, "system": "jmvae-kl-studio", "image_size": 64},
    {"epochs": 3, "optimizer": "adagrad", "flip": False},
)


def faces(size: int) -> Dataset:
    """Noise in which three attributes can be seen."""
    chance = np.random.default_rng(0)
    count = PICTURES + 16
    attributes = chance.choice(np.array([-1, 1], np.int8), (count, 3))
    pixels = chance.integers(60, 190, (count, size, size, 3))
    pixels += 50 * attributes[:, None, None]
    partition = np.r_[np.zeros(PICTURES, np.uint8), np.ones(8, np.uint8), np.full(8, 2, np.uint8)]
    return Dataset(pixels.clip(0, 255).astype(np.uint8), attributes, ("Red", "Green", "Blue"), partition)


@contextmanager
def a_run(folder: Path, **changes: Any) -> Iterator[Run]:
    """A small run, new or not, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"nets": "dense", "hidden": 16, "latent": 4, "image_size": 16, "batch_size": BATCH}
    fixed = {"device": "cpu", "precision": "32-true", "log_steps": 1, "checkpoint_steps": INTERVAL}
    config = TrainConfig(data=folder, **(plain | fixed | changes))
    events = EventLog(folder / "events.jsonl")
    try:
        yield Run(folder, config, events, lambda *_: None, faces(config.image_size))
    finally:
        events.close()


def told(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The events of a kind that a run has told."""
    return [event for event in read_events(folder / "events.jsonl") if event["event"] == kind]
