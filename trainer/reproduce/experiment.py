"""What an experiment is, as a description: runs to train, what is measured of each, pictures, the papers' figures.

Papers: I = Suzuki et al. 2016 (ICLR 2017 workshop), A = Suzuki et al. 2018, C = Pandey and Dukkipati 2016.
Torch-free: what measures and draws imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.checkpoint_header import read_checkpoint
from trainer.config import PRESETS, TrainConfig, make_config
from trainer.data.dataset import Dataset, spaced
from trainer.events import read_events

if TYPE_CHECKING:
    from trainer.models.interface import JointModel

Budget = Literal["quick", "standard", "paper"]
BUDGETS: tuple[Budget, ...] = ("quick", "standard", "paper")

Measured = dict[str, dict[str, float | None]]
"""Column → ``value`` and ``standard_error``."""


@dataclass(frozen=True)
class Effort:
    """How much a budget trains and evaluates.

    Attributes:
        epochs: Passes over the training pictures before a GAN joins.
        gan_epochs: Further ones against a discriminator, in the systems with a GAN.
        warmup_share: N_t / epochs; see `TrainConfig.warmup_share`.
        rows: Test pictures to evaluate on, evenly spaced; all if empty, none if 0.
        k: Importance samples of a bound; 0 where none is estimated.
        settings: What differs from the preset, in all trainings.
    """

    epochs: int
    gan_epochs: int = 0
    warmup_share: float = 0.4
    rows: int | None = None
    k: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Training:
    """One model to train.

    Attributes:
        name: Of its run's folder, before the number of epochs.
        row: Of the table it fills; trainings for two directions may share one.
        system: Name in `trainer.systems.SYSTEMS`.
        settings: What differs from the preset.
        gan: When it trains against a discriminator, for the budget's ``gan_epochs``: never, after its other epochs, or
            from the first step, without any others.
    """

    name: str
    row: str
    system: str
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    gan: Literal["never", "after", "alone"] = "never"


@dataclass(frozen=True)
class Trained:
    """A training's run as it stands.

    Attributes:
        training: Its description.
        folder: Of the run.
        config: Its settings.
        dataset: That of the whole experiment, loaded once.
        effort: Of the budget.
        seed: Of the evaluation's noise.
        photographs: Faces that the user chose to be shown, by name, each size × size × 3.
    """

    training: Training
    folder: Path
    config: TrainConfig
    dataset: Dataset
    effort: Effort
    seed: int
    photographs: Mapping[str, npt.NDArray[np.uint8]] = field(default_factory=dict)

    @property
    def checkpoint(self) -> Path:
        """The newest epoch's weights."""
        return self.folder / "model.safetensors"

    @cached_property
    def model(self) -> JointModel:
        """The newest epoch, in evaluation mode."""
        import torch

        from trainer.checkpoint import load_model

        model = load_model(self.checkpoint)[0]
        return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    @cached_property
    def digest(self) -> str:
        """Of the weights."""
        return read_checkpoint(self.checkpoint)[0].digest

    @cached_property
    def epochs(self) -> int:
        """Passes behind the weights, those against a discriminator included."""
        return int(read_checkpoint(self.checkpoint)[0].training["epoch"])

    @property
    def finished(self) -> bool:
        """Whether the whole schedule was trained."""
        return self.epochs >= self.config.total_epochs

    @property
    def full_beta_share(self) -> float:
        """Share of the epochs so far in which the KL to the prior had its full weight."""
        full = sum(self.config.beta(min(n, self.config.epochs)) == 1.0 for n in range(1, self.epochs + 1))
        return full / self.epochs

    def seconds(self) -> float:
        """Spent in training, pauses between sessions left out."""
        total, started, last = 0.0, None, 0.0
        for event in read_events(self.folder / "events.jsonl"):
            if event["event"] == "run-started":
                total += 0.0 if started is None else last - started
                started = event["time"]
            last = event["time"]
        return total if started is None else total + last - started

    def rows(self, partition: str = "test") -> npt.NDArray[np.int64]:
        """The pictures to evaluate on."""
        return spaced(self.dataset.indices(partition), self.effort.rows)

    def shown(self, count: int) -> Mapping[str, npt.NDArray[np.uint8]]:
        """Faces for the figures, by name: the user's photographs, or else the first ``count`` test pictures."""
        if self.photographs:
            return self.photographs
        rows = self.dataset.indices("test")[:count]
        return {
            f"test picture {number}": self.dataset.images[row] for number, row in enumerate(rows, start=1)
        }


@dataclass(frozen=True)
class Picture:
    """A figure of an experiment.

    Attributes:
        name: Of the file, after the experiment's, with its ending.
        caption: What is seen, in one or two sentences.
        content: Of the file.
    """

    name: str
    caption: str
    content: bytes


@dataclass(frozen=True)
class Experiment:
    """One table or figure of the papers.

    Attributes:
        name: As given to ``python -m trainer reproduce``.
        title: One line.
        source: Paper, table or figure.
        shows: What is asked, and what the papers found; a sentence.
        preset: Where the settings of all runs start.
        efforts: By budget.
        trainings: In the order of the table.
        columns: Of the table, with what they mean.
        measure: Fills some columns for one run.
        draw: The figures, from all runs there are and from what was measured, by row.
        papers: Row → column → the papers' figure.
        notes: What a reader must know to read the table.
        photographs: Whether its figures start from photographs, which the user may choose.
    """

    name: str
    title: str
    source: str
    shows: str
    preset: str
    efforts: Mapping[Budget, Effort]
    trainings: tuple[Training, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    measure: Callable[[Trained], Measured] | None = None
    draw: Callable[[list[Trained], Mapping[str, Measured]], list[Picture]] | None = None
    papers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    photographs: bool = False

    def config(
        self, training: Training, budget: Budget, data: Path, seed: int, changes: Mapping[str, Any]
    ) -> TrainConfig:
        """The settings of one run; ``changes`` win over everything."""
        effort = self.efforts[budget]
        values: dict[str, Any] = PRESETS[self.preset] | {
            "preset": self.preset,
            "system": training.system,
            "epochs": effort.gan_epochs if training.gan == "alone" else effort.epochs,
            "gan_epochs": effort.gan_epochs if training.gan == "after" else 0,
            "warmup_share": effort.warmup_share,
            "data": data.absolute(),
            "seed": seed,
            **effort.settings,
        }
        return make_config(values | dict(training.settings) | dict(changes))

    def run_name(self, training: Training, config: TrainConfig) -> str:
        """Of the run's folder: experiments with equal runs share them."""
        gan = f"+{config.gan_epochs}" if config.gan_epochs else ""
        warmup = f"-warmup{config.warmup_epochs}"
        seed = f"-seed{config.seed}" if config.seed else ""
        return f"{training.name}-{config.epochs}{gan}epochs{warmup}{seed}"
