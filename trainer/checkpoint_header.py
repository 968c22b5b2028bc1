"""What a checkpoint says of itself, and the checks it must pass: with numpy alone, never a pickle.

A checkpoint is a safetensors file. Its metadata hold one JSON text under ``jmvae``: the header. Nothing of a
file is believed before its size, header, names, shapes, dtypes, digest and numbers have been checked.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainer.config import TrainConfig
from trainer.errors import CheckpointError
from trainer.systems import SYSTEMS

FORMAT_VERSION = 1
LARGEST_HEADER = 1 << 20
LARGEST_FILE = 1 << 30
METADATA_KEY = "jmvae"

_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "I64": np.dtype("<i8")}


@dataclass(frozen=True)
class CropSpec:
    """How pictures were cropped in training: ``face`` (in proportion or found) or ``whole``."""

    kind: Literal["face", "whole"] = "face"
    side: float = 148 / 178
    """Of an aligned CelebA picture's width."""


@dataclass(frozen=True)
class Header:
    """A checkpoint's own description.

    Attributes:
        system: Name in `trainer.systems.SYSTEMS`.
        config: What the system's class needs to build the nets.
        modalities: As `Modality.to_json` writes them.
        crop: How pictures reach the model.
        training: Preset, epochs, data and whatever else the card wants; ``flip`` decides how pictures are read.
        parent: Digest of the checkpoint this one started from, if any.
        digest: SHA-256 of the tensor bytes.
        version: Of this format.
    """

    system: str
    config: dict[str, Any]
    modalities: list[dict[str, Any]]
    crop: CropSpec = field(default_factory=CropSpec)
    training: dict[str, Any] = field(default_factory=dict)
    parent: str | None = None
    digest: str = ""
    version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """For the file's metadata."""
        return json.dumps(asdict(self))

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """Names of the first vector modality's entries: attributes, or the classes of a label."""
        for modality in self.modalities:
            if modality["kind"] != "image":
                return tuple(modality["names"])
        return ()

    @property
    def image_size(self) -> int:
        """Side of the model's pictures in pixels."""
        return int(next(m["shape"][1] for m in self.modalities if m["kind"] == "image"))


def settings_of(header: Header) -> dict[str, Any]:
    """The settings that a run must share with the checkpoint it starts from. Values as in `TrainConfig`."""
    image = next(m for m in header.modalities if m["kind"] == "image")
    built = {name: value for name, value in header.config.items() if name in TrainConfig.model_fields}
    if built.get("target", image["name"]) != image["name"]:
        built["target"] = "vector"
    return {
        "system": header.system,
        "image_size": header.image_size,
        "image_scale": image.get("scale", "standardised"),
        **built,
    }


def read_checkpoint(path: Path) -> tuple[Header, dict[str, npt.NDArray[Any]]]:
    """Read and verify a checkpoint.

    Returns:
        The header and the tensors by name (float16 or float32, and int64 counters).

    Raises:
        CheckpointError: One sentence with the file and the reason.
    """
    data = _read(path)
    entries, metadata, start = _parse_layout(path, data)
    header = _parse_header(path, metadata)
    body = memoryview(data)[start:]
    if hashlib.sha256(body).hexdigest() != header.digest:
        raise CheckpointError(
            f"{path.name} was changed or damaged after it was written: its digest does not match."
        )
    tensors = {}
    for name, (dtype, shape, first, last) in entries.items():
        tensor = np.frombuffer(body[first:last], dtype).reshape(shape)
        if not np.isfinite(tensor).all():
            raise CheckpointError(
                f"{path.name} holds numbers that are not finite (in {name}): it cannot be used."
            )
        tensors[name] = tensor
    return header, tensors


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise CheckpointError(f"{path} is a folder, not a model file.")
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise CheckpointError(
                f"{path.name} has {size / 1e9:.1f} GB; models of this program have less than 1."
            )
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"The model {path} cannot be read: {error.strerror}.") from error


def _parse_layout(
    path: Path, data: bytes
) -> tuple[dict[str, tuple[np.dtype[Any], tuple[int, ...], int, int]], dict[str, Any], int]:
    """The safetensors layout: entries by name (dtype, shape, first and last byte), metadata, start of data."""
    refusal = f"{path.name} is not a model of this program (no safetensors file)."
    if len(data) < 8:
        raise CheckpointError(refusal)
    (length,) = struct.unpack_from("<Q", data)
    if length > LARGEST_HEADER or 8 + length > len(data):
        raise CheckpointError(
            refusal if length > LARGEST_HEADER else f"{path.name} is cut short: copy it again."
        )
    try:
        layout = json.loads(data[8 : 8 + length])
        metadata = layout.pop("__metadata__", {})
        entries = {}
        for name, entry in layout.items():
            dtype = _DTYPES[entry["dtype"]]
            shape = tuple(int(n) for n in entry["shape"])
            first, last = (int(n) for n in entry["data_offsets"])
            count = int(np.prod(shape, dtype=object)) if shape else 1
            if min(shape, default=1) < 0 or first < 0 or last - first != count * dtype.itemsize:
                raise ValueError(name)
            entries[name] = (dtype, shape, first, last)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(refusal) from error
    size = len(data) - 8 - length
    expected = 0
    for first, last in sorted((first, last) for _, _, first, last in entries.values()):
        if first != expected:
            raise CheckpointError(refusal)
        expected = last
    if expected != size:
        raise CheckpointError(
            f"{path.name} is cut short or too long: {size} bytes of weights, expected {expected}."
        )
    return entries, metadata, 8 + length


def _parse_header(path: Path, metadata: Any) -> Header:
    try:
        values = json.loads(metadata[METADATA_KEY])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path.name} is a safetensors file, but not a model of this program."
        ) from error
    version = values.get("version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path.name} has format {version!r}; this program reads {FORMAT_VERSION}. "
            "Open it with the version of the program that wrote it."
        )
    try:
        values["crop"] = CropSpec(**values["crop"])
        header = Header(**values)
        _check(header)
    except (TypeError, KeyError, ValueError, AttributeError, IndexError) as error:
        raise CheckpointError(f"The description inside {path.name} is incomplete: {error}.") from error
    if header.system not in SYSTEMS:
        raise CheckpointError(
            f"{path.name} needs the system “{header.system}”, which this program does not have."
        )
    return header


def _check(header: Header) -> None:
    """Types and sizes of everything that later code relies on."""
    if not isinstance(header.system, str):
        raise ValueError("the system's name")
    images = [m for m in header.modalities if m["kind"] == "image"]
    vectors = [m for m in header.modalities if m["kind"] in ("attributes", "label")]
    if len(images) != 1 or len(images) + len(vectors) != len(header.modalities):
        raise ValueError("one image and vectors of attributes are expected")
    if any(m.get("scale", "standardised") not in ("standardised", "unit") for m in header.modalities):
        raise ValueError("the image's scale")
    if any(not isinstance(m["name"], str) for m in header.modalities):
        raise ValueError("a modality's name")
    channels, height, width = images[0]["shape"]
    if channels not in (1, 3) or height != width or not 8 <= height <= 1024:
        raise ValueError("the image's shape")
    for vector in vectors:
        if len(vector["names"]) != vector["shape"][0] or not all(isinstance(n, str) for n in vector["names"]):
            raise ValueError("the attributes' names")
    if header.crop.kind not in ("face", "whole") or not isinstance(header.config, dict):
        raise ValueError("crop or configuration")
    if not isinstance(header.training, dict) or not isinstance(header.digest, str):
        raise ValueError("training or digest")
    latent = header.config.get("latent")
    if not isinstance(latent, int) or not 1 <= latent <= 4096:
        raise ValueError("the latent size")
