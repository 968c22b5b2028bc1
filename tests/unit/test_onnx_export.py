"""Models as ONNX graphs, run by another program than PyTorch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from jmvae_studio.resources import default_model
from trainer import onnx_export
from trainer.checkpoint import load_model, save_model
from trainer.cli import app
from trainer.errors import CapabilityError, TrainerError
from trainer.models.interface import Modality
from trainer.models.jmvae import JMVAEKL
from trainer.onnx_export import Graph, export_onnx
from trainer.systems import find_system

NAMES = ("Smiling", "Male", "Bald")
DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of dense nets for 8 × 8 pictures and three attributes."""
    torch.manual_seed(3)
    modalities = (
        Modality("image", "image", (3, 8, 8)),
        Modality("attributes", "attributes", (3,), NAMES),
    )
    model = JMVAEKL.build(modalities, {"latent": 5, "nets": "dense", "hidden": 12})
    model.image_mean.fill_(0.4)
    model.image_std.fill_(0.2)
    path = tmp_path_factory.mktemp("onnx") / "small.safetensors"
    save_model(path, model.eval(), "jmvae-kl", {"epoch": 0})
    return path


@pytest.fixture(scope="module")
def written(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs") / "small"
    differences = export_onnx(small, folder)
    assert set(differences) == {
        "encode_image",
        "encode_attributes",
        "encode_image_attributes",
        "decode_image",
        "decode_attributes",
        "edit",
    }
    assert max(differences.values()) <= 1e-4
    return folder


def test_the_graphs_answer_as_the_model_does_for_any_number_of_rows(written: Path, small: Path) -> None:
    import onnxruntime

    model, header = load_model(small)
    rng = np.random.default_rng(4)
    image = rng.random((7, 3, 8, 8), np.float32)
    before, after = rng.uniform(-1, 1, (2, 7, 3)).astype(np.float32)

    def run(name: str, **given: np.ndarray) -> list[np.ndarray]:
        session = onnxruntime.InferenceSession(written / f"{name}.onnx", providers=["CPUExecutionProvider"])
        answers: list[np.ndarray] = session.run(None, given)
        return answers

    with torch.no_grad():
        taken = model.standardise(torch.from_numpy(image) * 255)
        posterior = model.encode({"image": taken})
        z = posterior.mean
        codes = [model.encode({"attributes": torch.from_numpy(w)}).mean for w in (before, after)]
        expected = model.unstandardise(
            taken + model.latent_change(model.prepare_edit(taken), codes[1] - codes[0])
        )
    mean, variance = run("encode_image", image=image)
    np.testing.assert_allclose(mean, z, atol=1e-4)
    np.testing.assert_allclose(variance, posterior.variance, atol=1e-4)
    np.testing.assert_allclose(
        run("decode_attributes", z=mean)[0], model.decode_one("attributes", z).mean.detach(), atol=1e-4
    )
    edited = run("edit", image=image, before=before, after=after)[0]
    np.testing.assert_allclose(255 * edited, expected, atol=0.02)
    assert np.abs(edited - image).max() > 1e-3
    described = json.loads((written / "model.json").read_text("utf-8"))
    assert described["model"] == header.digest
    assert described["modalities"][1]["names"] == list(NAMES)
    assert described["graphs"]["edit"] == {"inputs": ["image", "before", "after"], "outputs": ["edited"]}


def test_a_graph_that_differs_is_not_written(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fickle(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return 2 * z if torch.compiler.is_exporting() else 2 * z + 1

    graph = Graph("fickle", Fickle(), {"z": torch.zeros(2, 5)}, ("moved",))
    monkeypatch.setattr(onnx_export, "_graphs", lambda model: [graph])
    with pytest.raises(TrainerError, match="fickle differs from the model by 1"):
        export_onnx(small, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_stands_in_the_way_is_said_in_a_sentence(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainerError, match="is there already: choose a new folder"):
        export_onnx(small, tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(onnx_export, "find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(TrainerError, match=r"ONNX export needs onnxruntime: .*jmvae-studio\[export\]"):
        export_onnx(small, tmp_path / "out")


def test_the_command_says_how_far_the_graphs_are_from_the_model(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    decoder = onnx_export._graphs(load_model(small)[0])[3]
    monkeypatch.setattr(onnx_export, "_graphs", lambda model: [decoder])
    app(["export", str(small), "--to", str(tmp_path / "out"), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["decode_image"] <= 1e-4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["decode_image.onnx", "model.json"]


def test_the_edit_of_the_shipped_model_is_a_graph_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = load_model(default_model())
    edit = [graph for graph in onnx_export._graphs(model) if graph.name == "edit"]
    monkeypatch.setattr(onnx_export, "_graphs", lambda model: edit)
    assert export_onnx(default_model(), tmp_path / "out")["edit"] <= 1e-4


@pytest.mark.parametrize("system", ["jmvae", "jmvae-h", "cmma"])
def test_other_systems_are_exported_for_any_number_of_rows(system: str, tmp_path: Path) -> None:
    modalities = (Modality("image", "image", (1, 8, 8)), Modality("label", "label", (10,), DIGITS))
    settings = {"latent": 6, "nets": "dense", "hidden": 12}
    model = find_system(system).load_class().build(modalities, settings)
    save_model(tmp_path / "model.safetensors", model.eval(), system, {"epoch": 0})
    differences = export_onnx(tmp_path / "model.safetensors", tmp_path / "out")
    assert {"encode_image_label", "decode_image"} <= set(differences)
    assert ("decode_label" in differences) == (system != "cmma")  # which makes its target alone
    assert max(differences.values()) <= 1e-4


@pytest.mark.parametrize("system", ["cvae", "cgan"])
def test_a_decoder_that_needs_its_condition_is_refused_in_a_sentence(system: str, tmp_path: Path) -> None:
    modalities = (Modality("image", "image", (1, 8, 8)), Modality("label", "label", (10,), DIGITS))
    settings = {"latent": 6, "nets": "dense", "hidden": 12}
    model = find_system(system).load_class().build(modalities, settings)
    save_model(tmp_path / "model.safetensors", model.eval(), system, {"epoch": 0})
    with pytest.raises(CapabilityError, match="not from z alone: it cannot be exported as ONNX"):
        export_onnx(tmp_path / "model.safetensors", tmp_path / "out")
    assert not (tmp_path / "out").exists()
