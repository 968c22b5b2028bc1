"""Starting a run from a checkpoint: all of its weights, or those that know pictures with new attributes beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trainer.checkpoint import load_model
from trainer.checkpoint_header import Header
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset, Progress, name_key
from trainer.errors import ConfigError
from trainer.evaluation.attributes import infer_attributes
from trainer.models.interface import JointModel, Modality
from trainer.systems import find_system

_READ = 512
"""Pictures read between two words about it."""


def start_from(path: Path, model: JointModel, config: TrainConfig) -> Header:
    """Give ``model`` the weights of the checkpoint at ``path``, and its statistics of the pictures.

    Where the checkpoint has other attributes, the weights that depend on them stay as they were drawn: the first
    layer that sees them and the last one that makes them. All others are taken. Where the model's attributes begin
    with the checkpoint's (`complete_attributes`), the weights of those are taken too, and the nets do not listen to
    the further ones yet.

    Args:
        path: The checkpoint.
        model: Newly built, on the CPU.
        config: Of the run.

    Returns:
        The checkpoint's header.

    Raises:
        CheckpointError: It cannot be read.
        ConfigError: It is of another system, of other pictures or of other sizes.
    """
    parent, header = load_model(path)
    if header.system != config.system:
        raise ConfigError(
            f"{path} is a “{header.system}”: a “{config.system}” cannot start from it; "
            f"set system to {header.system}, or start from another checkpoint.",
            "parent",
        )
    _check_pictures(path, parent.modality("image"), model.modality("image"))
    own, theirs = (_vectors(one) for one in (model, parent))
    if [m.kind for m in own] != [m.kind for m in theirs]:
        raise ConfigError(
            f"{path} knows {_kinds(theirs)}, but the data have {_kinds(own)}: start from another checkpoint.",
            "parent",
        )
    for name, value in parent.config().items():
        if name not in model.adjustable and model.config().get(name) != value:
            raise ConfigError(
                f"{path} was built with {name} = {value}, this run with {model.config().get(name)}: "
                f"set {name} to {value}.",
                name if name in TrainConfig.model_fields else "parent",
            )
    new = set() if own == theirs else attribute_weights(model)
    taken = {name: tensor for name, tensor in parent.state_dict().items() if name not in new}
    if config.keep_attributes:
        drawn = model.state_dict()
        taken |= {name: _widened(drawn[name], parent.state_dict()[name]) for name in new}
    model.load_state_dict(taken, strict=False)
    return header


def complete_attributes(
    path: Path, data: Dataset, config: TrainConfig, progress: Progress
) -> tuple[Dataset, tuple[str, ...]]:
    """The data with a checkpoint's attributes in front of their own, as it reads them from the pictures.

    What the data say of an attribute of the checkpoint stands; names are alike but for case and underscores.

    Args:
        path: The checkpoint.
        data: Pictures with attributes.
        config: Of the run.
        progress: Told of pictures read.

    Returns:
        The data, their attributes N × (the checkpoint's and the further ones), float32 in -1…1; and the names under
        which what they said themselves is found there.

    Raises:
        CheckpointError: It cannot be read.
        ConfigError: It is for other pictures, or has no attributes.
    """
    parent, _ = load_model(path)
    height, width, channels = data.images.shape[1:]
    pictures = Modality("image", "image", (channels, height, width), scale=config.image_scale)
    _check_pictures(path, parent.modality("image"), pictures)
    if data.kind != "attributes" or [m.kind for m in _vectors(parent)] != ["attributes"]:
        raise ConfigError(
            f"{path} knows {_kinds(_vectors(parent))}, the data have {data.kind}: they cannot stand side by "
            "side, set keep_attributes to no.",
            "keep_attributes",
        )
    known = {name_key(name): name for name in parent.vector.names}
    told = tuple(known.get(name_key(name), name) for name in data.names)
    names = *parent.vector.names, *(name for name in told if name not in known.values())
    attributes = np.empty((len(data.images), len(names)), np.float32)
    for first in range(0, len(data.images), _READ):
        chunk = slice(first, first + _READ)
        attributes[chunk, : len(known)] = np.clip(infer_attributes(parent, data.images[chunk]), -1, 1)
        progress(min(first + _READ, len(data.images)), len(data.images))
    attributes[:, [names.index(name) for name in told]] = data.attributes
    return replace(data, attributes=attributes, names=names), told


def attribute_weights(model: JointModel) -> set[str]:
    """Names of the weights whose shapes follow the number of attributes or classes."""
    own = {name: tensor.shape for name, tensor in model.state_dict().items()}
    more = tuple(
        m
        if m.kind == "image"
        else Modality(m.name, m.kind, (m.shape[0] + 1,), (*m.names, "one more"), m.scale)
        for m in model.modalities
    )
    with torch.device("meta"):
        other = type(model).build(more, model.config()).state_dict()
    return {name for name, shape in own.items() if other[name].shape != shape}


class Frozen:
    """What a run that learns a part alone keeps as it is: weights and the statistics of normalisation.

    An editor is not held: its own stage alone changes it. Of a decoder that learns alone the statistics stay too:
    they are those of the pictures' codes, whatever else it learns to decode.

    Args:
        model: Newly built or started from a checkpoint.
        config: Of the run.
    """

    def __init__(self, model: JointModel, config: TrainConfig) -> None:
        system = find_system(config.system)
        parts = [model.get_submodule(name) for name in system.parts(config.learn)]
        learning = [*parts, model.get_submodule("editor")] if system.trains_edits else parts
        self._still: list[nn.Module] = []
        """In evaluation mode, but for those that move."""
        self._moving: list[nn.Module] = []
        if config.learn == "attributes":
            self._still, learning = parts, []
        elif config.learn == "reading":
            self._still, self._moving = [model], parts
        elif config.learn == "decoding":
            self._still = [model]
        for part in self._still:
            part.requires_grad_(False)
        for part in learning:
            part.requires_grad_(True)
        self.keep_still()

    def keep_still(self) -> None:
        """Call whenever the model went into training mode; a new one is in it."""
        for part in self._still:
            part.eval()
        for part in self._moving:
            part.train()


def _widened(drawn: Tensor, theirs: Tensor) -> Tensor:
    """A weight with the checkpoint's part of it, whose further inputs count nothing and further outputs are drawn."""
    made = drawn.clone()
    if made.shape[0] == theirs.shape[0]:
        made.zero_()
    made[tuple(slice(size) for size in theirs.shape)] = theirs
    return made


def _check_pictures(path: Path, theirs: Modality, own: Modality) -> None:
    if theirs.shape != own.shape:
        channels, height, width = theirs.shape
        raise ConfigError(
            f"{path} is for pictures of {width}×{height} pixels in {channels} channels, these are "
            f"{own.shape[2]}×{own.shape[1]} in {own.shape[0]}: start from another checkpoint, "
            f"or set image_size to {height}.",
            "image_size",
        )
    if theirs.scale != own.scale:
        raise ConfigError(
            f"{path} takes pixels as {theirs.scale}, this run as {own.scale}: set image_scale to {theirs.scale}.",
            "image_scale",
        )


def _vectors(model: JointModel) -> list[Modality]:
    return [modality for modality in model.modalities if modality.kind != "image"]


def _kinds(modalities: list[Modality]) -> str:
    return " and ".join("classes" if m.kind == "label" else m.kind for m in modalities) or "pictures alone"
