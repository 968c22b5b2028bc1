"""Promises 16, 17 and 18: training outlives numbers that are none, full disks and too little memory."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.reliability.harness import Check, Outcome
from benchmarks.reliability.small_run import KINDS, ROOT, STEPS, a_run, told
from trainer import saving
from trainer.checkpoint import load_model, load_newest_state
from trainer.errors import TrainerError
from trainer.training import Run

# Numbers -------------------------------------------------------------------------------------------


def number_trial(number: int, folder: Path) -> Outcome:
    """Batches that are no numbers at some steps, one trial in two also several in a row."""
    outcome, chance = Outcome(), random.Random(number)
    bad = set(chance.sample(range(3 * STEPS), 4))
    row = range(STEPS + 2, STEPS + 7) if number % 2 else ()
    bad |= set(row)
    served: set[int] = set()
    with a_run(folder, **(KINDS[number % 3] | {"seed": number})) as run:
        plain = run.batches.batch

        def batch(model: Any, step: int) -> Any:
            data, noise = plain(model, step)
            if step in bad and step not in served:  # when the run comes back there, the pictures are sound
                value = torch.nan if step % 2 else torch.inf
                data["image"] = torch.full_like(data["image"], value)
            served.add(step)
            return data, noise

        run.batches.batch = batch  # type: ignore[method-assign]
        outcome.expect(run.fit(), "the run does not end")
        held = [*run.model.state_dict().values(), *run.averaged.tensors.values()]
        outcome.expect(all(bool(torch.isfinite(t).all()) for t in held), "a weight is no number")
        outcome.expect(run.skipped == len(bad), f"{run.skipped} batches counted of {len(bad)}")
    backs = told(folder, "rolled-back")
    outcome.expect(not row or len(backs) >= 1, "five in a row led to no earlier state")
    outcome.expect(all(event["rate"] < 1 for event in backs), "the rate was not lowered")
    for path in folder.glob("*.safetensors"):
        load_model(path)  # refuses weights that are not finite
    return outcome


# The disk ------------------------------------------------------------------------------------------


def disk_trial(number: int, folder: Path) -> Outcome:
    """Fill the disk at some step for a while: a real one of eight megabytes where such may be made."""
    again = f"'{sys.executable}' -m {__name__} '{folder}' {number}"
    script = f"mount -t tmpfs -o size=8m tmpfs '{folder}' && exec {again}"
    if shutil.which("unshare"):
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            outcome = Outcome(**json.loads(done.stdout.splitlines()[-1]))
            outcome.measure("on a real disk", 1)
            return outcome
        if "mount" not in done.stderr and "unshare" not in done.stderr:
            raise RuntimeError(done.stderr[-1000:])
    outcome = fill(number, folder)
    outcome.measure("on a real disk", 0)
    return outcome


def fill(number: int, folder: Path) -> Outcome:
    """The trial itself; without a disk of its own the folder's files cannot be opened for writing."""
    outcome, chance = Outcome(), random.Random(number)
    begin = chance.randrange(1, 2 * STEPS)
    end = begin + chance.randrange(1, STEPS + 2)
    own = os.path.ismount(folder)
    ballast = folder / "ballast"
    saving.RETRY = 0.0
    with a_run(folder / "run", epochs=4, checkpoint_steps=3, seed=number) as run, _switch() as switch:
        plain = run.take_step
        before: dict[Path, bytes] = {}

        def step() -> bool:
            if run.step == begin and not before:
                files = (
                    path for path in (folder / "run").rglob("*") if path.suffix in (".pt", ".safetensors")
                )
                before.update({path: path.read_bytes() for path in files})
                _fill(ballast) if own else switch.append(True)
            if run.step == end:
                for path, data in before.items():
                    whole = path.exists() and path.read_bytes() == data
                    outcome.expect(whole or not own, f"{path.name} is not what it was")
                ballast.unlink(missing_ok=True)
                switch.clear()
            return plain()

        run.take_step = step  # type: ignore[method-assign]
        outcome.expect(run.fit(), "the run does not end")
    for event in told(folder / "run", "not-saved"):
        said = event["message"]
        outcome.expect(str(folder) in said and "needed" in said, f"the message does not say enough: {said}")
    steps = [event["step"] for event in told(folder / "run", "step")]
    outcome.expect(steps == list(range(1, 4 * STEPS + 1)), "events are missing")
    state = load_newest_state(folder / "run" / "state")
    outcome.expect(
        state is not None and state["step"] == 4 * STEPS, "the last state is not that of the last step"
    )
    outcome.expect(
        load_model(folder / "run" / "model.safetensors")[1].training["epoch"] == 4, "an old model is left"
    )
    outcome.expect(not list(folder.rglob("*.part")), "half a file is left")
    return outcome


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 8, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


@contextmanager
def _switch() -> Iterator[list[bool]]:
    """While the list holds something, no temporary file can be opened for writing."""
    full: list[bool] = []
    plain = Path.open

    def opened(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if full and "w" in mode and self.name.endswith(".part"):
            raise OSError(28, "No space left on device")
        return plain(self, mode, *more, **named)

    Path.open = opened  # type: ignore[method-assign,assignment]
    try:
        yield full
    finally:
        Path.open = plain  # type: ignore[method-assign]


# Memory --------------------------------------------------------------------------------------------

_ERRORS = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory: you tried to allocate"
    ),
    RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"),
    MemoryError(),
)


def memory_trial(number: int, folder: Path) -> Outcome:
    """Too little memory in the net, backwards or in validation: the same weights, but for rounding, as with enough."""
    outcome, error = Outcome(), _ERRORS[number % len(_ERRORS)]
    most = (2, 3, 5)[number % 3]
    place = ("net", "backwards", "validation")[number % 3]
    ends = []
    for name in ("enough", "little"):
        with a_run(folder / name, epochs=2, seed=number) as run:
            if name == "little":
                _starve(run, place, most, error)
            outcome.expect(run.fit(), "the run does not end")
            ends.append(run.model.state_dict())
    for name, tensor in ends[0].items():
        outcome.expect(torch.allclose(ends[1][name], tensor, 1e-3, 1e-4), f"{name} is another weight")
    divided = told(folder / "little", "in-pieces")
    outcome.expect(bool(divided) != (place == "validation"), "batches were not divided")
    return outcome


def _starve(run: Run, place: str, most: int, error: Exception) -> None:
    model, terms, read = run.model, run.model.terms, run.model.read

    class Heavy(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, value: torch.Tensor) -> torch.Tensor:
            return value.clone()

        @staticmethod
        def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
            raise error

    def starved(data: Any, noise: torch.Tensor, reduction: Any) -> Any:
        if len(noise) > most and (place == "net" or not model.training):
            raise error
        found = terms(data, noise, reduction)
        if len(noise) > most and place == "backwards":
            found = {name: Heavy.apply(value) for name, value in found.items()}
        return found

    def starved_reading(image: torch.Tensor) -> torch.Tensor:
        if len(image) > most:
            raise error
        return read(image)

    if place != "validation":
        model.terms = starved  # type: ignore[method-assign]
    else:
        model.terms = lambda data, noise, reduction: (  # type: ignore[method-assign]
            terms(data, noise, reduction) if model.training else starved(data, noise, reduction)
        )
        model.read = starved_reading  # type: ignore[method-assign]


CHECKS = (
    Check("16", "numbers", "batches that are no numbers, also five in a row", 20, "run", number_trial),
    Check("17", "full-disk", "the disk is full for a while", 50, "run", disk_trial),
    Check("18", "little-memory", "too little memory for a batch", 10, "run", memory_trial),
)


def main() -> None:
    """A trial on a disk of its own."""
    torch.set_num_threads(1)
    outcome = fill(int(sys.argv[2]), Path(sys.argv[1]))
    print(json.dumps({"faults": outcome.faults, "figures": outcome.figures}))


if __name__ == "__main__":
    try:
        main()
    except TrainerError as error:
        raise SystemExit(str(error)) from error
