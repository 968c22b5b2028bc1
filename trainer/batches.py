"""From a data set to the batches of a run: order, augmentation and noise, all keyed by seed and step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.config import TrainConfig
from trainer.data.augmentation import jitter
from trainer.data.dataset import Dataset
from trainer.data.mnist import binarise
from trainer.errors import ConfigError
from trainer.models.editing import sampling_weights
from trainer.models.interface import JointModel, Modality
from trainer.processes import Processes
from trainer.resident import keep_resident, take_rows


class Batches:
    """The pictures of a run as its model wants them.

    A batch depends on the seed and the step alone, so that a resumed run goes on bit-exactly; a datum's noise is
    keyed by its place in the whole batch, so that it is the same with any number of processes.

    Raises:
        ConfigError: There are no training pictures.
    """

    def __init__(self, data: Dataset, config: TrainConfig, processes: Processes) -> None:
        self.data, self.config, self.processes = data, config, processes
        self.train_rows = self.rows("train")
        self._ordered: tuple[int, npt.NDArray[np.int64]] = (0, np.empty(0, np.int64))
        """An epoch and its order: made once, used by all of its steps."""
        self._resident = None if config.binarise else keep_resident(data.images, processes.device)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in the training partition; the rest of a permutation waits for the next."""
        return max(1, len(self.train_rows) // self.config.batch_size)

    def rows(self, partition: str) -> npt.NDArray[np.int64]:
        """Rows of one partition, no more than the run's ``limit``.

        Raises:
            ConfigError: There are none.
        """
        rows = self.data.indices(partition)
        if len(rows) == 0:
            raise ConfigError(f"The {partition} partition of {self.config.data} is empty.")
        return rows[: self.config.limit]

    def modalities(self) -> tuple[Modality, ...]:
        """The image, and the vector that goes with it, named by its kind: ``attributes`` or ``label``."""
        height, width, channels = self.data.images.shape[1:]
        return (
            Modality("image", "image", (channels, height, width), scale=self.config.image_scale),
            Modality(self.data.kind, self.data.kind, (len(self.data.names),), self.data.names),
        )

    def shares(self) -> npt.NDArray[np.float64]:
        """Share of the training pictures that have each attribute."""
        return np.asarray((self.data.attributes[self.train_rows] > 0).mean(0))

    def batch(self, model: JointModel, step: int) -> tuple[dict[str, Tensor], Tensor]:
        """This process's share of the batch of ``step`` (from 0), and its noise."""
        epoch, place = step // self.steps_per_epoch + 1, step % self.steps_per_epoch
        size = self.config.batch_size
        rows = np.sort(self.train_rows[self._order(epoch)[place * size : (place + 1) * size]])
        generator = np.random.default_rng((self.config.seed, epoch, step))
        own = self.processes.share(len(rows))
        pixels = self._pixels(rows, own, generator, not model.adversarial)
        noise = self.noise(model, generator, len(rows))
        data = self._to_device(model, pixels, self.data.attributes[rows[own]])
        if self.config.augment:
            source = torch.Generator().manual_seed(int(generator.integers(2**62)) + self.processes.rank)
            moved = jitter(data["image"], source, shift=0.025, zoom=0.03, turn=2.5, light=0.1)
            data["image"] = moved.contiguous(memory_format=torch.channels_last)
        return data, noise[own]

    def _pixels(
        self, rows: npt.NDArray[np.int64], own: slice, generator: np.random.Generator, may_binarise: bool
    ) -> Tensor:
        """The pictures of ``rows[own]``, batch × height × width × channels; drawn for the whole batch alike."""
        mirrored = np.zeros(len(rows), bool)
        if self.config.flip:
            mirrored = generator.random(len(rows)) < 0.5
        if self._resident is not None:
            return take_rows(self._resident, rows[own], mirrored[own])
        pixels = self.data.images[rows]
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        if self.config.binarise and may_binarise:  # a GAN is told by its greys, not by what it draws
            pixels = binarise(pixels, generator)
        return torch.from_numpy(np.ascontiguousarray(pixels[own]))

    def noise(self, model: JointModel, generator: np.random.Generator, count: int) -> Tensor:
        """Normal numbers for ``count`` data, on the device."""
        noise = generator.standard_normal((count, model.noise_width), np.float32)
        return torch.from_numpy(noise).to(self.processes.device)

    def to_device(
        self, model: JointModel, pixels: npt.NDArray[np.uint8], vectors: npt.NDArray[Any]
    ) -> dict[str, Tensor]:
        """The modalities of some data, on the device."""
        return self._to_device(model, torch.from_numpy(np.ascontiguousarray(pixels)), vectors)

    def _to_device(self, model: JointModel, pixels: Tensor, vectors: npt.NDArray[Any]) -> dict[str, Tensor]:
        device = self.processes.device
        image = pixels.to(device).permute(0, 3, 1, 2)
        return {
            "image": model.standardise(image).contiguous(memory_format=torch.channels_last),
            self.data.kind: torch.from_numpy(vectors.astype(np.float32)).to(device),
        }

    def set_statistics(self, model: JointModel) -> None:
        """Mean and deviation per pixel and channel over the training pictures (mirrored too, if flipping).

        Images of unit scale keep 0 and 1.
        """
        if self.config.image_scale == "unit":
            return
        total = np.zeros(self.data.images.shape[1:])
        squares = np.zeros_like(total)
        for first in range(0, len(self.train_rows), 2048):
            chunk = self.data.images[self.train_rows[first : first + 2048]] / np.float32(255)
            total += chunk.sum(0, dtype=np.float64)
            squares += np.square(chunk).sum(0, dtype=np.float64)
        if self.config.flip:
            total, squares = (total + total[:, ::-1]) / 2, (squares + squares[:, ::-1]) / 2
        mean = total / len(self.train_rows)
        deviation = np.sqrt(np.maximum(squares / len(self.train_rows) - mean**2, 1e-6))
        model.image_mean.copy_(torch.from_numpy(mean.astype(np.float32)).permute(2, 0, 1))
        model.image_std.copy_(torch.from_numpy(deviation.astype(np.float32)).permute(2, 0, 1))

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The places of the training rows in the order of ``epoch``; in the edit stage the rare come oftener."""
        if self._ordered[0] != epoch:
            self._ordered = (epoch, self._shuffled(epoch))
        return self._ordered[1]

    def _shuffled(self, epoch: int) -> npt.NDArray[np.int64]:
        rng, count = np.random.default_rng((self.config.seed, epoch)), len(self.train_rows)
        if epoch <= self.config.epochs + self.config.gan_epochs:
            return rng.permutation(count)
        weights = sampling_weights(self.data.attributes[self.train_rows], self.data.names)
        return rng.choice(count, count, p=weights)
