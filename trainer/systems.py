"""Every system by name: what it can do and which class builds it. Torch-free, for lists and dialogs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from trainer.errors import ConfigError

if TYPE_CHECKING:
    from trainer.models.interface import JointModel


@dataclass(frozen=True)
class System:
    """A family of models.

    Attributes:
        name: As written in configurations and checkpoints.
        title: One line for people.
        capabilities: What its models can do. ``encode`` and ``decode``: between modalities and z; ``complete``: make
            what is missing; ``average`` and ``random``: its mean, and samples of it; ``edit``: all that the
            studio asks of a model.
        class_path: ``module:class`` of the `JointModel`.
        trains_edits: Whether it has an editor that a run can train (``edit_epochs``).
    """

    name: str
    title: str
    capabilities: frozenset[str]
    class_path: str
    trains_edits: bool = False

    def load_class(self) -> type[JointModel]:
        """Import the model's class (this imports torch)."""
        module, name = self.class_path.split(":")
        found: type[JointModel] = getattr(import_module(module), name)
        return found


_JOINT = frozenset({"encode", "decode", "complete", "average", "random", "edit"})
"""Both directions from one model."""

SYSTEMS = {
    system.name: system
    for system in (
        System(
            "jmvae-kl",
            "Joint VAE whose encoders of some modalities are drawn to the joint one (Suzuki et al. 2018)",
            _JOINT,
            "trainer.models.jmvae:JMVAEKL",
        ),
        System(
            "jmvae-kl-studio",
            "JMVAE-kl for faces with one image trunk, better blocks and an editor trained against a critic",
            _JOINT,
            "trainer.models.studio:StudioJMVAE",
            trains_edits=True,
        ),
        System(
            "jmvae",
            "Joint VAE with one encoder; what is missing is zeros or sampled in turn (Suzuki et al. 2016)",
            _JOINT,
            "trainer.models.jmvae:JMVAE",
        ),
        System(
            "jmvae-h",
            "Joint VAE with several stochastic layers (Suzuki et al. 2018)",
            _JOINT,
            "trainer.models.jmvae_h:JMVAEH",
        ),
        System(
            "vae",
            "VAE of the pictures alone (Kingma and Welling 2014)",
            frozenset({"encode", "decode", "random"}),
            "trainer.models.vae:VAE",
        ),
        System(
            "cvae",
            "Conditional VAE, one direction (target=image or vector; Sohn et al. 2015)",
            frozenset({"encode", "complete", "average", "random"}),
            "trainer.models.cvae:CVAE",
        ),
        System(
            "cmma",
            "Conditional multimodal autoencoder, one direction (target=image or vector; Pandey and Dukkipati 2016)",
            frozenset({"encode", "decode", "complete", "average", "random"}),
            "trainer.models.cmma:CMMA",
        ),
        System(
            "cgan",
            "Conditional GAN, from attributes to pictures (Mirza and Osindero 2014)",
            frozenset({"complete", "average", "random"}),
            "trainer.models.cgan:CGAN",
        ),
    )
}


def find_system(name: str) -> System:
    """The system called ``name``.

    Raises:
        ConfigError: There is none.
    """
    try:
        return SYSTEMS[name]
    except KeyError:
        raise ConfigError(f"No system is called “{name}”; there are: {', '.join(SYSTEMS)}.") from None
