"""Asking the trainer how long a run would take, by a few of its steps."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from jmvae_studio.training.call import Call
from jmvae_studio.training.survey import Survey
from trainer.config import TrainConfig


@dataclass(frozen=True)
class Measured:
    """What the trainer said; see `trainer.estimate.Estimate`."""

    seconds: float
    images_per_second: float
    memory: int
    device: str


class Measuring(QObject):
    """One measurement at a time; a new one takes the place of the old one."""

    measured = Signal(object)
    """A `Measured`."""
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._call = Call(self)
        self._call.answered.connect(
            lambda said: self.measured.emit(Measured(**{n: said[n] for n in Measured.__dataclass_fields__}))
        )
        self._call.failed.connect(self.failed)

    @property
    def is_under_way(self) -> bool:
        """Whether something is being measured."""
        return self._call.is_under_way

    def start(self, config: TrainConfig, survey: Survey) -> None:
        """Measure a run of ``config`` on data like those that were found."""
        counts = {
            "training": survey.training,
            "validation": survey.validation,
            "attributes": survey.attributes,
        }
        options = [part for name, count in counts.items() for part in (f"--{name}", str(max(1, count)))]
        self._call.start(["estimate", "-", "--json", *options], config.to_json())

    def cancel(self) -> None:
        """End the process; nothing is told."""
        self._call.cancel()

    def close(self) -> None:
        """End the process, and see to it that it has ended."""
        self._call.close()
