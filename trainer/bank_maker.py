"""Make a bank of latents from attribute rows alone: no picture of anyone goes into it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from trainer.bank import LARGEST_BANK, Bank
from trainer.errors import DataError
from trainer.models.interface import JointModel

ROWS_AT_ONCE = 1024


@torch.no_grad()
def make_bank(
    model: JointModel, digest: str, attributes: npt.NDArray[np.int8], seed: int = 7, rows: int | None = None
) -> Bank:
    """One sample of q(z|w) for each of some rows of attributes.

    Args:
        model: In evaluation mode.
        digest: Of the model's weights.
        attributes: n × entries, real rows of the model's vector modality.
        seed: Of the choice of rows and the noise.
        rows: How many; by default as many as `LARGEST_BANK` bytes hold without compression.

    Raises:
        DataError: The rows are not of this model's attributes, or fewer than two.
        CapabilityError: The model has no q(z|w).
    """
    vector = model.vector
    if attributes.shape[1] != vector.shape[0]:
        raise DataError(
            f"The model has {vector.shape[0]} attributes and the data {attributes.shape[1]}: a bank needs the same."
        )
    if min(len(attributes), 2 if rows is None else rows) < 2:
        raise DataError("A bank needs two rows of attributes at least.")
    room = (LARGEST_BANK - 8192) // (2 * model.latent + attributes.shape[1])
    count = min(len(attributes), room if rows is None else rows)
    chosen = np.random.default_rng(seed).permutation(len(attributes))[:count]
    generator = torch.Generator().manual_seed(seed)
    codes = []
    for start in range(0, count, ROWS_AT_ONCE):
        given = torch.from_numpy(attributes[chosen[start : start + ROWS_AT_ONCE]].astype(np.float32))
        noise = torch.randn((len(given), model.latent), generator=generator)
        codes.append(model.sample_code({vector.name: given}, noise))
    sampled = torch.cat(codes).numpy().astype(np.float16).astype(np.float32)
    return Bank(sampled, attributes[chosen], vector.names, digest)
