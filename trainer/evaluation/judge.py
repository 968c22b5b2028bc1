"""The judge of edits: a small classifier trained on real pictures alone.

It takes no part in training, so that no model can learn to please it. Settings of the shipped model were compared by
it on validation faces; a judge of another seed, which has chosen nothing, tells whether that has flattered the model.
Its weights are shipped, so that a figure measured today and one measured in a year were given by the same eyes.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from torch.nn import functional

from trainer.data.augmentation import jitter
from trainer.data.dataset import Dataset
from trainer.errors import CheckpointError
from trainer.evaluation.attributes import accuracy_table
from trainer.events import Progress
from trainer.files import write_beside

WIDTHS = (24, 48, 88, 120)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(maps + self.body(maps))


class Judge(nn.Module):
    """A residual CNN of half a million weights: 64×64 pictures to a logit per attribute."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names
        layers: list[nn.Module] = []
        channels = 3
        for width in WIDTHS:
            stride = 1 if channels == 3 else 2
            layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            if channels != 3:
                layers.append(_Residual(width))
            channels = width
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(channels, len(names))

    def features(self, images: Tensor) -> Tensor:
        """Batch × 120 from pictures scaled to -1…1, batch × 3 × 64 × 64."""
        pooled: Tensor = self.body(images).mean((2, 3))
        return pooled

    def forward(self, images: Tensor) -> Tensor:
        """Logits, batch × attributes."""
        logits: Tensor = self.head(self.dropout(self.features(images)))
        return logits

    @torch.no_grad()
    def read(
        self, pixels: npt.NDArray[np.uint8], batch_size: int = 256
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Logits (N × attributes) and features (N × 120) of uint8 pictures, N × height × width × 3."""
        logits, features = [], []
        for first in range(0, len(pixels), batch_size):
            found = self.features(scale(pixels[first : first + batch_size]))
            features.append(found.numpy())
            logits.append(self.head(found).numpy())
        return np.concatenate(logits), np.concatenate(features)


def scale(pixels: npt.NDArray[np.uint8]) -> Tensor:
    """N × height × width × 3 uint8 to N × 3 × height × width in -1…1, channels last in memory."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return images.float().div_(127.5).sub_(1)


def train_judge(data: Dataset, epochs: int, seed: int, progress: Progress) -> tuple[Judge, dict[str, float]]:
    """Train on the training partition; accuracy is measured on the validation partition.

    Args:
        data: Faces with attributes.
        epochs: Passes over the pictures; the rate follows one cycle.
        seed: Of weights, order and augmentation.
        progress: Told of batches done.

    Returns:
        The judge in evaluation mode, and ``accuracy`` and ``balanced_accuracy``.
    """
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    judge = Judge(data.names).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rows = data.indices("train")
    size = min(128, len(rows))
    total = epochs * (len(rows) // size)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=1e-3, weight_decay=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=total, pct_start=0.2)
    done = 0
    judge.train()
    for epoch in range(epochs):
        order = rng.permutation(rows)
        for first in range(0, len(rows) - size + 1, size):
            chunk = np.sort(order[first : first + size])
            pixels = data.images[chunk]
            mirrored = rng.random(len(chunk)) < 0.5
            pixels[mirrored] = pixels[mirrored, :, ::-1]
            images = jitter(scale(pixels), generator).contiguous(memory_format=torch.channels_last)
            truth = torch.from_numpy((data.attributes[chunk] > 0).astype(np.float32))
            with torch.autocast("cpu", torch.bfloat16):
                logits = judge(images)
            loss = functional.binary_cross_entropy_with_logits(logits.float(), truth * 0.96 + 0.02)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            done += 1
            progress(f"epoch {epoch + 1}/{epochs}", done, total, f"loss {float(loss.detach()):.4f}")
    judge.eval()
    held_out = data.indices("validation")
    logits_found, _ = judge.read(data.images[held_out])
    table = accuracy_table(logits_found, data.attributes[held_out])
    return judge, {"accuracy": float(table[:, 0].mean()), "balanced_accuracy": float(table[:, 1].mean())}


def save_judge(judge: Judge, path: Path, about: dict[str, float]) -> None:
    """Write the weights in float16, with the attributes' names and what is known of the judge."""
    tensors = {name: t.half().contiguous() for name, t in judge.state_dict().items() if t.is_floating_point()}
    metadata = {"judge": json.dumps({"names": judge.names, **about})}
    write_beside(path, to_safetensors(tensors, metadata))


def load_judge(path: Path) -> Judge:
    """Read a judge, in evaluation mode.

    Raises:
        CheckpointError: The file is not one.
    """
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {})["judge"])
            judge = Judge(tuple(about["names"]))
            state = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
            missing, unexpected = judge.load_state_dict(state, strict=False)
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} is not a judge of edits ({error}): make one with python -m trainer judge."
        ) from error
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        raise CheckpointError(
            f"{path} holds the weights of another net: make one with python -m trainer judge."
        )
    judge.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return judge.eval().requires_grad_(False)
