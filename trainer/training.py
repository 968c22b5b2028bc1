"""The loop: prepare a run, take steps, validate, publish, save, follow requests to stop."""

from __future__ import annotations

import contextlib
import math
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.batches import Batches
from trainer.checkpoint import load_newest_state, save_model, save_state, share
from trainer.checkpoint_header import CropSpec
from trainer.config import TrainConfig
from trainer.control import Control
from trainer.data.dataset import Dataset
from trainer.data.loading import load_dataset
from trainer.errors import TrainerError
from trainer.evaluation.attributes import attribute_accuracy
from trainer.evaluation.figures import sample_sheet
from trainer.events import EventLog, Progress
from trainer.models.adversarial import make_adversary
from trainer.models.editing import EditStage
from trainer.models.interface import JointModel
from trainer.optimizers import adam
from trainer.processes import Processes
from trainer.starting import Frozen, complete_attributes, start_from
from trainer.systems import check_run


class Run:
    """One training run in a folder of its own, from its configuration to its checkpoints.

    ``config.json``, ``events.jsonl``, ``model.safetensors`` (averaged weights, newest epoch), ``best.safetensors``
    (of the epoch with the best `score`), ``samples/`` and ``state/`` (for resuming). Order, flips and noise of a step
    depend on the seed and the step alone, so that a resumed run goes on bit-exactly.

    Under torchrun each process takes its share of every batch, gradients are averaged over all, and the first one
    writes. A datum's noise is keyed by its place in the whole batch, so that nets without batch normalisation learn
    the same with any number of processes.
    """

    def __init__(
        self,
        folder: Path,
        config: TrainConfig,
        events: EventLog,
        progress: Progress,
        data: Dataset | None = None,
    ) -> None:
        """Build everything; ``data`` stands for the data set that ``config`` names, if it is given."""
        self.folder, self.config, self.events, self.progress = folder, config, events, progress
        system = check_run(config)
        # Adam's moments of silent units decay into denormal numbers, which slow a CPU down several times. Set
        # before the first parallel work: threads inherit it.
        torch.set_flush_denormal(True)
        self.processes = Processes(config)
        with self.processes.fabric.rank_zero_first(local=True):  # it decodes into the cache, the others read
            self.data = data or load_dataset(config, lambda n, m: progress("decoding pictures", n, m, ""))
        self.told = self.data.names
        """The attributes by which the run is judged: those that the data name."""
        if config.keep_attributes and config.parent is not None:
            self.data, self.told = complete_attributes(
                config.parent, self.data, config, lambda n, m: progress("reading attributes", n, m, "")
            )
        self.batches = Batches(self.data, config, self.processes)
        torch.manual_seed(config.seed)
        model = system.load_class().build(self.batches.modalities(), config.model_dump())
        self.step = 0
        self.best = -math.inf
        self.stop_requested = False
        self._control, self._threads = Control(folder), torch.get_num_threads()
        adversary = make_adversary(config, model)
        edit_stage = None
        if config.edit_epochs:
            edit_stage = EditStage(config, 3, self.data.names, self.batches.shares())
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        model.mirrors = config.flip
        if config.parent is None:
            self.batches.set_statistics(model)
        self.parent = None if config.parent is None else start_from(config.parent, model, config)
        self.frozen = Frozen(model, config)
        self.ema = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.model: JointModel = model.to(self.processes.device)
        self.ema = {name: tensor.to(self.processes.device) for name, tensor in self.ema.items()}
        self.optimizer = _make_optimizer(config, self.model)
        self.adversary = None if adversary is None else adversary.to(self.processes.device)
        if self.adversary is not None:
            self.adversary.attach(self.model, self.processes.average_gradients)
        self.edit_stage = None if edit_stage is None else edit_stage.to(self.processes.device)
        if self.edit_stage is not None:
            self.edit_stage.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.edit_stage.attach(self.model, self.processes.average_gradients)

    def resume(self) -> bool:
        """Take up the newest state in the folder; False if there is none."""
        state = load_newest_state(self.folder / "state")
        if state is None:
            return False
        self.step = int(state["step"])
        self.best = float(state.get("best", -math.inf))
        self.model.load_state_dict(state["model"])
        self.ema = {name: tensor.to(self.processes.device) for name, tensor in state["ema"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        for name, stage in (("adversary", self.adversary), ("edit_stage", self.edit_stage)):
            if stage is not None and state.get(name) is not None:  # a stage may have been added since
                stage.load_state_dict(state[name])
                stage.load_optimizers(state[f"{name}_optimizers"])
        if self.processes.is_first:
            self.config.save(self.folder / "config.json")
        return True

    def fit(self) -> bool:
        """Train to the end of the schedule.

        Returns:
            True when it is reached, False when a stop was requested (the state is saved either way).
        """
        total = self.config.total_epochs * self.batches.steps_per_epoch
        self.events.emit(
            "run-started",
            step=self.step,
            steps=total,
            pictures=len(self.batches.train_rows),
            device=str(self.processes.device),
            processes=self.processes.count,
        )
        with self._signals():
            while self.step < total:
                self._yield()
                self.take_step()
                self.stop_requested = self.processes.any(self.stop_requested)
                if self.step % self.batches.steps_per_epoch == 0:
                    self.finish_epoch(self.step // self.batches.steps_per_epoch)
                elif self.step % self.config.checkpoint_steps == 0 or self.stop_requested:
                    self._save()
                if self.stop_requested:
                    self.events.emit("stopped", step=self.step)
                    return self.step == total
        self.events.emit("finished", step=self.step)
        return True

    def _yield(self) -> None:
        """Compute on as many threads as `trainer.control` asks for; on all of ours when nobody asks."""
        threads = min(self._threads, self._control.threads() or self._threads)
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)

    def take_step(self) -> None:
        """One update, and an event now and then."""
        started = time.perf_counter()
        epoch = self.step // self.batches.steps_per_epoch + 1
        data, noise = self.batches.batch(self.model, self.step)
        self.model.train()
        self.frozen.keep_still()
        beta = self.config.beta(min(epoch, self.config.epochs)) if self.config.epochs else 1.0
        if self.edit_stage is not None and epoch > self.config.epochs + self.config.gan_epochs:
            terms = self._edit_step(self.edit_stage, data)
        elif self.adversary is not None and (epoch > self.config.epochs or self.model.adversarial):
            with self.processes.fabric.autocast():
                terms = self.adversary.step(self.model, data, noise, beta)
        else:
            terms = self._bound_step(data, noise, beta)
        self._average()
        self.step += 1
        if self.step % self.config.log_steps == 0 or self.step == 1:
            values = self.processes.average({name: float(value) for name, value in terms.items()})
            rate = self.config.batch_size / (time.perf_counter() - started)
            self.events.emit(
                "step", step=self.step, epoch=epoch, beta=beta, images_per_second=round(rate, 1), **values
            )
            remark = f"loss {values['loss']:.1f} · {rate:.0f} images/s"
            self.progress(
                f"epoch {epoch}/{self.config.total_epochs}",
                self.step,
                self.config.total_epochs * self.batches.steps_per_epoch,
                remark,
            )

    def _bound_step(self, data: dict[str, Tensor], noise: Tensor, beta: float) -> dict[str, Tensor]:
        """One update on the model's bound."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        with self.processes.fabric.autocast():
            tensors = self.model.terms(data, noise, self.config.channel_reduction)
        loss = self.model.loss(tensors, self.config.alpha, beta)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.average_gradients([parameter.grad for parameter in self.model.parameters()])
        if self.config.gradient_clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimizer.step()
        return {"loss": loss.detach(), **{name: term.detach() for name, term in tensors.items()}}

    def _edit_step(self, stage: EditStage, data: dict[str, Tensor]) -> dict[str, Tensor]:
        """One update of the editor and its critic."""
        first = (self.config.epochs + self.config.gan_epochs) * self.batches.steps_per_epoch
        number = self.step - first
        seeds = np.random.default_rng((self.config.seed, 1, self.step))
        seed = int(seeds.integers(2**62)) + self.processes.rank
        with self.processes.fabric.autocast():
            return stage.step(
                self.model,
                data,
                seed,
                number,
                number / (self.config.edit_epochs * self.batches.steps_per_epoch),
            )

    def _learning_rate(self) -> float:
        share = min(1.0, self.step / (self.config.epochs * self.batches.steps_per_epoch))
        end, start = self.config.learning_rate_end, self.config.learning_rate
        return end + (start - end) * 0.5 * (1 + float(np.cos(np.pi * share)))

    @torch.no_grad()
    def _average(self) -> None:
        """Move the exponential average of the weights towards the newest ones."""
        current = self.model.state_dict()
        floats = [name for name, tensor in current.items() if tensor.is_floating_point()]
        weight = 1 - min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_([self.ema[name] for name in floats], [current[name] for name in floats], weight)
        for name in current.keys() - set(floats):
            self.ema[name].copy_(current[name])

    def finish_epoch(self, epoch: int) -> None:
        """Validate, publish and draw with the averaged weights, then save the state; the first process alone."""
        if self.processes.is_first:
            rows = self.batches.rows("validation")
            with self._averaged_weights():
                metrics = self.validate(rows)
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
            best = score(metrics)
            if is_best := best >= self.best:
                self.best = best
                share(self.folder / "model.safetensors", self.folder / "best.safetensors")
            self.events.emit("epoch", epoch=epoch, step=self.step, **metrics)
            self.events.emit("published", path="model.safetensors", epoch=epoch, best=is_best)
        self._save()

    def validate(self, rows: npt.NDArray[np.int64]) -> dict[str, float]:
        """Accuracies and terms of the bound on some rows of the data, as the model stands."""
        metrics = attribute_accuracy(self.model, self.data, rows, self.told)
        return metrics if self.model.adversarial else metrics | self._validation_terms(rows)

    @torch.no_grad()
    def _validation_terms(self, rows: npt.NDArray[np.int64]) -> dict[str, float]:
        generator = np.random.default_rng((self.config.seed, 0))
        sums: dict[str, float] = {}
        for first in range(0, len(rows), 256):
            chunk = rows[first : first + 256]
            data = self.batches.to_device(self.model, self.data.images[chunk], self.data.attributes[chunk])
            noise = self.batches.noise(self.model, generator, len(chunk))
            terms = self.model.terms(data, noise, self.config.channel_reduction)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(chunk) / len(rows)
        return sums

    def _training(self, epoch: int) -> dict[str, Any]:
        settings = self.config.model_dump(mode="json", exclude={"data", "cache", "device", "limit", "parent"})
        before = {"parent": self.parent.training} if self.parent else {}
        return {
            "epoch": epoch,
            "step": self.step,
            "pictures": len(self.batches.train_rows),
            **settings,
            **before,
        }

    def _save(self) -> None:
        """The first process saves; the others wait, so that none is ahead of the state."""
        if self.processes.is_first:
            self._save_state()
        self.processes.fabric.barrier()

    def _save_state(self) -> None:
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "ema": self.ema,
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
        }
        for name, stage in (("adversary", self.adversary), ("edit_stage", self.edit_stage)):
            if stage is not None:
                state |= {name: stage.state_dict(), f"{name}_optimizers": stage.optimizer_states()}
        save_state(self.folder / "state", self.step, state)
        self.events.emit("saved", step=self.step)

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
            torch.set_num_threads(self._threads)


def score(metrics: Mapping[str, float]) -> float:
    """How good an epoch is: balanced accuracy of the attributes; without them, minus the bound without KL weights.

    Of two epochs that are equally good (as the editor's are, which do not change what is read) the later one counts
    as the better one.
    """
    if "balanced_accuracy" in metrics:
        return metrics["balanced_accuracy"]
    return -sum(value for name, value in metrics.items() if name.startswith("nll_") or name == "kl_prior")


def _make_optimizer(config: TrainConfig, model: JointModel) -> torch.optim.Optimizer:
    """That of the bound; call it when the model has its device."""
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(model.parameters(), lr=config.learning_rate)
    return adam(model.parameters(), config.learning_rate, epsilon=config.adam_epsilon)


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
