"""Every experiment by name."""

from __future__ import annotations

from trainer.errors import ConfigError
from trainer.reproduce import celeba, cmma, cmma_faces, faces, mnist
from trainer.reproduce.experiment import Experiment

EXPERIMENTS = {
    experiment.name: experiment
    for group in (
        mnist.EXPERIMENTS,
        celeba.EXPERIMENTS,
        faces.EXPERIMENTS,
        cmma.EXPERIMENTS,
        cmma_faces.EXPERIMENTS,
    )
    for experiment in group
}


def find_experiment(name: str) -> Experiment:
    """The experiment called ``name``.

    Raises:
        ConfigError: There is none.
    """
    try:
        return EXPERIMENTS[name]
    except KeyError:
        raise ConfigError(f"No experiment is called “{name}”; there are: {', '.join(EXPERIMENTS)}.") from None
