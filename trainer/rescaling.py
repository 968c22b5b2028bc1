"""How far a slider's step goes in a face model that is there."""

from __future__ import annotations

from pathlib import Path

from trainer.checkpoint import load_model, save_model
from trainer.checkpoint_header import Header
from trainer.errors import ConfigError
from trainer.models.studio import StudioJMVAE


def rescale(checkpoint: Path, edit_scale: float, out: Path) -> Header:
    """Write the same weights with another ``edit_scale``, which no training depends on.

    Args:
        checkpoint: A model with an editor.
        edit_scale: What the move of the code is multiplied by in an edit, in 0…2.
        out: The checkpoint to write.

    Returns:
        Its header.

    Raises:
        CheckpointError: The checkpoint cannot be read.
        ConfigError: The model has no editor.
    """
    model, header = load_model(checkpoint)
    if not isinstance(model, StudioJMVAE):
        raise ConfigError(
            f"{checkpoint} is a {header.system}: only a model with an editor has a length of edits."
        )
    model.edit_scale = edit_scale
    training = header.training | {"edit_scale": edit_scale}
    return save_model(out, model, header.system, training, header.crop, header.parent)
