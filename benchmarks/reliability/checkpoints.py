"""Promise 7: whatever a model file holds, it is a model or one sentence, and nothing of it is executed."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from benchmarks.reliability.harness import Check, Outcome
from trainer.checkpoint import load_model, save_model
from trainer.errors import CheckpointError
from trainer.models.interface import Modality
from trainer.models.jmvae import JMVAEKL
from trainer.models.networks import Nets

MUTATED = 100
"""Files of a trial that are changed at random."""


def trial(number: int, folder: Path) -> Outcome:
    """A hundred mutated files, and one of those made by hand. At the end the sound one still opens."""
    outcome, chance = Outcome(), random.Random(number)
    sound = folder / "sound.safetensors"
    _save(sound)
    source = sound.read_bytes()
    payload = folder / "executed"
    for index in range(MUTATED):
        path = folder / f"mutated {index}.safetensors"
        path.write_bytes(_mutated(source, chance))
        _open(path, outcome)
    hostile = list(_by_hand(source, folder, payload))
    name, path = hostile[number % len(hostile)]
    _open(path, outcome, name)
    outcome.expect(not payload.exists(), "something of a file was executed")
    model, _ = load_model(sound)
    faces = model.decode_one("image", torch.zeros(1, model.latent)).mean
    outcome.expect(bool(torch.isfinite(faces).all()), "the sound model does not work any more")
    return outcome


def _save(path: Path) -> None:
    torch.manual_seed(0)
    modalities = (
        Modality("image", "image", (3, 16, 16)),
        Modality("attributes", "attributes", (3,), ("Red", "Green", "Blue")),
    )
    save_model(path, JMVAEKL(modalities, 4, Nets("dense", hidden=16)).eval(), "jmvae-kl", {"epoch": 1})


def _open(path: Path, outcome: Outcome, must_fail: str = "") -> None:
    started = perf_counter()
    try:
        model, _ = load_model(path)
        outcome.expect(not must_fail, f"{must_fail} was opened")
        finite = all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())
        outcome.expect(finite, f"{path.name} was opened with weights that are not finite")
    except CheckpointError as error:
        said = str(error)
        outcome.expect(path.name in said and "\n" not in said, f"{must_fail or path.name}: {said!r}")
    except Exception as error:  # whatever else comes out of it breaks the promise
        outcome.faults.append(f"{must_fail or path.name}: {type(error).__name__}: {error}")
    outcome.measure("seconds to open or refuse", perf_counter() - started)


def _mutated(source: bytes, chance: random.Random) -> bytes:
    """Bytes changed, removed, doubled or cut off; half of them in the header, half of those with a fitting length."""
    (length,) = struct.unpack_from("<Q", source)
    changed = bytearray(source)
    for _ in range(chance.randrange(1, 4)):
        last = 8 + length if chance.random() < 0.5 else len(changed)
        place, size = chance.randrange(min(last, len(changed))), chance.randrange(1, 40)
        kind = chance.randrange(4)
        if kind == 0:
            for index in range(place, min(place + size, len(changed))):
                changed[index] = chance.randrange(256)
        elif kind == 1:
            del changed[place : place + size]
        elif kind == 2:
            changed[place:place] = changed[place : place + size]
        else:
            del changed[max(9, place) :]
    if chance.random() < 0.5 and len(changed) > 8:
        end = changed.rfind(b"}", 8, 8 + length + 200)
        if end > 0:
            changed[:8] = struct.pack("<Q", end - 7)
    return bytes(changed)


class _Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._path),)


def _by_hand(source: bytes, folder: Path, payload: Path) -> Iterator[tuple[str, Path]]:
    """Fifty-three kinds of file that must be refused, by name."""
    (length,) = struct.unpack_from("<Q", source)
    body = source[8 + length :]
    layout = json.loads(source[8 : 8 + length])

    def made(name: str, data: bytes) -> tuple[str, Path]:
        path = folder / f"{name}.safetensors"
        path.write_bytes(data)
        return name, path

    def with_layout(change: Callable[[dict[str, Any]], None], data: bytes = body) -> bytes:
        copy = json.loads(json.dumps(layout))
        change(copy)
        text = json.dumps(copy).encode()
        return struct.pack("<Q", len(text)) + text + data

    def with_own(change: Callable[[dict[str, Any]], None], data: bytes = body) -> bytes:
        def inside(copy: dict[str, Any]) -> None:
            own = json.loads(copy["__metadata__"]["jmvae"])
            own["digest"] = hashlib.sha256(data).hexdigest()
            change(own)
            copy["__metadata__"]["jmvae"] = json.dumps(own)

        return with_layout(inside, data)

    tensors = [name for name in layout if name != "__metadata__"]
    first, other = tensors[0], tensors[1]
    for name, data in {
        "empty": b"",
        "one byte": b"\x00",
        "seven bytes": b"\x00" * 7,
        "text": b"I am not a model",
        "a length alone": source[:8],
        "length zero": struct.pack("<Q", 0) + source[8:],
        "length too large": struct.pack("<Q", 1 << 60) + source[8:],
        "length just too large": struct.pack("<Q", len(source)) + source[8:],
        "length of all bits": b"\xff" * 8 + source[8:],
        "header cut": source[: 8 + length // 2],
        "no weights": source[: 8 + length],
        "weights cut": source[:-1],
        "weights too long": source + b"\x00",
        "header of zeros": struct.pack("<Q", length) + b"\x00" * length + body,
        "header is a list": struct.pack("<Q", 2) + b"[]" + body,
        "header is a number": struct.pack("<Q", 1) + b"7" + body,
        "header is no text": struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc" + body,
        "deep header": struct.pack("<Q", 200_000) + b"[" * 100_000 + b"]" * 100_000,
        "huge header": struct.pack("<Q", 20_000_000) + b"{" + b" " * 19_999_998 + b"}" + body,
        "pickle": pickle.dumps(_Payload(payload)),
        "pickle in weights": source[:-200] + pickle.dumps(_Payload(payload)).ljust(200, b"."),
        "weights changed": source[:-3] + bytes([source[-3] ^ 1]) + source[-2:],
    }.items():
        yield made(name, data)
    torch.save({"model": _Payload(payload)}, folder / "torch.safetensors")
    yield "a file of torch", folder / "torch.safetensors"
    with zipfile.ZipFile(folder / "zip.safetensors", "w") as archive:
        archive.writestr("model", source)
    yield "a zip", folder / "zip.safetensors"
    for name, change in {
        "no metadata": lambda copy: copy.pop("__metadata__"),
        "metadata is a list": lambda copy: copy.update(__metadata__=[]),
        "metadata is no text": lambda copy: copy["__metadata__"].update(jmvae=7),
        "metadata is no JSON": lambda copy: copy["__metadata__"].update(jmvae="{"),
        "a weight is missing": lambda copy: copy.pop(first),
        "a weight is too many": lambda copy: copy.update(more=copy[first]),
        "overlapping weights": lambda copy: copy[other].update(data_offsets=copy[first]["data_offsets"]),
        "offsets backwards": lambda copy: copy[first].update(data_offsets=copy[first]["data_offsets"][::-1]),
        "offsets outside": lambda copy: copy[first].update(data_offsets=[0, 1 << 50]),
        "offsets below zero": lambda copy: copy[first].update(data_offsets=[-8, 0]),
        "offsets are text": lambda copy: copy[first].update(data_offsets="all"),
        "shape of text": lambda copy: copy[first].update(shape=["a"]),
        "shape below zero": lambda copy: copy[first].update(shape=[-1]),
        "shape too large": lambda copy: copy[first].update(shape=[1 << 40, 1 << 40]),
        "unknown numbers": lambda copy: copy[first].update(dtype="F7"),
        "whole numbers": lambda copy: copy[first].update(dtype="I16"),
    }.items():
        yield made(name, with_layout(change))
    for name, own_change in {
        "format of tomorrow": lambda own: own.update(version=99),
        "unknown system": lambda own: own.update(system="dream"),
        "system is a list": lambda own: own.update(system=[]),
        "latent of text": lambda own: own["config"].update(latent="many"),
        "latent too large": lambda own: own["config"].update(latent=1 << 40),
        "latent below zero": lambda own: own["config"].update(latent=-4),
        "other latent": lambda own: own["config"].update(latent=5),
        "too few names": lambda own: own["modalities"][1].update(names=["one"]),
        "no pictures": lambda own: own.update(modalities=own["modalities"][1:]),
    }.items():
        yield made(name, with_own(own_change))
    for name, value in (("NaN", np.nan), ("infinity", np.inf)):
        yield made(name, with_own(lambda own: None, body[:-2] + np.array([value], "<f2").tobytes()))
    (folder / "folder.safetensors").mkdir()
    yield "a folder", folder / "folder.safetensors"
    (folder / "loop.safetensors").symlink_to(folder / "loop.safetensors")
    yield "a loop of links", folder / "loop.safetensors"


CHECK = Check(
    "7",
    "checkpoints",
    "mutated model files, and 53 made by hand",
    100,
    f"{MUTATED} files",
    trial,
    {"seconds to open or refuse": 1},
)
