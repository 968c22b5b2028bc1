"""Promises 4, 5, 6, 16, 17 and 18: training outlives kills, signals, bad numbers, full disks and too little memory."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.reliability.harness import Check, Outcome
from benchmarks.reliability.killing import start_child, wait_for
from trainer import saving
from trainer.checkpoint import load_model, load_newest_state
from trainer.config import TrainConfig
from trainer.data.dataset import Dataset
from trainer.errors import TrainerError
from trainer.events import EventLog, read_events
from trainer.training import Run

ROOT = Path(__file__).resolve().parents[2]
INTERVAL = 5
"""Steps between two saves; a kill may cost so many."""
PICTURES, BATCH = 48, 8
STEPS = PICTURES // BATCH
"""Of an epoch."""
_KINDS: tuple[dict[str, Any], ...] = (
    {"epochs": 3},
    {"epochs": 1, "gan_epochs": 2, "nets": "conv", "image_size": 64},
    {"epochs": 1, "edit_epochs": 2, "edit_head_start": 2, "system": "jmvae-kl-studio", "image_size": 64},
    {"epochs": 3, "optimizer": "adagrad", "flip": False},
)


def faces(size: int) -> Dataset:
    """Noise in which three attributes can be seen."""
    chance = np.random.default_rng(0)
    count = PICTURES + 16
    attributes = chance.choice(np.array([-1, 1], np.int8), (count, 3))
    pixels = chance.integers(60, 190, (count, size, size, 3))
    pixels += 50 * attributes[:, None, None]
    partition = np.r_[np.zeros(PICTURES, np.uint8), np.ones(8, np.uint8), np.full(8, 2, np.uint8)]
    return Dataset(pixels.clip(0, 255).astype(np.uint8), attributes, ("Red", "Green", "Blue"), partition)


@contextmanager
def a_run(folder: Path, **changes: Any) -> Iterator[Run]:
    """A small run, new or not, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"nets": "dense", "hidden": 16, "latent": 4, "image_size": 16, "batch_size": BATCH}
    fixed = {"device": "cpu", "precision": "32-true", "log_steps": 1, "checkpoint_steps": INTERVAL}
    config = TrainConfig(data=folder, **(plain | fixed | changes))
    events = EventLog(folder / "events.jsonl")
    try:
        yield Run(folder, config, events, lambda *_: None, faces(config.image_size))
    finally:
        events.close()


def _told(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_events(folder / "events.jsonl") if event["event"] == kind]


# Kills and signals ---------------------------------------------------------------------------------


def _train_for_ever(folder: Path, began: Path, kind: int, seed: int) -> None:
    torch.set_num_threads(1)
    changes = {name: value for name, value in _KINDS[kind].items() if "epochs" not in name}
    with a_run(folder, **changes, epochs=100_000, warmup_share=0.0, seed=seed) as run:
        began.touch()
        run.fit()


def kill_trial(number: int, folder: Path) -> Outcome:
    """Kill a run at any moment; the newest state loads, is at most an interval old, and the run goes on from it."""
    outcome, chance = Outcome(), random.Random(number)
    out, began = folder / "run", folder / "began"
    process = start_child(_train_for_ever, out, began, 0, number)
    wait_for(began, process)
    time.sleep(chance.uniform(0, 1.2))
    process.kill()
    process.join()
    done = max((event["step"] for event in _told(out, "step")), default=0)
    state = load_newest_state(out / "state")
    kept = 0 if state is None else int(state["step"])
    outcome.measure("steps lost", done - kept)
    states = len(list((out / "state").glob("step-*.pt")))
    outcome.measure("states kept", states)
    if (out / "model.safetensors").exists():
        load_model(out / "model.safetensors")
    with a_run(out, epochs=100_000, warmup_share=0.0, seed=number) as run:
        outcome.expect(run.resume() == (state is not None), "the run does not find its state")
        outcome.expect(run.step == kept, f"goes on from step {run.step}, saved was {kept}")
        run.stop_requested = True
        run.fit()
        outcome.expect(int(load_newest_state(out / "state")["step"]) == kept + 1, "does not go on")  # type: ignore[index]
    left = [path.name for path in out.rglob("*.part")]
    outcome.expect(not left, f"left behind: {left}")
    outcome.expect(len(list((out / "state").glob("step-*.pt"))) <= 3, "more than three states are kept")
    return outcome


def signal_trial(number: int, folder: Path) -> Outcome:
    """Ask a run to end, by SIGTERM or Ctrl-C; it saves the step it has come to."""
    outcome, chance = Outcome(), random.Random(number)
    out, began = folder / "run", folder / "began"
    process = start_child(_train_for_ever, out, began, number % 3, number)
    wait_for(began, process)
    while not _told(out, "run-started"):  # from then on it listens
        time.sleep(0.002)
    time.sleep(chance.uniform(0.05, 1.5))
    assert process.pid is not None
    started = time.monotonic()
    os.kill(process.pid, (signal.SIGTERM, signal.SIGINT)[number % 2])
    process.join(30)
    outcome.measure("seconds to end", time.monotonic() - started)
    outcome.expect(process.exitcode == 0, f"the exit code is {process.exitcode}")
    if process.is_alive():
        process.kill()
    last = read_events(out / "events.jsonl")[-1]
    outcome.expect(last["event"] == "stopped", f"the last word is {last['event']}")
    state = load_newest_state(out / "state")
    outcome.expect(
        state is not None and state["step"] == last["step"], "another step is saved than was reached"
    )
    return outcome


# Resuming ------------------------------------------------------------------------------------------


def resume_trial(number: int, folder: Path) -> Outcome:
    """Stop a run at some step and resume it: its weights end bit-equal to those of one that never stopped."""
    outcome, chance = Outcome(), random.Random(number)
    stop = chance.randrange(1, 3 * STEPS)
    if number % 4 == 3:
        for name, until in (("straight", 0), ("stopped", stop), ("stopped", 0)):
            _in_two_processes(folder / name, number, until)
    else:
        changes = _KINDS[number % 4 if number % 4 else (number // 4) % 2 * 3] | {"seed": number}
        for name, until in (("straight", 0), ("stopped", stop), ("stopped", 0)):
            go_on(folder / name, until, changes)
    ends = [load_newest_state(folder / name / "state") for name in ("straight", "stopped")]
    assert ends[0] is not None
    assert ends[1] is not None
    outcome.expect(ends[0]["step"] == ends[1]["step"] == 3 * STEPS, "they end at other steps")
    for part in ("model", "ema", "adversary", "edit_stage"):
        for name, tensor in ends[0].get(part, {}).items():
            outcome.expect(torch.equal(tensor, ends[1][part][name]), f"stop at {stop}: {part} {name} differs")
    return outcome


def go_on(folder: Path, until: int, changes: dict[str, Any]) -> None:
    """Begin or resume a run, and stop it at a step, or train it to its end (0)."""
    with a_run(folder, **changes) as run:
        run.resume()
        if until:
            plain = run.take_step

            def step() -> bool:
                went_on = plain()
                run.stop_requested = run.step >= until
                return went_on

            run.take_step = step  # type: ignore[method-assign]
        run.fit()


def _in_two_processes(folder: Path, seed: int, until: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    where = ["--nproc-per-node", "2", "--master-addr", "127.0.0.1", "--master-port", port]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *where,
            "-m",
            __name__,
            str(folder),
            str(seed),
            str(until),
        ],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])


# Numbers -------------------------------------------------------------------------------------------


def number_trial(number: int, folder: Path) -> Outcome:
    """Batches that are no numbers at some steps, one trial in two also several in a row."""
    outcome, chance = Outcome(), random.Random(number)
    bad = set(chance.sample(range(3 * STEPS), 4))
    row = range(STEPS + 2, STEPS + 7) if number % 2 else ()
    bad |= set(row)
    served: set[int] = set()
    with a_run(folder, **(_KINDS[number % 3] | {"seed": number})) as run:
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
        held = [*run.model.state_dict().values(), *run.ema.values()]
        outcome.expect(all(bool(torch.isfinite(t).all()) for t in held), "a weight is no number")
        outcome.expect(run.skipped == len(bad), f"{run.skipped} batches counted of {len(bad)}")
    backs = _told(folder, "rolled-back")
    outcome.expect(not row or len(backs) >= 1, "five in a row led to no earlier state")
    outcome.expect(all(event["rate"] < 1 for event in backs), "the rate was not lowered")
    for path in folder.glob("*.safetensors"):
        load_model(path)  # refuses weights that are not finite
    return outcome


# The disk ------------------------------------------------------------------------------------------


def disk_trial(number: int, folder: Path) -> Outcome:
    """Fill the disk at some step for a while: a real one of eight megabytes where such may be made."""
    again = f"'{sys.executable}' -m {__name__} disk '{folder}' {number}"
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
    for event in _told(folder / "run", "not-saved"):
        said = event["message"]
        outcome.expect(str(folder) in said and "needed" in said, f"the message does not say enough: {said}")
    steps = [event["step"] for event in _told(folder / "run", "step")]
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
    divided = _told(folder / "little", "in-pieces")
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


# ---------------------------------------------------------------------------------------------------

CHECKS = (
    Check(
        "4",
        "training-kills",
        "a run is killed at any moment: the newest state loads and the run goes on from it",
        100,
        "kill",
        kill_trial,
        {"steps lost": INTERVAL + 1, "states kept": 4},
    ),
    Check(
        "5",
        "resume",
        "stopped at some step and resumed: bit-equal weights (bound, GAN, editor; every fourth in two processes)",
        20,
        "stop",
        resume_trial,
    ),
    Check(
        "6",
        "signals",
        "SIGTERM or Ctrl-C: saved and ended",
        50,
        "signal",
        signal_trial,
        {"seconds to end": 10},
    ),
    Check("16", "numbers", "batches that are no numbers, also five in a row", 20, "run", number_trial),
    Check("17", "full-disk", "the disk is full for a while", 50, "run", disk_trial),
    Check("18", "little-memory", "too little memory for a batch", 10, "run", memory_trial),
)


def main() -> None:
    """What trials start as processes of their own."""
    torch.set_num_threads(1)
    if sys.argv[1] == "disk":
        outcome = fill(int(sys.argv[3]), Path(sys.argv[2]))
        print(json.dumps({"faults": outcome.faults, "figures": outcome.figures}))
        return
    go_on(Path(sys.argv[1]), int(sys.argv[3]), _KINDS[0] | {"seed": int(sys.argv[2])})


if __name__ == "__main__":
    try:
        main()
    except TrainerError as error:
        raise SystemExit(str(error)) from error
