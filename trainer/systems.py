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
        capabilities: What its models can do: ``encode``, ``decode``, ``complete``, ``edit``.
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


SYSTEMS = {
    system.name: system
    for system in (
        System(
            "jmvae-kl",
            "Joint VAE whose single-modality encoders are drawn to the joint one (Suzuki et al. 2018)",
            frozenset({"encode", "decode", "complete", "edit"}),
            "trainer.models.jmvae:JMVAEKL",
        ),
        System(
            "jmvae-kl-studio",
            "JMVAE-kl for faces with one image trunk, better blocks and an editor trained against a critic",
            frozenset({"encode", "decode", "complete", "edit"}),
            "trainer.models.studio:StudioJMVAE",
            trains_edits=True,
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
