"""Training beside MultiVae's trainer and beside the bare step: ``python -m benchmarks.training``.

JMVAE-kl with the papers' MNIST nets, batch 100, on digits made from a seed. MultiVae's trainer, ours, and the bare
forward, backward and fused optimiser step of the same nets on a batch that is ready, take turns; ours also in bfloat16.
MultiVae's nets have PyTorch's dense layers, as whoever writes nets for it has them, and in a second row ours
(`trainer.models.linear`). It is installed into a virtual environment of its own, in a temporary folder unless
``--venv`` names one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.likelihood import ROOT, declare_missing_operators, in_multivae, prepare

PICTURES, BATCH = 2000, 100


def main() -> None:
    """Run the benchmark, or MultiVae's side of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, help="keep MultiVae's environment in this folder")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--there",
        action="store_true",
        help="MultiVae's side: an epoch for each line of input, with these layers",
    )
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if options.there:
        serve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        python = prepare(options.venv or Path(temporary) / "venv")
        command = [str(python), "-m", "benchmarks.training", "--there", "--threads", str(options.threads)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
        ) as there:
            compare(there, Path(temporary), options.rounds, options.threads)
            there.communicate()


def compare(there: subprocess.Popen[str], folder: Path, rounds: int, threads: int) -> None:
    """Let all of them take turns, and print the table."""
    import torch

    torch.set_num_threads(threads)

    def multivae(layers: str) -> float:
        assert there.stdin is not None
        assert there.stdout is not None
        there.stdin.write(f"{layers}\n")
        there.stdin.flush()
        return float(there.stdout.readline())

    ours, bare = ours_and_bare(folder / "float32", "32-true")
    ours_bf16, bare_bf16 = ours_and_bare(folder / "bfloat16", "bf16-mixed")
    sides: dict[str, Callable[[], float]] = {
        "MultiVae's trainer": lambda: multivae("PyTorch's"),
        "MultiVae's trainer, our dense layers": lambda: multivae("ours"),
        "ours": ours,
        "bare step": bare,
        "ours, bf16": ours_bf16,
        "bare step, bf16": bare_bf16,
    }
    for side in sides.values():
        side()  # warm up
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side())
    steps = {name: median(times) for name, times in found.items()}
    print(f"JMVAE-kl, papers' MNIST nets, batch {BATCH}, {threads} CPU threads, torch {torch.__version__}")
    print("| | ms a step | pictures a second | as fast as MultiVae's |")
    print("|---|---|---|---|")
    for name, milliseconds in steps.items():
        ratio = steps["MultiVae's trainer"] / milliseconds
        print(f"| {name} | {milliseconds:.1f} | {1000 * BATCH / milliseconds:.0f} | {ratio:.2f} |")
    for kind in ("", ", bf16"):
        print(
            f"ours{kind} reaches {steps[f'bare step{kind}'] / steps[f'ours{kind}']:.2f} of the bare step's speed"
        )


def ours_and_bare(folder: Path, precision: str) -> tuple[Callable[[], float], Callable[[], float]]:
    """Functions that take an epoch's steps, by our trainer and bare, and return the milliseconds of one."""
    import numpy as np

    from trainer.config import PRESETS, make_config
    from trainer.data.dataset import Dataset
    from trainer.events import EventLog
    from trainer.training import Run

    generator = np.random.default_rng(0)
    data = Dataset(
        images=generator.integers(0, 256, (PICTURES, 28, 28, 1), np.uint8),
        attributes=np.eye(10, dtype=np.int8)[generator.integers(0, 10, PICTURES)],
        partition=np.zeros(PICTURES, np.uint8),
        names=tuple("0123456789"),
        kind="label",
    )
    changes = {"precision": precision, "data": folder, "epochs": 1000, "device": "cpu", "gradient_clip": None}
    config = make_config(PRESETS["mnist"] | {"preset": "mnist"} | changes)
    folder.mkdir(parents=True)
    run = Run(folder, config, EventLog(folder / "events.jsonl"), lambda *_: None, data)
    steps = PICTURES // BATCH

    def ours() -> float:
        started = time.perf_counter()
        for _ in range(steps):
            run.take_step()
        return (time.perf_counter() - started) * 1e3 / steps

    ready, noise = run.batches.batch(run.model, 0)

    def bare() -> float:
        run.model.train()
        started = time.perf_counter()
        for _ in range(steps):
            with run.processes.fabric.autocast():
                bound = run.model.bound(ready, noise, config.channel_reduction)
                loss = run.model.loss(bound.terms, config.alpha, 1.0)
            run.bound.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            run.bound.optimizer.step()
        return (time.perf_counter() - started) * 1e3 / steps

    return ours, bare


def serve() -> None:
    """Train an epoch by MultiVae's trainer for every line that comes, and answer with the milliseconds of a step.

    The line says whose dense layers it has: ``PyTorch's`` or ``ours``.
    """
    library = declare_missing_operators()
    import torch
    from multivae.data.datasets.base import MultimodalBaseDataset
    from multivae.trainers import BaseTrainer, BaseTrainerConfig

    from trainer.models.interface import Modality
    from trainer.models.jmvae import JMVAEKL
    from trainer.models.linear import Linear
    from trainer.models.networks import Nets

    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    modalities = (
        Modality("image", "image", (1, 28, 28), scale="unit"),
        Modality("label", "label", (10,), tuple("0123456789")),
    )
    labels = torch.nn.functional.one_hot(torch.randint(0, 10, (PICTURES,)), 10).float()
    images = (torch.rand(PICTURES, 1, 28, 28) < 0.5).float()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        settings = BaseTrainerConfig(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_epochs=1,
            learning_rate=1e-3,
            no_cuda=True,
        )
        model = in_multivae(JMVAEKL(modalities, 64, Nets("dense")), alpha=1.0)
        trainer = BaseTrainer(
            model, MultimodalBaseDataset({"image": images, "label": labels}), None, settings
        )
        dense = [module for module in model.modules() if isinstance(module, Linear)]
        for line in sys.stdin:
            layer: type[torch.nn.Linear] = Linear if line.strip() == "ours" else torch.nn.Linear
            for module in dense:
                module.__class__ = layer
            started = time.perf_counter()
            trainer.train_step(1)
            seconds = time.perf_counter() - started
            print(seconds * 1e3 * BATCH / PICTURES, file=sys.__stdout__, flush=True)
    del library


if __name__ == "__main__":
    main()
