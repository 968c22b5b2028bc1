"""Checkpoints: what is written comes back, and what is hostile is refused in one sentence."""

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.checkpoint import load_model, load_newest_state, save_model, save_state
from trainer.checkpoint_header import read_checkpoint
from trainer.errors import CheckpointError


def test_weights_come_back_as_float16_rounds_them(checkpoint: Path, tmp_path: Path) -> None:
    model, header = load_model(checkpoint)
    assert header.system == "jmvae-kl"
    assert header.attribute_names[20] == "Male"
    assert header.image_size == 64
    copy = tmp_path / "copy.safetensors"
    save_model(copy, model, header.system, header.training)
    again, other = load_model(copy)
    assert other.digest == header.digest
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    image = torch.randn(1, 3, 64, 64)
    assert torch.equal(model.encode({"image": image}).mean, again.encode({"image": image}).mean)


def test_a_weight_that_is_not_finite_is_never_written(checkpoint: Path, tmp_path: Path) -> None:
    model, _ = load_model(checkpoint)
    model.get_parameter("encoders.image.mean.weight")[0, 0] = float("nan")
    with pytest.raises(CheckpointError, match="nothing was written"):
        save_model(tmp_path / "bad.safetensors", model, "jmvae-kl", {})
    assert list(tmp_path.iterdir()) == []


def rewrite(source: bytes, change: Callable[[dict], None]) -> bytes:
    """The file with its own header changed and all lengths right."""
    (length,) = struct.unpack_from("<Q", source)
    layout = json.loads(source[8 : 8 + length])
    own = json.loads(layout["__metadata__"]["jmvae"])
    change(own)
    layout["__metadata__"]["jmvae"] = json.dumps(own)
    text = json.dumps(layout).encode()
    return struct.pack("<Q", len(text)) + text + source[8 + length :]


class Payload:
    def __reduce__(self) -> tuple:
        return (os.system, ("touch executed",))


def hostile(source: bytes) -> dict[str, tuple[bytes, str]]:
    (length,) = struct.unpack_from("<Q", source)
    nan = bytearray(source)
    nan[-2:] = np.array([np.nan], "<f2").tobytes()
    return {
        "empty": (b"", "no safetensors"),
        "text": (b"hello, I am not a model at all", "no safetensors"),
        "pickle": (pickle.dumps(Payload()), "no safetensors"),
        "huge header": (struct.pack("<Q", 1 << 60) + source[8:], "no safetensors"),
        "cut in header": (source[: length // 2], "cut short"),
        "cut in weights": (source[:-1000], "cut short"),
        "too long": (source + b"x" * 10, "too long"),
        "changed weight": (source[:-3] + bytes([source[-3] ^ 1]) + source[-2:], "digest"),
        "nan": (bytes(nan), "digest"),
        "version": (rewrite(source, lambda own: own.update(version=99)), "format 99"),
        "system": (rewrite(source, lambda own: own.update(system="dream")), "dream"),
        "system of no text": (rewrite(source, lambda own: own.update(system=[])), "the system's name"),
        "latent": (rewrite(source, lambda own: own["config"].update(latent="many")), "incomplete"),
        "hidden": (
            rewrite(source, lambda own: own["config"].update(nets="dense", hidden="many")),
            "No model can be built",
        ),
        "other latent": (rewrite(source, lambda own: own["config"].update(latent=64)), "shape"),
        "names": (rewrite(source, lambda own: own["modalities"][1].update(names=["one"])), "incomplete"),
        "image": (rewrite(source, lambda own: own["modalities"][0].update(shape=[3, 64])), "incomplete"),
        "plain safetensors": (rewrite(source, dict.clear), "format None"),
    }


def test_hostile_files_are_refused_in_one_sentence(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, (content, reason) in hostile(checkpoint.read_bytes()).items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        with pytest.raises(CheckpointError) as caught:
            load_model(path)
        assert path.name in str(caught.value), name
        assert reason in str(caught.value), (name, str(caught.value))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()


def test_numbers_that_are_not_finite_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    import hashlib

    source = bytearray(checkpoint.read_bytes())
    source[-2:] = np.array([np.inf], "<f2").tobytes()
    (length,) = struct.unpack_from("<Q", source)
    digest = hashlib.sha256(bytes(source[8 + length :])).hexdigest()
    path = tmp_path / "inf.safetensors"
    path.write_bytes(rewrite(bytes(source), lambda own: own.update(digest=digest)))
    with pytest.raises(CheckpointError, match="not finite"):
        read_checkpoint(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is a folder"):
        load_model(tmp_path)
    with pytest.raises(CheckpointError, match="No such file"):
        load_model(tmp_path / "none.safetensors")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(CheckpointError):
        load_model(tmp_path / "loop")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.floats(0, 1), value=st.integers(0, 255), region=st.sampled_from(["length", "header", "body"])
)
def test_no_changed_byte_is_believed(
    checkpoint: Path, tmp_path: Path, position: float, value: int, region: str
) -> None:
    source = bytearray(checkpoint.read_bytes())
    (length,) = struct.unpack_from("<Q", source)
    first, last = {"length": (0, 7), "header": (8, 7 + length), "body": (8 + length, len(source) - 1)}[region]
    at = first + round(position * (last - first))
    before = bytes(source[at : at + 1])
    source[at] = value
    path = tmp_path / "mutated.safetensors"
    path.write_bytes(source)
    try:
        header, _ = read_checkpoint(path)
    except CheckpointError:
        return
    # Only spaces and texts that nobody relies on may differ without being seen.
    assert before == bytes([value]) or (region == "header" and header.system == "jmvae-kl")


def test_the_newest_sound_state_is_taken(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        save_state(tmp_path, step, {"step": step, "weights": torch.full((3,), float(step))})
    assert len(list(tmp_path.glob("*.pt"))) == 3
    newest = tmp_path / "step-00000004.pt"
    newest.write_bytes(newest.read_bytes()[:-20])
    state = load_newest_state(tmp_path)
    assert state is not None
    assert state["step"] == 3
    assert torch.equal(state["weights"], torch.full((3,), 3.0))
    assert load_newest_state(tmp_path / "nothing") is None
