"""The loop: prepare a run, take steps, validate, publish, save, follow requests to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor

from trainer.checkpoint import load_model, load_newest_state, save_model, save_state
from trainer.checkpoint_header import CropSpec, Header
from trainer.config import TrainConfig
from trainer.data.augmentation import jitter
from trainer.data.dataset import Dataset
from trainer.data.loading import load_dataset
from trainer.data.mnist import binarise
from trainer.errors import ConfigError, TrainerError
from trainer.evaluation.attributes import attribute_accuracy
from trainer.evaluation.figures import sample_sheet
from trainer.events import EventLog
from trainer.models.adversarial import make_adversary
from trainer.models.editing import EditStage, sampling_weights
from trainer.models.interface import JointModel, Modality
from trainer.systems import find_system

Progress = Callable[[str, int, int, str], None]
"""Called with (what, done, all, remark)."""


class Run:
    """One training run in a folder of its own, from its configuration to its checkpoints.

    ``config.json``, ``events.jsonl``, ``model.safetensors`` (averaged weights, newest epoch), ``samples/`` and
    ``state/`` (for resuming). Order, flips and noise of a step depend on the seed and the step alone, so that a
    resumed run goes on bit-exactly.

    Under torchrun each process takes its share of every batch, gradients are averaged over all, and the first one
    writes. A datum's noise is keyed by its place in the whole batch, so that nets without batch normalisation learn
    the same with any number of processes.
    """

    def __init__(self, folder: Path, config: TrainConfig, events: EventLog, progress: Progress) -> None:
        self.folder, self.config, self.events, self.progress = folder, config, events, progress
        system = find_system(config.system)
        if config.edit_epochs and not system.trains_edits:
            raise ConfigError(f"“{config.system}” has no editor to train: set edit_epochs to 0.")
        # Adam's moments of silent units decay into denormal numbers, which slow a CPU down several times. Set
        # before the first parallel work: threads inherit it.
        torch.set_flush_denormal(True)
        self.fabric = launch(config)
        if config.batch_size % self.fabric.world_size:
            raise ConfigError(
                f"A batch of {config.batch_size} cannot be shared by {self.fabric.world_size} processes alike; "
                "choose a batch_size that can."
            )
        with self.fabric.rank_zero_first(local=True):  # it decodes into the cache, the others read
            self.data = load_dataset(config, lambda n, m: progress("decoding pictures", n, m, ""))
        self.train_rows = self._rows("train")
        torch.manual_seed(config.seed)
        model = system.load_class().build(_modalities(self.data, config), config.model_dump())
        self.step = 0
        self.stop_requested = False
        adversary = make_adversary(config, model)
        edit_stage = self._edit_stage() if config.edit_epochs else None
        parameters = list(model.parameters())
        optimizer = torch.optim.Adam(parameters, lr=config.learning_rate, eps=config.adam_epsilon)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.parent = self._start_from(model)
        self.ema = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.model: JointModel = model.to(self.fabric.device)
        self.ema = {name: tensor.to(self.fabric.device) for name, tensor in self.ema.items()}
        self.optimizer = optimizer
        self.adversary = None if adversary is None else adversary.to(self.fabric.device)
        if self.adversary is not None:
            self.adversary.attach(self.model, self._average_gradients)
        self.edit_stage = None if edit_stage is None else edit_stage.to(self.fabric.device)
        if self.edit_stage is not None:
            self.edit_stage.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.edit_stage.attach(self.model, self._average_gradients)

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in the training partition; the rest of a permutation waits for the next."""
        return max(1, len(self.train_rows) // self.config.batch_size)

    def resume(self) -> bool:
        """Take up the newest state in the folder; False if there is none."""
        state = load_newest_state(self.folder / "state")
        if state is None:
            return False
        self.step = int(state["step"])
        self.model.load_state_dict(state["model"])
        self.ema = {name: tensor.to(self.fabric.device) for name, tensor in state["ema"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        for name, stage in (("adversary", self.adversary), ("edit_stage", self.edit_stage)):
            if stage is not None and state.get(name) is not None:  # a stage may have been added since
                stage.load_state_dict(state[name])
                stage.load_optimizers(state[f"{name}_optimizers"])
        if self.fabric.is_global_zero:
            self.config.save(self.folder / "config.json")
        return True

    def fit(self) -> bool:
        """Train to the end of the schedule.

        Returns:
            True when it is reached, False when a stop was requested (the state is saved either way).
        """
        total = self.config.total_epochs * self.steps_per_epoch
        self.events.emit(
            "run-started",
            step=self.step,
            steps=total,
            pictures=len(self.train_rows),
            device=str(self.fabric.device),
            processes=self.fabric.world_size,
        )
        with self._signals():
            while self.step < total:
                self._train_step()
                self._agree_to_stop()
                if self.step % self.steps_per_epoch == 0:
                    self._finish_epoch(self.step // self.steps_per_epoch)
                elif self.step % self.config.checkpoint_steps == 0 or self.stop_requested:
                    self._save()
                if self.stop_requested:
                    self.events.emit("stopped", step=self.step)
                    return self.step == total
        self.events.emit("finished", step=self.step)
        return True

    def _train_step(self) -> None:
        started = time.perf_counter()
        epoch = self.step // self.steps_per_epoch + 1
        data, noise = self._batch(epoch)
        self.model.train()
        beta = self.config.beta(min(epoch, self.config.epochs)) if self.config.epochs else 1.0
        if self.edit_stage is not None and epoch > self.config.epochs + self.config.gan_epochs:
            terms = self._edit_step(self.edit_stage, data)
        elif self.adversary is not None and (epoch > self.config.epochs or self.model.adversarial):
            with self.fabric.autocast():
                terms = self.adversary.step(self.model, data, noise, beta)
        else:
            terms = self._bound_step(data, noise, beta)
        self._average()
        self.step += 1
        if self.step % self.config.log_steps == 0 or self.step == 1:
            values = self._mean_over_processes({name: float(value) for name, value in terms.items()})
            rate = self.config.batch_size / (time.perf_counter() - started)
            self.events.emit(
                "step", step=self.step, epoch=epoch, beta=beta, images_per_second=round(rate, 1), **values
            )
            remark = f"loss {values['loss']:.1f} · {rate:.0f} images/s"
            self.progress(
                f"epoch {epoch}/{self.config.total_epochs}",
                self.step,
                self.config.total_epochs * self.steps_per_epoch,
                remark,
            )

    def _bound_step(self, data: dict[str, Tensor], noise: Tensor, beta: float) -> dict[str, Tensor]:
        """One update on the model's bound."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        with self.fabric.autocast():
            tensors = self.model.terms(data, noise, self.config.channel_reduction)
        loss = self.model.loss(tensors, self.config.alpha, beta)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._average_gradients([parameter.grad for parameter in self.model.parameters()])
        if self.config.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        return {"loss": loss.detach(), **{name: term.detach() for name, term in tensors.items()}}

    def _edit_step(self, stage: EditStage, data: dict[str, Tensor]) -> dict[str, Tensor]:
        """One update of the editor and its critic."""
        first = (self.config.epochs + self.config.gan_epochs) * self.steps_per_epoch
        number = self.step - first
        seeds = np.random.default_rng((self.config.seed, 1, self.step))
        seed = int(seeds.integers(2**62)) + self.fabric.global_rank
        with self.fabric.autocast():
            return stage.step(
                self.model, data, seed, number, number / (self.config.edit_epochs * self.steps_per_epoch)
            )

    def _learning_rate(self) -> float:
        share = min(1.0, self.step / (self.config.epochs * self.steps_per_epoch))
        end, start = self.config.learning_rate_end, self.config.learning_rate
        return end + (start - end) * 0.5 * (1 + float(np.cos(np.pi * share)))

    def _batch(self, epoch: int) -> tuple[dict[str, Tensor], Tensor]:
        """This process's share of the step's batch, and its noise."""
        size = self.config.batch_size
        order = self._order(epoch)
        first = (self.step % self.steps_per_epoch) * size
        rows = np.sort(self.train_rows[order[first : first + size]])
        generator = np.random.default_rng((self.config.seed, epoch, self.step))
        pixels = self.data.images[rows]  # batch × height × width × channels
        if self.config.flip:
            mirrored = generator.random(len(rows)) < 0.5
            pixels[mirrored] = pixels[mirrored, :, ::-1]
        if self.config.binarise:
            pixels = binarise(pixels, generator)
        noise = self._noise(generator, len(rows))
        count, rank = self.fabric.world_size, self.fabric.global_rank
        own = slice(rank * len(rows) // count, (rank + 1) * len(rows) // count)
        data = self._to_device(pixels[own], self.data.attributes[rows[own]])
        if self.config.augment:
            source = torch.Generator().manual_seed(int(generator.integers(2**62)) + rank)
            jittered = jitter(data["image"], source)
            data["image"] = jittered.contiguous(memory_format=torch.channels_last)
        return data, noise[own]

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """The places of the training rows in the order of ``epoch``; in the edit stage the rare come oftener."""
        rng, count = np.random.default_rng((self.config.seed, epoch)), len(self.train_rows)
        if epoch <= self.config.epochs + self.config.gan_epochs:
            return rng.permutation(count)
        return rng.choice(
            count, count, p=sampling_weights(self.data.attributes[self.train_rows], self.data.names)
        )

    def _edit_stage(self) -> EditStage:
        shares = (self.data.attributes[self.train_rows] > 0).mean(0)
        return EditStage(self.config, 3, self.data.names, shares)

    def _noise(self, generator: np.random.Generator, count: int) -> Tensor:
        noise = generator.standard_normal((count, self.model.noise_width), np.float32)
        return torch.from_numpy(noise).to(self.fabric.device)

    def _to_device(self, pixels: npt.NDArray[np.uint8], vectors: npt.NDArray[Any]) -> dict[str, Tensor]:
        """The modalities of a batch, on the device."""
        device = self.fabric.device
        image = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2)
        return {
            "image": self.model.standardise(image).contiguous(memory_format=torch.channels_last),
            self.data.kind: torch.from_numpy(vectors.astype(np.float32)).to(device),
        }

    def _average_gradients(self, gradients: Sequence[Tensor | None]) -> None:
        """Replace gradients by their mean over all processes, in one exchange of one long vector.

        Unlike DistributedDataParallel's hooks, this also serves the gradients that the GAN takes by itself.
        """
        if self.fabric.world_size == 1:
            return
        present = [gradient for gradient in gradients if gradient is not None]
        joined = torch.cat([gradient.flatten() for gradient in present])
        joined = self._mean(joined)
        first = 0
        for gradient in present:
            gradient.copy_(joined[first : first + gradient.numel()].view_as(gradient))
            first += gradient.numel()

    def _mean_over_processes(self, values: dict[str, float]) -> dict[str, float]:
        if self.fabric.world_size == 1:
            return values
        means = self._mean(torch.tensor(list(values.values()), device=self.fabric.device))
        return dict(zip(values, means.tolist(), strict=True))

    def _mean(self, numbers: Tensor) -> Tensor:
        """Element by element, over all processes."""
        mean = self.fabric.all_reduce(numbers, reduce_op="mean")
        assert isinstance(mean, Tensor)
        return mean

    def _agree_to_stop(self) -> None:
        """All processes stop after the same step, whichever was asked."""
        if self.fabric.world_size > 1:
            asked = torch.tensor(float(self.stop_requested), device=self.fabric.device)
            self.stop_requested = bool(self._mean(asked) > 0)

    @torch.no_grad()
    def _average(self) -> None:
        """Move the exponential average of the weights towards the newest ones."""
        current = self.model.state_dict()
        floats = [name for name, tensor in current.items() if tensor.is_floating_point()]
        weight = 1 - min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_([self.ema[name] for name in floats], [current[name] for name in floats], weight)
        for name in current.keys() - set(floats):
            self.ema[name].copy_(current[name])

    def _finish_epoch(self, epoch: int) -> None:
        """Validate, publish and draw with the averaged weights, then save the state; the first process alone."""
        if self.fabric.is_global_zero:
            rows = self._rows("validation")
            with self._averaged_weights():
                metrics = attribute_accuracy(self.model, self.data, rows)
                if not self.model.adversarial:
                    metrics |= self._validation_terms(rows)
                sheet = sample_sheet(self.model, self.data.images[rows[:8]], self.data.attributes[rows[:8]])
                (self.folder / "samples").mkdir(exist_ok=True)
                sheet.save(self.folder / "samples" / f"epoch-{epoch:04d}.png")
                save_model(
                    self.folder / "model.safetensors",
                    self.model,
                    self.config.system,
                    self._training(epoch),
                    CropSpec("face" if self.config.dataset != "mnist" else "whole"),
                    self.parent.digest if self.parent else None,
                )
            self.events.emit("epoch", epoch=epoch, step=self.step, **metrics)
            self.events.emit("published", path="model.safetensors", epoch=epoch)
        self._save()

    @torch.no_grad()
    def _validation_terms(self, rows: npt.NDArray[np.int64]) -> dict[str, float]:
        generator = np.random.default_rng((self.config.seed, 0))
        sums: dict[str, float] = {}
        for first in range(0, len(rows), 256):
            chunk = rows[first : first + 256]
            data = self._to_device(self.data.images[chunk], self.data.attributes[chunk])
            noise = self._noise(generator, len(chunk))
            terms = self.model.terms(data, noise, self.config.channel_reduction)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(chunk) / len(rows)
        return sums

    def _training(self, epoch: int) -> dict[str, Any]:
        settings = self.config.model_dump(mode="json", exclude={"data", "cache", "device", "limit", "parent"})
        before = {"parent": self.parent.training} if self.parent else {}
        return {"epoch": epoch, "step": self.step, "pictures": len(self.train_rows), **settings, **before}

    def _save(self) -> None:
        """The first process saves; the others wait, so that none is ahead of the state."""
        if self.fabric.is_global_zero:
            self._save_state()
        self.fabric.barrier()

    def _save_state(self) -> None:
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "ema": self.ema,
            "optimizer": self.optimizer.state_dict(),
        }
        for name, stage in (("adversary", self.adversary), ("edit_stage", self.edit_stage)):
            if stage is not None:
                state |= {name: stage.state_dict(), f"{name}_optimizers": stage.optimizer_states()}
        save_state(self.folder / "state", self.step, state)
        self.events.emit("saved", step=self.step)

    def _rows(self, partition: str) -> npt.NDArray[np.int64]:
        rows = self.data.indices(partition)
        if len(rows) == 0:
            raise ConfigError(f"The {partition} partition of {self.config.data} is empty.")
        return rows[: self.config.limit]

    def _start_from(self, model: JointModel) -> Header | None:
        """Take the weights of the parent checkpoint, if there is one, and give its header."""
        if self.config.parent is None:
            self._set_statistics(model)
            return None
        parent, header = load_model(self.config.parent)
        if (header.system, parent.modalities) != (self.config.system, model.modalities):
            raise ConfigError(
                f"{self.config.parent} is a “{header.system}” of other pictures or attributes: "
                f"a “{self.config.system}” of these cannot start from it."
            )
        try:
            model.load_state_dict(parent.state_dict(), strict=False)
        except RuntimeError as error:
            raise ConfigError(f"The weights of {self.config.parent} do not fit: {error}") from error
        return header

    def _set_statistics(self, model: JointModel) -> None:
        """Mean and deviation per pixel and channel over the training crops (mirrored too, if flipping).

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

    @contextlib.contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        own = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(self.ema)
        self.model.eval()
        try:
            yield
        finally:
            self.model.load_state_dict(own)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM ask for a stop after the step under way; a second one ends at once."""

        def ask(number: int, frame: object) -> None:
            if self.stop_requested:
                raise KeyboardInterrupt
            self.stop_requested = True

        previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def launch(config: TrainConfig) -> Fabric:
    """The device of this process, and its place among others if torchrun started several.

    Raises:
        ConfigError: The device cannot be used.
    """
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    everywhere = int(os.environ.get("WORLD_SIZE", "1"))
    try:
        fabric = Fabric(
            accelerator=config.device,
            devices=processes,
            num_nodes=everywhere // processes,
            strategy="ddp" if everywhere > 1 else "auto",
            precision=config.precision,
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:  # Lightning's own errors derive from these or from Exception
        raise ConfigError(f"The device “{config.device}” cannot be used here: {error}") from error
    return fabric


def _modalities(data: Dataset, config: TrainConfig) -> tuple[Modality, ...]:
    """The image, and the vector that goes with it, named by its kind: ``attributes`` or ``label``."""
    height, width, channels = data.images.shape[1:]
    return (
        Modality("image", "image", (channels, height, width), scale=config.image_scale),
        Modality(data.kind, data.kind, (len(data.names),), data.names),
    )


def start(folder: Path, config: TrainConfig, events: EventLog, progress: Progress) -> bool:
    """Train ``config`` in the new folder ``folder``; see `Run.fit`."""
    return Run(folder, config, events, progress).fit()


def resume(folder: Path, config: TrainConfig, events: EventLog, progress: Progress) -> bool:
    """Go on with the run in ``folder``.

    Raises:
        TrainerError: There is no state to go on from.
    """
    run = Run(folder, config, events, progress)
    if not run.resume():
        raise TrainerError(f"{folder} holds no saved state to resume from. Start the run anew.")
    return run.fit()
