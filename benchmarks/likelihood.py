"""Importance-weighted likelihoods beside MultiVae's: ``python -m benchmarks.likelihood``.

The same nets with the same weights in both: how long `trainer.evaluation.likelihood.importance_bounds` and MultiVae's
``compute_joint_nll`` take for the same data and k, what both find, and the loss and gradient of one JMVAE-kl step.
MultiVae is installed into a virtual environment of its own, in a temporary folder unless ``--venv`` names one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

TORCH = "torch==2.13.0"
MULTIVAE = "multivae==1.0.3"
ROOT = Path(__file__).parents[1]
SHAPES = {"conv": ((3, 64, 64), 40, 128), "dense": ((1, 28, 28), 10, 64)}
"""The papers' nets: shape of a picture, attributes, dimensions of z."""


def main() -> None:
    """Prepare MultiVae's environment and measure there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, help="keep the environment in this folder")
    parser.add_argument("--data", type=int, default=64, help="pictures")
    parser.add_argument("--k", type=int, default=10, help="importance samples")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--nets", default="conv", choices=SHAPES, help="for faces of 64×64, or for digits of 28×28"
    )
    parser.add_argument("--here", action="store_true", help="MultiVae is installed here: measure")
    options = parser.parse_args()
    if options.here:
        measure(options.data, options.k, options.repeats, options.device, options.nets)
        return
    with tempfile.TemporaryDirectory() as temporary:
        python = prepare(options.venv or Path(temporary))
        asked = ("data", "k", "repeats", "device", "nets")
        arguments = [part for name in asked for part in (f"--{name}", str(getattr(options, name)))]
        command = [str(python), "-m", "benchmarks.likelihood", "--here", *arguments]
        raise SystemExit(subprocess.run(command, cwd=ROOT).returncode)


def prepare(folder: Path) -> Path:
    """A virtual environment with torch, and MultiVae that may not change it; its interpreter."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
    for wanted in ([TORCH], [TORCH, MULTIVAE]):
        print("installing", *wanted, flush=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python


def declare_missing_operators() -> Any:
    """Torchvision, which MultiVae brings along, does not import beside the CPU build of torch without them.

    Returns:
        The library, which undoes the declaration when it is collected.
    """
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def measure(count: int, k: int, repeats: int, device: str, nets: str) -> None:
    """Print the table."""
    library = declare_missing_operators()
    import torch
    from multivae.data.datasets.base import MultimodalBaseDataset

    from trainer.evaluation.likelihood import importance_bounds, make_generator
    from trainer.models.interface import Modality
    from trainer.models.jmvae import JMVAEKL
    from trainer.models.networks import Nets

    torch.manual_seed(0)
    shape, entries, latent = SHAPES[nets]
    names = ("image", "attributes")
    modalities = (
        Modality("image", "image", shape),
        Modality("attributes", "attributes", (entries,), tuple(f"a{n}" for n in range(entries))),
    )
    model = JMVAEKL(modalities, latent, Nets(nets)).to(device).eval()  # type: ignore[arg-type]
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as a checkpoint is loaded
    data = {
        "image": torch.randn(count, *shape, device=device),
        "attributes": torch.randn(count, entries, device=device).sign(),
    }
    theirs = in_multivae(model, alpha=0.1).to(device).eval()
    batch = MultimodalBaseDataset(data)
    size = "×".join(map(str, shape))
    print(f"{count} pictures of {size}, {entries} attributes, k = {k}, {device}, torch {torch.__version__}")
    with torch.no_grad():
        run_ours: Callable[[], float] = lambda: float(  # noqa: E731
            importance_bounds(model, data, names, [names], k, "sum", make_generator(model, 1))[names].mean()
        )
        run_theirs: Callable[[], float] = lambda: -float(theirs.compute_joint_nll(batch, K=k)) / count  # noqa: E731
        found: dict[str, list[tuple[float, float]]] = {"MultiVae": [], "ours": []}
        for _ in range(repeats):  # in turn, so that both meet the same load
            for name, run in (("MultiVae", run_theirs), ("ours", run_ours)):
                started = time.perf_counter()
                value = run()
                found[name].append((time.perf_counter() - started, value))
    seconds = {name: median(took for took, _ in runs) for name, runs in found.items()}
    for name, runs in found.items():
        value = sum(value for _, value in runs) / repeats
        rate = count * k / seconds[name]
        print(f"{name:<10} {seconds[name]:8.2f} s  {rate:8.0f} codes/s  log p(x,w) ≥ {value:.3f} nats")
    print(f"ours is {seconds['MultiVae'] / seconds['ours']:.2f} times as fast")
    compare_step(model, theirs, batch)
    del library


def compare_step(model: Any, theirs: Any, batch: Any) -> None:
    """Loss and gradient of one training step with the same noise."""
    import torch

    def gradient(loss: torch.Tensor) -> torch.Tensor:
        model.zero_grad()
        loss.backward()
        return torch.cat([parameter.grad.flatten() for parameter in model.parameters()])

    model.train()
    theirs.train()
    torch.manual_seed(5)
    their_loss = theirs(batch, epoch=10).loss
    their_gradient = gradient(their_loss)
    torch.manual_seed(5)
    shape = (len(batch.data["image"]), model.latent)
    device = model.image_mean.device
    noise = torch.normal(torch.zeros(shape, device=device), torch.ones(shape, device=device))
    loss = model.loss(model.terms(batch.data, noise, "sum"), alpha=0.1, beta=1.0)
    difference = (gradient(loss) - their_gradient).abs().max() / their_gradient.abs().max()
    print(f"JMVAE-kl loss: MultiVae {their_loss.item():.4f}, ours {loss.item():.4f}, ", end="")
    print(
        f"difference {(loss - their_loss).item():.1e}; gradients differ by {difference.item():.1e} of the largest"
    )


def in_multivae(model: Any, alpha: float) -> Any:
    """MultiVae's JMVAE around the very nets of ``model``, with the distributions of its modalities."""
    from multivae.models import JMVAE, JMVAEConfig
    from multivae.models.nn.base_architectures import BaseJointEncoder
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn.base_architectures import BaseDecoder, BaseEncoder

    def parameters(gaussian: Any) -> ModelOutput:
        return ModelOutput(embedding=gaussian.mean, log_covariance=gaussian.variance.log())

    class Encoder(BaseEncoder):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name, self.latent_dim = name, model.latent

        def forward(self, x: Any) -> ModelOutput:
            return parameters(model.encode({self.name: x}))

    class JointEncoder(BaseJointEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.latent_dim = model.latent

        def forward(self, x: Any) -> ModelOutput:
            return parameters(model.encode(x))

    class Decoder(BaseDecoder):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name, self.latent_dim = name, model.latent

        def forward(self, z: Any) -> ModelOutput:
            decoded = model.decode_one(self.name, z)
            return ModelOutput(reconstruction=getattr(decoded, "logits", decoded.mean))

    names = [modality.name for modality in model.modalities]
    config = JMVAEConfig(
        n_modalities=len(names),
        latent_dim=model.latent,
        input_dims={modality.name: modality.shape for modality in model.modalities},
        decoders_dist={m.name: distribution(m) for m in model.modalities},
        decoder_dist_params={m.name: {"scale": 1.0} for m in model.modalities if distribution(m) == "normal"},
        alpha=alpha,
        warmup=1,
    )
    theirs = JMVAE(config, {n: Encoder(n) for n in names}, {n: Decoder(n) for n in names}, JointEncoder())
    theirs.nets = model  # a module of it now, whose weights its trainer finds
    return theirs


def distribution(modality: Any) -> str:
    """What MultiVae calls p(modality | z)."""
    if modality.kind == "label":
        return "categorical"
    return "bernoulli" if modality.scale == "unit" else "normal"


if __name__ == "__main__":
    main()
