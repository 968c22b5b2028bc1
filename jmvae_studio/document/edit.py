"""An edit: everything that leads from a face to its result, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Mode = Literal["residual", "latent", "generate"]

MODES: tuple[tuple[Mode, str, str], ...] = (
    ("latent", "Latent", "Moves the face's own code and changes the photograph with it (after CMMA)."),
    ("residual", "Residual", "Adds the change of the average face to the photograph (the JMVAE papers)."),
    ("generate", "Generate", "Shows the average face of these attributes instead of the photograph."),
)
"""Mode, name on the screen and what it does."""

LOWEST, HIGHEST = -3.0, 3.0
"""Range of an attribute; pictures of the training data lie at -1 and 1."""


@dataclass(frozen=True)
class Edit:
    """What the user asked of a face.

    Attributes:
        values: Attributes set by the user, absolute, `LOWEST`…`HIGHEST`; all others keep what was inferred.
        mode: How the change reaches the photograph.
    """

    values: tuple[tuple[str, float], ...] = ()
    mode: Mode = "latent"

    def with_value(self, name: str, value: float | None) -> Edit:
        """This edit with one attribute set, or given back to the model with None."""
        values = dict(self.values)
        values.pop(name, None)
        if value is not None:
            values[name] = min(max(value, LOWEST), HIGHEST)
        return replace(self, values=tuple(sorted(values.items())))

    def with_mode(self, mode: Mode) -> Edit:
        """This edit in another mode."""
        return replace(self, mode=mode)

    def resolve(self, names: tuple[str, ...], inferred: Mapping[str, float]) -> tuple[float, ...]:
        """The value of every attribute in the order of ``names``."""
        values = dict(self.values)
        return tuple(values.get(name, inferred[name]) for name in names)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked."""
        return not self.values
