"""The loop: prepare a run, take steps, validate, publish, save, follow requests to stop."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from trainer.averaging import AveragedWeights
from trainer.batches import Batches
from trainer.bound_step import BoundStep
from trainer.checkpoint import load_newest_state, save_model, save_state, share
from trainer.checkpoint_header import CropSpec
from trainer.config import TrainConfig
from trainer.control import Control, alone, stop_signals
from trainer.data.dataset import Dataset
from trainer.data.loading import LAYOUTS, load_dataset
from trainer.errors import CheckpointError, TrainerError
from trainer.evaluation.figures import sample_sheet
from trainer.events import EventLog, Progress
from trainer.files import to_png, write_beside
from trainer.models.adversarial import make_adversary
from trainer.models.editing import EditStage
from trainer.models.game import Game
from trainer.models.interface import JointModel
from trainer.models.studio import StudioJMVAE
from trainer.numbers import (
    IN_A_ROW,
    ROLLBACKS,
    SLOWER,
    NotFiniteError,
    Statistics,
    is_out_of_memory,
)
from trainer.processes import Processes
from trainer.saving import Saver
from trainer.starting import Frozen, complete_attributes, start_from
from trainer.systems import check_run
from trainer.validation import score, validate

SAVE_SECONDS = 300.0
"""At most so long between two saves, however slow the updates are."""

_PARTS = (".model.*.part", ".best.*.part", ".parent.*.part", "state/.step-*.part", "samples/.epoch-*.part")
"""What a run writes beside its files; others, which the studio may be writing now, are not its own."""


class Run:
    """One training run in a folder of its own, from its configuration to its checkpoints.

    ``config.json``, ``events.jsonl``, ``parent.safetensors`` (a copy of the model that it starts from, if any),
    ``model.safetensors`` (averaged weights, newest epoch), ``best.safetensors`` (of the epoch with the best `score`),
    ``samples/`` and ``state/`` (for resuming). Order, flips and noise of a step depend on the seed and the step alone,
    so that a resumed run goes on bit-exactly.

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
        updates: int | None = None,
    ) -> None:
        """Build everything.

        Args:
            folder: Of the run.
            config: Its settings.
            events: Where it tells what happens.
            progress: Told how far it is.
            data: In place of the data set that ``config`` names.
            updates: On the bound, in the whole run; None counts those of ``data``.
        """
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
        kept = folder / "parent.safetensors"
        parent = kept if config.parent is not None and kept.exists() else config.parent
        if config.keep_attributes and parent is not None:
            self.data, self.told = complete_attributes(
                parent, self.data, config, lambda n, m: progress("reading attributes", n, m, "")
            )
        self.batches = Batches(self.data, config, self.processes)
        torch.manual_seed(config.seed)
        model = system.load_class().build(self.batches.modalities(), config.model_dump())
        self.step = 0
        self.best = -math.inf
        self.rate, self.skipped = 1.0, 0
        """What the learning rates are multiplied by, and how many batches were passed over."""
        self.stop_requested = False
        self.saver = Saver(folder, events)
        self._bad, self._returned, self._saved = 0, Counter[int](), time.monotonic()
        self._control, self._threads = Control(folder), torch.get_num_threads()
        adversary = make_adversary(config, model)
        edit_stage = None
        if config.edit_epochs:
            edit_stage = EditStage(config, 3, self.data.names, self.batches.shares())
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        model.mirrors = config.flip
        if config.parent is None:
            self.batches.set_statistics(model)
        self.parent = None if parent is None else start_from(parent, model, config)
        if parent is not None and parent != kept and self.processes.is_first:
            content = parent.read_bytes()
            self.saver.write("the model it starts from", len(content), lambda: write_beside(kept, content))
        self.frozen = Frozen(model, config)
        self.model: JointModel = model.to(self.processes.device)
        self.averaged = AveragedWeights(self.model, config.ema_decay, self.batches.steps_per_epoch)
        self.adversary = None if adversary is None else adversary.to(self.processes.device)
        if self.adversary is not None:
            self.adversary.attach(self.model, self.processes.average_gradients)
        self.edit_stage = None if edit_stage is None else edit_stage.to(self.processes.device)
        if self.edit_stage is not None:
            self.edit_stage.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.edit_stage.attach(self.model, self.processes.average_gradients)
        self._statistics = Statistics([self.model, *self._stages.values()])
        updates = updates or config.epochs * self.batches.steps_per_epoch
        self.bound = BoundStep(self.model, config, self.processes, self._statistics, events, updates)

    @property
    def _stages(self) -> dict[str, Game]:
        """What is trained against the model, by its name in the state."""
        stages = {"adversary": self.adversary, "edit_stage": self.edit_stage}
        return {name: stage for name, stage in stages.items() if stage is not None}

    def resume(self) -> bool:
        """Take up the newest state in the folder; False if there is none."""
        state = load_newest_state(self.folder / "state")
        if state is None:
            return False
        self.best = float(state.get("best", -math.inf))
        self.skipped = int(state.get("skipped", 0))
        self._take_up(state, float(state.get("rate", 1.0)))
        if self.processes.is_first:
            self.config.save(self.folder / "config.json")
        return True

    def _take_up(self, state: Mapping[str, Any], rate: float) -> None:
        """Make everything that learns what it is in a state, with learning rates of ``rate`` times their size."""
        self.step, self.rate = int(state["step"]), rate
        self.model.load_state_dict(state["model"])
        self.averaged.load(state["ema"])
        self.bound.optimizer.load_state_dict(state["optimizer"])
        for name, stage in self._stages.items():
            stage.rate = rate
            if state.get(name) is not None:  # a stage may have been added since
                stage.load_state_dict(state[name])
                stage.load_optimizers(state[f"{name}_optimizers"])

    def fit(self) -> bool:
        """Train to the end of the schedule.

        Returns:
            True when it is reached, False when a stop was requested (the state is saved either way).

        Raises:
            TrainerError: The state cannot be written at the end, or no update is finite, however slow.
        """
        total = self.config.total_epochs * self.batches.steps_per_epoch
        if self.processes.is_first:
            self._sweep()
        self.events.emit(
            "run-started",
            step=self.step,
            steps=total,
            pictures=len(self.batches.train_rows),
            device=str(self.processes.device),
            processes=self.processes.count,
        )
        try:
            with stop_signals(self._ask_to_stop):
                while self.step < total:
                    self._yield()
                    self.saver.retry()
                    went_on = self.take_step()
                    self.stop_requested |= self._control.stops()
                    stop = self.processes.any(self.stop_requested)  # a later request is the next step's
                    if went_on and self.step % self.batches.steps_per_epoch == 0:
                        self.finish_epoch(self.step // self.batches.steps_per_epoch, stop)
                    elif (went_on and self._is_save_due()) or stop:
                        self._save(stop)
                    if stop:
                        self.saver.finish()
                        self.events.emit("stopped", step=self.step)
                        return self.step == total
                self.saver.finish()
        finally:
            torch.set_num_threads(self._threads)
        self.events.emit("finished", step=self.step)
        return True

    def _is_save_due(self) -> bool:
        """After so many updates or so much time; all processes agree."""
        late = time.monotonic() - self._saved >= SAVE_SECONDS
        return self.step % self.config.checkpoint_steps == 0 or self.processes.any(late)

    def _ask_to_stop(self) -> None:
        """Stop after the step under way; asked again, at once."""
        if self.stop_requested:
            raise KeyboardInterrupt
        self.stop_requested = True

    def _sweep(self) -> None:
        """Remove what a run that was killed had begun to write."""
        for pattern in _PARTS:
            for left in self.folder.glob(pattern):
                left.unlink(missing_ok=True)

    def _yield(self) -> None:
        """Compute on as many threads as `trainer.control` asks for; on all of ours when nobody asks."""
        threads = min(self._threads, self._control.threads() or self._threads)
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)

    def take_step(self) -> bool:
        """One update, and an event now and then; a batch without a finite one is passed over.

        Returns:
            False if the run went back to an earlier state instead.

        Raises:
            TrainerError: It went back there before, again and again.
        """
        started = time.perf_counter()
        epoch = self.step // self.batches.steps_per_epoch + 1
        data, noise = self.batches.batch(self.model, self.step)
        if not self.model.training:  # asking every module each time takes a hundredth of a small step
            self.model.train()
            self.frozen.keep_still()
        beta = self.config.beta(min(epoch, self.config.epochs)) if self.config.epochs else 1.0
        self._statistics.keep()
        try:
            terms = self._update(epoch, data, noise, beta)
        except NotFiniteError:
            self._statistics.restore()
            return self._pass_over()
        self._bad = 0
        self.step += 1
        self.processes.average_gradients(self._statistics.tensors)
        self.averaged.follow(self.step)
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
        return True

    def _update(self, epoch: int, data: dict[str, Tensor], noise: Tensor, beta: float) -> dict[str, Tensor]:
        """The update of the stage that ``epoch`` belongs to."""
        try:
            if self.edit_stage is not None and epoch > self.config.epochs + self.config.gan_epochs:
                return self._edit_step(self.edit_stage, data)
            if self.adversary is not None and (epoch > self.config.epochs or self.model.adversarial):
                with self.processes.fabric.autocast():
                    return self.adversary.step(self.model, data, noise, beta)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise TrainerError(
                f"There is not enough memory on {self.processes.device} for {self.config.batch_size} pictures at a "
                "time, and a game of two players cannot be divided: start anew with a smaller batch_size."
            ) from error
        return self.bound.take(data, noise, beta, self._learning_rate())

    def _pass_over(self) -> bool:
        """Count a batch without a finite update; after several in a row go back, and on more slowly."""
        self.step, self.skipped, self._bad = self.step + 1, self.skipped + 1, self._bad + 1
        self.events.emit("skipped", step=self.step, in_a_row=self._bad, skipped=self.skipped)
        if self._bad < IN_A_ROW:
            self.averaged.follow(self.step)  # the last batch of an epoch may be the one
            return True
        self._bad = 0
        state = load_newest_state(self.folder / "state")
        back = -1 if state is None else int(state["step"])
        self._returned[back] += 1
        if self._returned[back] > ROLLBACKS:
            raise TrainerError(
                f"No update after step {self.step - IN_A_ROW} is finite, also at {self.rate:.2g} times the learning "
                "rate: start anew with a lower learning_rate, or with precision 32-true."
            )
        if state is None:  # nothing was saved yet; the weights are those of the last finite update
            state = self._state()
        self._take_up(state, self.rate * SLOWER)
        self.events.emit("rolled-back", step=self.step, rate=self.rate)
        return False

    def _edit_step(self, stage: EditStage, data: dict[str, Tensor]) -> dict[str, Tensor]:
        """One update of the editor and its critic."""
        assert isinstance(self.model, StudioJMVAE)
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
        return self.rate * (end + (start - end) * 0.5 * (1 + float(np.cos(np.pi * share))))

    def finish_epoch(self, epoch: int, stopping: bool = False) -> None:
        """Validate, publish and draw with the averaged weights, then save the state; the first process alone."""
        if self.processes.is_first:
            rows = self.batches.rows("validation")
            with self.averaged.applied():
                metrics = self.validate(rows)
                sheet = sample_sheet(self.model, self.data.images[rows[:8]], self.data.attributes[rows[:8]])
            self._write_sheet(sheet, epoch)
            self.events.emit("epoch", epoch=epoch, step=self.step, **metrics)
            size = sum(2 * tensor.numel() for tensor in self.averaged.tensors.values())
            found, step = score(metrics), self.step
            # Written late, for want of room, the weights are others than those that were validated.
            self.saver.write(
                "the model", size, lambda: self._publish(epoch, found if self.step == step else None)
            )
        self._save(stopping)

    def _write_sheet(self, sheet: Image.Image, epoch: int) -> None:
        content = to_png(sheet)
        path = self.folder / "samples" / f"epoch-{epoch:04d}.png"

        def write() -> None:
            path.parent.mkdir(exist_ok=True)
            write_beside(path, content, durable=False)

        self.saver.write("the sheet of samples", len(content), write)

    def _publish(self, epoch: int, found: float | None) -> None:
        """Write the averaged weights for use, and as the best ones if their `score` is; not if they are not finite."""
        path = self.folder / "model.safetensors"
        crop = CropSpec(LAYOUTS[self.config.dataset].crop)
        parent = self.parent.digest if self.parent else None
        try:
            with self.averaged.applied():
                save_model(path, self.model, self.config.system, self._training(epoch), crop, parent)
        except CheckpointError as error:
            self.events.emit("not-published", epoch=epoch, message=str(error))
            return
        if is_best := found is not None and found >= self.best:
            share(path, self.folder / "best.safetensors")
            self.best = found
        self.events.emit("published", path=path.name, epoch=epoch, best=is_best)

    def validate(self, rows: npt.NDArray[np.int64]) -> dict[str, float]:
        """Accuracies and terms of the bound on some rows of the data, as the model stands."""
        return validate(self.model, self.batches, rows, self.told)

    def _training(self, epoch: int) -> dict[str, Any]:
        settings = self.config.model_dump(mode="json", exclude={"data", "cache", "device", "parent"})
        before = {"parent": self.parent.training} if self.parent else {}
        return {
            "epoch": epoch,
            "step": self.step,
            "pictures": len(self.batches.train_rows),
            **settings,
            **before,
        }

    def _save(self, stopping: bool = False) -> None:
        """The first process saves; the others wait, so that none is ahead of the state.

        But for a stop, nothing is saved after a batch that was passed over: the run may have to go back behind it.
        """
        if self.processes.is_first and (stopping or not self._bad):
            self._save_state()
        self._saved = time.monotonic()
        self.processes.fabric.barrier()

    def _save_state(self) -> None:
        tensors = [*self.model.state_dict().values(), *self.averaged.tensors.values()]
        moments = [
            t for s in self.bound.optimizer.state.values() for t in s.values() if isinstance(t, Tensor)
        ]
        size = sum(tensor.numel() * tensor.element_size() for tensor in (*tensors, *moments))
        self.saver.write("the state of the run", size, self._write_state)

    def _write_state(self) -> None:
        save_state(self.folder / "state", self.step, self._state())
        self.events.emit("saved", step=self.step)

    def _state(self) -> dict[str, Any]:
        state = {
            "step": self.step,
            "model": self.model.state_dict(),
            "ema": self.averaged.tensors,
            "optimizer": self.bound.optimizer.state_dict(),
            "best": self.best,
            "rate": self.rate,
            "skipped": self.skipped,
        }
        for name, stage in self._stages.items():
            state |= {name: stage.state_dict(), f"{name}_optimizers": stage.optimizer_states()}
        return state


def start(folder: Path, config: TrainConfig, events: EventLog, progress: Progress) -> bool:
    """Train ``config`` in the new folder ``folder``; see `Run.fit`."""
    with _alone(folder):
        return Run(folder, config, events, progress).fit()


def resume(folder: Path, config: TrainConfig, events: EventLog, progress: Progress) -> bool:
    """Go on with the run in ``folder``.

    Raises:
        TrainerError: There is no state to go on from, or another process trains the run.
    """
    with _alone(folder):
        run = Run(folder, config, events, progress)
        if not run.resume():
            raise TrainerError(f"{folder} holds no saved state to resume from. Start the run anew.")
        return run.fit()


def _alone(folder: Path) -> AbstractContextManager[None]:
    """See `alone`; of several processes that train together the first one sees to it."""
    return alone(folder) if os.environ.get("RANK", "0") == "0" else nullcontext()
