"""Every system by name: what it can do and which class builds it. Torch-free, for lists and dialogs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from trainer.errors import ConfigError

if TYPE_CHECKING:
    from trainer.config import TrainConfig
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
        weighs_encoders: Whether its bound is JMVAE-kl's, with the KL terms that ``alpha`` weighs.
        trains_edits: Whether it has an editor that a run can train (``edit_epochs``): `StudioJMVAE` alone.
        picture_parts: The parts that know pictures alone, and stay while attributes are learnt
            (``learn=attributes``); empty if pictures and attributes share their parts.
        reading_parts: The parts of q(z|x) and p(w|z) that no other posterior uses, and that alone are learnt with
            ``learn=reading``; empty if there are none.
        decoding_parts: The parts of p(x|z), likewise, of ``learn=decoding``.
    """

    name: str
    title: str
    capabilities: frozenset[str]
    class_path: str
    weighs_encoders: bool = False
    trains_edits: bool = False
    picture_parts: tuple[str, ...] = ()
    reading_parts: tuple[str, ...] = ()
    decoding_parts: tuple[str, ...] = ()

    def parts(self, learn: str) -> tuple[str, ...]:
        """The parts that a run's ``learn`` speaks of: those that it keeps, of attributes, or else those that learn."""
        known = {
            "attributes": self.picture_parts,
            "reading": self.reading_parts,
            "decoding": self.decoding_parts,
        }
        return known.get(learn, ())

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
            "Joint VAE whose encoders of some modalities are drawn to the joint one (Suzuki et al. 2016)",
            _JOINT,
            "trainer.models.jmvae:JMVAEKL",
            weighs_encoders=True,
            picture_parts=("encoders.image", "decoders.image"),
        ),
        System(
            "jmvae-kl-studio",
            "JMVAE-kl for faces with one image trunk, better blocks and an editor trained against a critic",
            _JOINT,
            "trainer.models.studio:StudioJMVAE",
            weighs_encoders=True,
            trains_edits=True,
            picture_parts=("trunk", "encoders.image", "decoders.image"),
            reading_parts=("encoders.image", "decoders.attributes"),
            decoding_parts=("decoders.image",),
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
        message = f"No system is called “{name}”; there are: {', '.join(SYSTEMS)}."
        raise ConfigError(message, "system") from None


def check_run(config: TrainConfig) -> System:
    """The system of a run, whose settings fit it and each other.

    Raises:
        ConfigError: They do not.
    """
    system = find_system(config.system)
    if config.edit_epochs and not system.trains_edits:
        raise ConfigError(f"“{config.system}” has no editor to train: set edit_epochs to 0.", "edit_epochs")
    if not config.total_epochs:
        raise ConfigError("A run takes one epoch or more: set epochs.", "epochs")
    if config.average_face and not system.decoding_parts:
        able = ", ".join(name for name, known in SYSTEMS.items() if known.decoding_parts)
        raise ConfigError(
            f"“{config.system}” has no loss of the average face: set average_face to 0, or system to {able}.",
            "average_face",
        )
    if config.learn != "all":
        _check_part(config)
    if config.learn != "attributes" and config.keep_attributes:
        raise ConfigError(
            "A checkpoint's attributes can be kept where its picture parts are: set learn to attributes, "
            "or keep_attributes to no.",
            "keep_attributes",
        )
    return system


def _check_part(config: TrainConfig) -> None:
    """Whether a run can learn the part of its system that it is told to, and keep the others."""
    if not find_system(config.system).parts(config.learn):
        able = ", ".join(name for name, known in SYSTEMS.items() if known.parts(config.learn))
        raise ConfigError(
            f"“{config.system}” has no parts for the {config.learn} alone: set learn to all, or system to {able}.",
            "learn",
        )
    if config.parent is None:
        raise ConfigError(
            f"To learn {config.learn} alone, a run needs a checkpoint whose other parts it keeps: set parent, "
            "or learn to all.",
            "parent",
        )
    if config.gan_epochs:
        raise ConfigError(
            f"A GAN stage changes other parts than learn={config.learn}: set gan_epochs to 0.",
            "gan_epochs",
        )
