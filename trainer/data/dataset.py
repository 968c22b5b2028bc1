"""What every loader returns: pictures, their attributes and a partition, in memory or mapped from a cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

PARTITIONS = ("train", "validation", "test")
"""Their numbers in `Dataset.partition` are their places here."""

Progress = Callable[[int, int], None]
"""Called with (done, all)."""


def name_key(name: str) -> str:
    """What names of one attribute have in common, however they are written: ``Wearing_Hat``, ``wearing hat``."""
    return name.replace("_", " ").casefold()


@dataclass(frozen=True)
class Dataset:
    """A decoded data set.

    Attributes:
        images: N × height × width × channels, uint8; faces are memory-mapped from a cache.
        attributes: N × A. For ``attributes`` -1 or 1 (int8), or scores scaled into -1…1 (float32);
            for ``label`` one-hot 0 or 1 (int8).
        names: Of the attributes or classes, in the order of the columns.
        partition: N, 0 train, 1 validation, 2 test.
        kind: Whether the columns are independent attributes or the classes of one label.
    """

    images: npt.NDArray[np.uint8]
    attributes: npt.NDArray[Any]
    names: tuple[str, ...]
    partition: npt.NDArray[np.uint8]
    kind: Literal["attributes", "label"] = "attributes"

    def indices(self, partition: str) -> npt.NDArray[np.int64]:
        """Rows of ``train``, ``validation`` or ``test``."""
        return np.flatnonzero(self.partition == PARTITIONS.index(partition))


def spaced(rows: npt.NDArray[np.int64], count: int | None) -> npt.NDArray[np.int64]:
    """So many of the ``rows``, evenly spaced; all of them where there are no more, or without a number.

    The first ones are not like the rest: MNIST's first 5,000 test digits were written by other people than the last.
    """
    if count is None or count >= len(rows):
        return rows
    return rows[np.arange(count) * len(rows) // max(1, count)]
