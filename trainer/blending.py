"""Weights between two checkpoints, one of which was trained on from the other (WiSE-FT; Wortsman et al. 2022)."""

from __future__ import annotations

from pathlib import Path

import torch

from trainer.checkpoint import load_model, save_model
from trainer.checkpoint_header import Header
from trainer.errors import ConfigError


def blend(before: Path, after: Path, share: float, out: Path) -> Header:
    """Write a checkpoint whose every weight and statistic is (1 - share) · before + share · after.

    Fine-tuning for one thing loses a little of another; on the straight line between, much of the gain is there
    before the loss is. That holds where the weights were the same to begin with, and for no other two models.

    Args:
        before: The checkpoint that the training began from.
        after: What it led to; its crop and its training are written, with ``blended`` beside.
        share: Of ``after``, 0…1.
        out: The checkpoint to write.

    Returns:
        Its header.

    Raises:
        CheckpointError: One of them cannot be read.
        ConfigError: They are not of one kind.
    """
    (first, old), (second, new) = load_model(before), load_model(after)
    ends = first.state_dict()
    shapes = [
        {name: tensor.shape for name, tensor in model.state_dict().items()} for model in (first, second)
    ]
    if (old.system, old.modalities) != (new.system, new.modalities) or shapes[0] != shapes[1]:
        raise ConfigError(
            f"{before} and {after} differ in system, attributes or sizes: only a model and what it was trained on to "
            "can be blended."
        )
    state = {
        name: torch.lerp(ends[name], tensor, share) if tensor.is_floating_point() else tensor
        for name, tensor in second.state_dict().items()
    }
    second.load_state_dict(state)
    training = new.training | {"blended": {"share": share, "with": old.digest}}
    return save_model(out, second, new.system, training, new.crop, new.digest)
