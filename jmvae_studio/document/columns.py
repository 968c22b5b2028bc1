"""Columns of attributes, each with a caption: one of them turned to its other side at a time, or every label alone."""

from __future__ import annotations

from collections.abc import Sequence

from jmvae_studio.document.attributes import title
from jmvae_studio.language import tr

Column = tuple[str, tuple[float, ...]]
"""Caption, and values in the order of the model's names."""


def turned(names: Sequence[str], base: tuple[float, ...], chosen: Sequence[str]) -> list[Column]:
    """For each chosen attribute, the base with this one turned to its other side; unknown ones are passed over."""
    columns = []
    for name in chosen:
        if name in names:
            at = list(names).index(name)
            there = base[at] > 0
            caption = tr("not {attribute}", attribute=title(name).lower()) if there else title(name)
            columns.append((caption, (*base[:at], -1.0 if there else 1.0, *base[at + 1 :])))
    return columns


def single_labels(names: Sequence[str]) -> list[Column]:
    """Every label alone: labels exclude each other."""
    return [(name, tuple(float(other == name) for other in names)) for name in names]
