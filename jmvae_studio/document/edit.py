"""An edit: everything that leads from a face to its result, as one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from jmvae_studio.language import mark, tr

Mode = Literal["residual", "latent", "generate"]
State = Literal["held", "locked", "free"]

MODES: tuple[tuple[Mode, str, str], ...] = (
    (
        "latent",
        mark("Latent"),
        mark("Moves the face's own code and changes the photograph with it (after CMMA)."),
    ),
    (
        "residual",
        mark("Residual"),
        mark("Adds the change of the average face to the photograph (the JMVAE papers)."),
    ),
    (
        "generate",
        mark("Generate"),
        mark("Shows the average face of these attributes instead of the photograph."),
    ),
)
"""Mode, name on the screen and what it does."""
_WORDS: dict[Mode, str] = {
    "latent": mark("latent"),
    "residual": mark("residual"),
    "generate": mark("generate"),
}

LOWEST, HIGHEST = -3.0, 3.0
"""Range of an attribute; pictures of the training data lie at -1 and 1."""

STRONGEST = 2.0
"""Highest overall strength and identity; 1 is the edit as it was asked for, 0 none of it."""


def mode_word(mode: Mode) -> str:
    """A mode's name amid a sentence, in the user's language."""
    return tr(_WORDS[mode])


@dataclass(frozen=True)
class Edit:
    """What the user asked of a face.

    Attributes:
        values: Attributes set by the user, absolute, `LOWEST`…`HIGHEST`; all others keep what was inferred.
        mode: How the change reaches the photograph.
        locked: Attributes that nothing moves until they are unlocked; each has a value.
        free: Attributes that go where the model believes them to be, given the others, unless they are set.
        strength: How much of the way from the inferred to the set values is gone; locked ones stand.
        identity: How much of what is this person's own, beyond the average face, is kept (1 is all).
    """

    values: tuple[tuple[str, float], ...] = ()
    mode: Mode = "latent"
    locked: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    strength: float = 1.0
    identity: float = 1.0

    def with_value(self, name: str, value: float | None) -> Edit:
        """This edit with one attribute set, or given back to the model with None; locked ones stay."""
        if name in self.locked:
            return self
        values = dict(self.values)
        values.pop(name, None)
        if value is not None:
            values[name] = min(max(value, LOWEST), HIGHEST)
        return replace(self, values=tuple(sorted(values.items())))

    def with_values(self, changes: Mapping[str, float]) -> Edit:
        """This edit with several attributes set; those not named and those locked stay."""
        edit = self
        for name, value in changes.items():
            edit = edit.with_value(name, value)
        return edit

    def with_mode(self, mode: Mode) -> Edit:
        """This edit in another mode."""
        return replace(self, mode=mode)

    def with_strength(self, strength: float) -> Edit:
        """This edit with another overall strength, 0…`STRONGEST`."""
        return replace(self, strength=min(max(strength, 0.0), STRONGEST))

    def with_identity(self, identity: float) -> Edit:
        """This edit with another identity strength, 0…`STRONGEST`."""
        return replace(self, identity=min(max(identity, 0.0), STRONGEST))

    def with_state(self, name: str, state: State, value: float) -> Edit:
        """This edit with an attribute held, locked at ``value`` or free."""
        locked, free = set(self.locked) - {name}, set(self.free) - {name}
        edit = replace(self, locked=tuple(sorted(locked)), free=tuple(sorted(free)))
        if state == "locked":
            return replace(edit.with_value(name, value), locked=tuple(sorted({*locked, name})))
        if state == "free":
            return replace(edit.with_value(name, None), free=tuple(sorted({*free, name})))
        return edit

    def with_followers(self, names: tuple[str, ...]) -> Edit:
        """This edit with these attributes free, as far as they are not locked, and no others."""
        return replace(self, free=tuple(sorted(set(names) - set(self.locked))))

    def state(self, name: str) -> State:
        """Whether an attribute is locked, free or held."""
        return "locked" if name in self.locked else "free" if name in self.free else "held"

    def cleared(self) -> Edit:
        """Everything given back to the model, except the mode and what is locked."""
        kept = tuple((name, value) for name, value in self.values if name in self.locked)
        return Edit(kept, self.mode, self.locked)

    def resolve(self, names: tuple[str, ...], inferred: Mapping[str, float]) -> tuple[float, ...]:
        """The value of every attribute in the order of ``names``; free ones start from what was inferred."""
        values = dict(self.values)
        if self.strength != 1.0:
            for name, value in values.items():
                if name not in self.locked and name in inferred:
                    value = inferred[name] + self.strength * (value - inferred[name])
                    values[name] = min(max(value, LOWEST), HIGHEST)
        return tuple(values.get(name, inferred[name]) for name in names)

    def followers(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Indices in ``names`` of the attributes that follow the model's belief."""
        if not self.free or not self.values:
            return ()  # nothing is set that they could follow
        values = dict(self.values)
        return tuple(index for index, name in enumerate(names) if name in self.free and name not in values)

    @property
    def is_empty(self) -> bool:
        """Whether the photograph stays as it is; mode ``generate`` replaces the face before any value is set.

        What is not empty is exported with its settings and made again by another model. Whether the user asked for
        it is `FaceState.is_edited`.
        """
        return not self.values and self.identity == 1.0 and self.mode != "generate"
