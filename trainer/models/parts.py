"""An edit of several attributes, drawn attribute by attribute."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from torch.nn import functional

MOST = 6
"""So many attributes, the furthest from what was read, are drawn each by itself."""
WHOLE = 12
"""With more attributes set than this an edit is drawn as one: it goes to another face as a whole."""
_AROUND = 5
"""Side of the square, in pixels, over which the strength of a change is taken."""
_FAINT = 1e-6


def parts_of(moves: Mapping[int, float], free: Collection[int] = ()) -> list[tuple[int, ...]]:
    """What of an edit is drawn together: `MOST` attributes by themselves, what else was set, and all that only follow.

    An editor has learnt to change one attribute or two. Asked for more in one move it leaves some out and draws spots.
    What is set beyond `MOST` is drawn as one, the faintest of all, so that one more slider that begins to move does
    not make the others jump.

    Args:
        moves: Index of every attribute that differs from what was read → by how much.
        free: Those of them that follow the others.

    Returns:
        Indices of every part; one part of all if more than `WHOLE` are set, none if nothing changed.
    """
    set_ = [index for index in moves if index not in free]
    if len(set_) > WHOLE:
        return [tuple(moves)]
    alone = sorted(set_, key=lambda index: -abs(moves[index]))[:MOST]
    parts: list[tuple[int, ...]] = [(index,) for index in set_ if index in alone]
    rest = tuple(index for index in set_ if index not in alone)
    following = tuple(index for index in moves if index in free)
    return [*parts, *(part for part in (rest, following) if part)]


def compose(drawn: Tensor) -> Tensor:
    """One change of all parts: half their sum, half what is left of it where each pixel belongs to who changes it most.

    In the sum glasses, a fringe and brows would darken the same pixels three times. In the other half every part counts
    in proportion to its strength there, so that it stays whole where it is alone.

    Args:
        drawn: Batch × parts × channels × height × width.

    Returns:
        Batch × channels × height × width; a single part as it is.
    """
    if drawn.shape[1] == 1:
        return drawn[:, 0]
    strength = drawn.square().mean(2).sqrt()
    strength = functional.avg_pool2d(strength, _AROUND, 1, _AROUND // 2, count_include_pad=False) + _FAINT
    share = (strength / strength.sum(1, keepdim=True))[:, :, None]
    composed: Tensor = torch.sum(drawn * (1 + share), 1) / 2
    return composed
