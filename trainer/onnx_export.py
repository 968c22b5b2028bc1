"""A model's nets as ONNX graphs, for programs that know nothing of PyTorch; each is checked against the model."""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from trainer.checkpoint import load_model
from trainer.errors import CapabilityError, TrainerError
from trainer.files import part
from trainer.models.interface import JointModel

NEEDED = ("onnx", "onnxscript", "onnxruntime")
"""Packages of the extra ``export``."""
TOLERANCE = 1e-4
"""How far a graph's answer may lie from the model's; pictures are 0…1."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Graph:
    """One net to be written.

    Attributes:
        name: Of the file, without suffix.
        net: Takes the inputs in order, gives the outputs in order.
        inputs: Name → an example, batch first.
        outputs: Their names.
    """

    name: str
    net: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]


def export_onnx(checkpoint: Path, folder: Path, progress: Progress = lambda name: None) -> dict[str, float]:
    """Write a model's encoders, decoders and edit as ONNX graphs, and what they take into ``model.json``.

    Pictures are float32, batch × channels × height × width, 0…1; attributes -1…1, a label one-hot; the number of
    rows is free. ``encode_…`` gives mean and variance of q(z|…), ``decode_…`` the mean of p(…|z), and ``edit`` the
    picture whose code has moved by mu(w') - mu(w).

    Args:
        checkpoint: Of a model that `JointModel.encode` and `JointModel.decode_one` serve.
        folder: A new one; written beside and renamed when every graph has been checked.
        progress: Told the name of each graph as it begins.

    Returns:
        Graph → largest difference from the model.

    Raises:
        TrainerError: A package is missing, the folder is there already, or a graph differs from the model.
        CapabilityError: The model decodes from a code and a condition together.
    """
    missing = [package for package in NEEDED if find_spec(package) is None]
    if missing:
        raise TrainerError(
            f"ONNX export needs {', '.join(missing)}: install the extra with pip install 'jmvae-studio[export]'."
        )
    if folder.exists():
        raise TrainerError(f"{folder} is there already: choose a new folder.")
    logging.getLogger("torch.onnx").setLevel(
        logging.ERROR
    )  # it warns of torchvision, which nothing here needs
    model, header = load_model(checkpoint)
    graphs = _graphs(model)
    beside = part(folder)
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        differences = {}
        for graph in graphs:
            progress(graph.name)
            differences[graph.name] = _write(graph, beside / f"{graph.name}.onnx")
        description = {
            "model": header.digest,
            "system": header.system,
            "latent": model.latent,
            "modalities": header.modalities,
            "graphs": {
                graph.name: {"inputs": list(graph.inputs), "outputs": list(graph.outputs)} for graph in graphs
            },
        }
        (beside / "model.json").write_text(json.dumps(description, indent=1), "utf-8")
        beside.rename(folder)
    except OSError as error:
        raise TrainerError(f"{folder} cannot be written: {error.strerror}. Choose another place.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return differences


class _Encoder(nn.Module):
    def __init__(self, model: JointModel, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *given: Tensor) -> tuple[Tensor, Tensor]:
        posterior = self.model.encode(
            {name: _taken(self.model, name, value) for name, value in zip(self.names, given, strict=True)}
        )
        return posterior.mean, posterior.variance.expand_as(posterior.mean)


class _Decoder(nn.Module):
    def __init__(self, model: JointModel, name: str) -> None:
        super().__init__()
        self.model, self.name = model, name

    def forward(self, z: Tensor) -> Tensor:
        return _given(self.model, self.name, self.model.decode_one(self.name, z).mean)


class _Edit(nn.Module):
    def __init__(self, model: JointModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, before: Tensor, after: Tensor) -> Tensor:
        model, name = self.model, self.model.vector.name
        taken = _taken(model, "image", image)
        move = model.encode({name: after}).mean - model.encode({name: before}).mean
        return _given(model, "image", taken + model.latent_change(model.prepare_edit(taken), move))


def _taken(model: JointModel, name: str, value: Tensor) -> Tensor:
    """A picture 0…1 as the nets take it."""
    return (value - model.image_mean) / model.image_std if model.modality(name).kind == "image" else value


def _given(model: JointModel, name: str, value: Tensor) -> Tensor:
    return value * model.image_std + model.image_mean if model.modality(name).kind == "image" else value


def _graphs(model: JointModel) -> list[Graph]:
    examples = {m.name: torch.rand(2, *m.shape) for m in model.modalities}
    z = torch.randn(2, model.latent)
    names = tuple(examples)
    graphs = []
    for count in range(1, len(names) + 1):
        for subset in combinations(names, count):
            try:
                model.encode({name: _taken(model, name, examples[name]) for name in subset})
            except CapabilityError:
                continue  # this system has no encoder of these alone
            given = {name: examples[name] for name in subset}
            outputs = ("mean", "variance")
            graphs.append(Graph(f"encode_{'_'.join(subset)}", _Encoder(model, subset), given, outputs))
    decoders, refused = [], None
    for name in names:
        try:
            model.decode_one(name, z)
        except CapabilityError as error:  # of a conditional system's conditions, or of all
            refused = error
            continue
        decoders.append(Graph(f"decode_{name}", _Decoder(model, name), {"z": z}, (name,)))
    if not decoders:
        raise CapabilityError(f"{str(refused).rstrip('.')}: it cannot be exported as ONNX.") from refused
    graphs += decoders
    if "edit" in model.capabilities and model.vector.kind == "attributes":
        w = examples[model.vector.name]
        given = {"image": examples["image"], "before": w, "after": w.flip(0)}
        graphs.append(Graph("edit", _Edit(model), given, ("edited",)))
    return graphs


def _write(graph: Graph, path: Path) -> float:
    """Write one graph, and compare it with the model on other rows than it was made from."""
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter's own parts
        torch.onnx.export(
            graph.net,
            tuple(graph.inputs.values()),
            str(path),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=_free_rows(graph, batch),
            external_data=False,
            dynamo=True,
            verbose=False,
        )
        return _difference(graph, path)


def _free_rows(graph: Graph, batch: Any) -> Any:
    rows = tuple({0: batch} for _ in graph.inputs)
    return (rows,) if isinstance(graph.net, _Encoder) else rows


def _difference(graph: Graph, path: Path) -> float:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = [torch.cat([value, value[:1] * 0.5]) for value in graph.inputs.values()]
    feed = {name: value.numpy() for name, value in zip(graph.inputs, given, strict=True)}
    answers: list[npt.NDArray[np.float32]] = session.run(None, feed)
    expected = graph.net(*given)
    expected = expected if isinstance(expected, tuple) else (expected,)
    largest = max(
        float(np.abs(answer - value.numpy()).max()) for answer, value in zip(answers, expected, strict=True)
    )
    if not largest <= TOLERANCE:
        raise TrainerError(
            f"The graph {graph.name} differs from the model by {largest:.2g}: nothing was written."
        )
    return largest
