"""Codes that share a map, wherever they come from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.bank import Bank

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Group:
    """What some codes are samples of.

    Attributes:
        name: For the legend.
        code: Their mean, latent.
        face: The picture there, height × width × 3.
    """

    name: str
    code: Floats
    face: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Collection:
    """Codes with what is known of each.

    Attributes:
        codes: n × latent.
        names: Of the attributes.
        given: n × attributes as they were said of the codes, about -1…1; None if nobody said any.
        read: n × attributes as the model reads them from the codes; None until it has.
        titles: What each is called, for instance a file's name; empty if they have no names.
        groups: What they are samples of; empty if of nothing in particular.
        member: n, the number of each code's group.
    """

    codes: Floats
    names: tuple[str, ...]
    given: Floats | None = None
    read: Floats | None = None
    titles: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    member: npt.NDArray[np.int64] | None = None

    @classmethod
    def of_bank(cls, bank: Bank) -> Collection:
        """The codes of a bank; what is 0 or -1 in it is absent."""
        return cls(bank.codes, bank.names, np.where(bank.attributes > 0, 1, -1).astype(np.float32))
