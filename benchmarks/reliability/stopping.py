"""Promises 4, 5 and 6: training outlives kills and signals, and goes on as if it had never stopped."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.reliability.harness import Check, Outcome
from benchmarks.reliability.killing import start_child, wait_for
from benchmarks.reliability.small_run import INTERVAL, KINDS, ROOT, STEPS, a_run, told
from trainer.checkpoint import load_model, load_newest_state
from trainer.events import read_events

# Kills and signals ---------------------------------------------------------------------------------


def _train_for_ever(folder: Path, began: Path, kind: int, seed: int) -> None:
    torch.set_num_threads(1)
    changes = {name: value for name, value in KINDS[kind].items() if "epochs" not in name}
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
    done = max((event["step"] for event in told(out, "step")), default=0)
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
    while not told(out, "run-started"):  # from then on it listens
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
        changes = KINDS[number % 4 if number % 4 else (number // 4) % 2 * 3] | {"seed": number}
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
)


def main() -> None:
    """One of two processes."""
    torch.set_num_threads(1)
    go_on(Path(sys.argv[1]), int(sys.argv[3]), KINDS[0] | {"seed": int(sys.argv[2])})


if __name__ == "__main__":
    main()
