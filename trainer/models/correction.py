"""What is known of a picture beside its pixels: the code and the vector under q(z|x,w)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainer.models.interface import JointModel


def correct(model: JointModel, image: Tensor, told: Mapping[int, float]) -> tuple[Tensor, Tensor]:
    """How a picture's code moves, and what is read of it, once some entries of its vector are known.

    With w the vector that the model reads and w' the same with the known entries in place, the code moves by
    mu(x,w') - mu(x,w), the difference of two means of the joint encoder, and the rest of the vector is read at
    mu(x) + mu(x,w') - mu(x,w). Taking mu(x,w') itself would also put the joint encoder in the place of the
    picture's own, which reads the better of the two: every reading would change, whatever is known.

    Args:
        model: With an encoder of pictures and vectors together.
        image: Standardised, 1 × channels × height × width.
        told: Index in the vector → what is true there; of a label 1 for the class it is, 0 for one it is not.

    Returns:
        The move, 1 × latent, and the vector, 1 × names, with the known entries in place.
    """
    vector = model.vector.name
    sides = model.sides(image)
    own = model.encode({"image": sides}).mean
    read = model.decode_one(vector, own).mean.mean(0, keepdim=True)  # as `read` does
    pairs = torch.cat([read.expand(len(sides), -1), with_known(model, read, told).expand(len(sides), -1)])
    before, after = model.encode({"image": sides.repeat(2, 1, 1, 1), vector: pairs}).mean.chunk(2)
    moves = after - before
    again = model.decode_one(vector, own + moves).mean.mean(0, keepdim=True)
    return moves[:1], with_known(model, again, told)


def with_known(model: JointModel, read: Tensor, told: Mapping[int, float]) -> Tensor:
    """``read``, batch × names, with the known entries in place; the shares of a label still sum to one."""
    known = read.clone()
    for index, value in told.items():
        known[:, index] = value
    if model.vector.kind != "label" or not told:
        return known
    if any(value > 0.5 for value in told.values()):  # it is that class, so no other
        others = [index for index in range(known.shape[1]) if told.get(index, 0) <= 0.5]
        known[:, others] = 0
    known = known.clamp(min=1e-6)
    return known / known.sum(1, keepdim=True)
