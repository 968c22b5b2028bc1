"""Checkpoints: weights for use as safetensors, the state of a run for resuming; both written atomically."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors

from trainer.checkpoint_header import METADATA_KEY, CropSpec, Header, read_checkpoint
from trainer.errors import CheckpointError
from trainer.files import part, write_beside
from trainer.models.interface import JointModel, Modality
from trainer.systems import find_system

KEPT_STATES = 3


def share(path: Path, other: Path) -> None:
    """Let ``other`` be the same file as ``path``, which is only ever replaced; a copy where there are no links."""
    temporary = part(other)
    try:
        temporary.unlink(missing_ok=True)
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)
        temporary.replace(other)
    finally:
        temporary.unlink(missing_ok=True)


def save_model(
    path: Path,
    model: JointModel,
    system: str,
    training: dict[str, Any],
    crop: CropSpec | None = None,
    parent: str | None = None,
) -> Header:
    """Write the weights for use: float16, statistics in float32, with a verified header.

    Raises:
        CheckpointError: A weight is not finite (nothing is written).
    """
    tensors = {}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue  # inference does not count batches
        tensor = tensor.detach().cpu().contiguous()
        half = tensor if name in ("image_mean", "image_std") else tensor.half()
        if not torch.isfinite(half).all():
            raise CheckpointError(
                f"The weight {name} is not finite in float16: nothing was written to {path}."
            )
        tensors[name] = half
    header = Header(
        system=system,
        config=model.config(),
        modalities=[modality.to_json() for modality in model.modalities],
        crop=crop or CropSpec(),
        training=training,
        parent=parent,
    )
    plain = to_safetensors(tensors)
    (length,) = struct.unpack_from("<Q", plain)
    body = plain[8 + length :]
    layout = json.loads(plain[8 : 8 + length])
    header = replace(header, digest=hashlib.sha256(body).hexdigest())
    layout = {"__metadata__": {METADATA_KEY: header.to_json()}, **layout}
    text = json.dumps(layout, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write_beside(path, struct.pack("<Q", len(text)) + text + body)
    return header


def load_model(path: Path) -> tuple[JointModel, Header]:
    """Read a checkpoint and build its model, in float32 and channels_last on the CPU and in evaluation mode.

    Raises:
        CheckpointError: The file is not a sound checkpoint of this program.
    """
    header, arrays = read_checkpoint(path)
    try:
        modalities = tuple(Modality.from_json(values) for values in header.modalities)
        with torch.device("meta"):
            model = find_system(header.system).load_class().build(modalities, header.config)
    except (TypeError, ValueError, KeyError, AttributeError, RuntimeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CheckpointError(f"No model can be built as {path.name} describes it: {reason}.") from error
    expected = {name: t for name, t in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    if arrays.keys() != expected.keys():
        odd = sorted(arrays.keys() ^ expected.keys())
        raise CheckpointError(
            f"{path.name} does not hold the weights of “{header.system}”: {odd[0]} differs."
        )
    state = {}
    for name, array in arrays.items():
        if array.shape != tuple(expected[name].shape):
            raise CheckpointError(
                f"{path.name}: {name} has shape {array.shape}, expected {tuple(expected[name].shape)}."
            )
        state[name] = torch.from_numpy(array.astype("float32"))
    model.load_state_dict(state, strict=False, assign=True)
    for name, buffer in model.named_buffers():
        if buffer.is_meta:
            owner = model.get_submodule(name.rpartition(".")[0])
            owner.register_buffer(name.rpartition(".")[2], torch.zeros((), dtype=torch.long))
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.mirrors = bool(header.training.get("flip"))
    return model.eval().requires_grad_(False), header


def save_state(folder: Path, step: int, state: dict[str, Any]) -> Path:
    """Write what a run needs to go on, and keep the newest `KEPT_STATES` of them."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    path = folder / f"step-{step:08d}.pt"
    write_beside(path, buffer.getvalue())
    for old in sorted(folder.glob("step-*.pt"))[:-KEPT_STATES]:
        old.unlink()
    return path


def load_newest_state(folder: Path) -> dict[str, Any] | None:
    """The newest state that loads; damaged ones are passed over. None if there is none."""
    for path in sorted(folder.glob("step-*.pt"), reverse=True):
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
        except Exception:  # a damaged zip or pickle raises many types; the next older one serves
            continue
        return state
    return None
