"""What the studio reads of a run while the trainer writes it, and the commands it gives."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jmvae_studio.resources import default_model
from jmvae_studio.training.commands import resume_arguments, shell_line, train_arguments
from jmvae_studio.training.processes import NICENESS, Process
from jmvae_studio.training.progress import RunProgress
from jmvae_studio.training.run import LOCK, LOG, Run, State
from jmvae_studio.training.tail import EventTail
from trainer.cli import app
from trainer.config import PRESETS, TrainConfig, load_config, make_config
from trainer.events import EventLog


def line(event: str, **fields: object) -> bytes:
    return json.dumps({"event": event, "time": 1.0, **fields}).encode() + b"\n"


def test_the_tail_reads_what_was_appended_and_waits_for_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = EventTail(path)
    assert tail.read() == ([], False)
    first, second = line("step", step=1), line("step", step=2)
    path.write_bytes(first + second[:9])
    events, renewed = tail.read()
    assert ([event["step"] for event in events], renewed) == ([1], False)
    assert tail.read() == ([], False)
    with path.open("ab") as file:
        file.write(second[9:])
    assert [event["step"] for event in tail.read()[0]] == [2]
    path.write_bytes(line("finished", step=7))  # cut and begun anew
    events, renewed = tail.read()
    assert ([event["event"] for event in events], renewed) == (["finished"], True)


def test_the_tail_takes_small_bites_and_passes_over_what_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    cut = line("step", step=3)[:20]
    path.write_bytes(line("step", step=1) + b"nonsense\n[1]\n" + cut + line("run-started", step=2))
    tail, found, bites = EventTail(path), [], 0
    while bites == 0 or tail.is_behind:
        found += tail.read(10)[0]
        bites += 1
    assert bites == -(-path.stat().st_size // 10)
    assert [(event["event"], event["step"]) for event in found] == [("step", 1), ("run-started", 2)]


def test_progress_counts_averages_and_rewinds() -> None:
    progress = RunProgress()
    progress.take(
        [{"event": "run-started", "time": 0.0, "step": 0, "steps": 100, "pictures": 40, "device": "cpu"}]
    )
    assert progress.seconds_left is None
    for step in range(1, 5):
        fields = {"epoch": 1, "loss": 10.0 / step, "images_per_second": 20.0 * step, "odd": "text"}
        progress.take([{"event": "step", "time": 2.0 * step, "step": step, **fields}])
    progress.take(
        [{"event": "epoch", "time": 9.0, "epoch": 1, "step": 4, "accuracy": 0.5, "bad": float("nan")}]
    )
    progress.take([{"event": "published", "time": 9.0, "path": "model.safetensors", "epoch": 1}])
    assert progress.images_per_second == 50
    assert progress.seconds_left == 96 * 2
    assert progress.terms["loss"].values == [10, 5, 10 / 3, 2.5]
    assert set(progress.terms) == {"loss", "images_per_second"}
    assert set(progress.metrics) == {"accuracy"}
    assert (progress.epoch, progress.published, progress.pictures) == (1, 1, 40)
    progress.take([{"event": "run-started", "time": 50.0, "step": 2, "steps": 200}])  # after a kill
    assert progress.terms["loss"].steps == [1, 2]
    assert progress.metrics["accuracy"].steps == []
    assert progress.images_per_second is None


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_trainer_comes_to_the_same_settings(tiny_celeba: Path, tmp_path: Path, preset: str) -> None:
    changes: dict[str, Any] = {
        "gradient_clip": None,
        "flip": False,
        "alpha": 0.25,
        "cache": tmp_path / "a b",
        "hidden": 7,
    }
    if "learn" in PRESETS[preset]:
        changes["parent"] = default_model()
    config = make_config(
        PRESETS[preset] | {"preset": preset, "data": tiny_celeba, "dataset": "celeba"} | changes
    )
    out = tmp_path / "run"
    # the settings are checked and written before the first picture is read; an unknown device ends it there
    broken = config.model_copy(update={"device": "mps"})
    result = CliRunner().invoke(app, train_arguments(out, broken))
    assert result.exit_code == 1
    assert load_config(out / "config.json") == broken


def test_commands_can_be_pasted() -> None:
    folder = Path("/runs/Anna's first")
    config = TrainConfig(data=Path("/data/faces"))
    assert shlex.split(shell_line(train_arguments(folder, config))) == [
        *("python", "-m", "trainer", "train", "--out", str(folder), "--data", "/data/faces"),
        *("--preset", "faces", "--set", "dataset=celeba"),
    ]
    assert shell_line(resume_arguments(Path("run")), 4) == "torchrun --nproc-per-node 4 -m trainer resume run"


@pytest.fixture
def sleeper() -> object:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield child
    child.kill()
    child.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_is_paused_and_stopped_and_never_a_foreign_one(sleeper: subprocess.Popen[bytes]) -> None:
    process = Process.of(sleeper.pid)
    assert process is not None
    assert process.is_alive
    process.lower_priority()
    assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == NICENESS
    assert process.pause()
    deadline = time.monotonic() + 10
    while not process.is_paused:
        assert time.monotonic() < deadline
    foreign = Process(sleeper.pid, "another birth")
    assert not foreign.is_alive
    assert not foreign.ask_to_stop()
    assert not foreign.go_on()
    assert process.is_paused
    assert process.ask_to_stop()  # and goes on to do so
    assert sleeper.wait(10) == -signal.SIGTERM
    assert not process.is_alive
    assert not process.pause()


def make_run(folder: Path, data: Path) -> Path:
    folder.mkdir()
    TrainConfig(data=data).save(folder / "config.json")
    return folder


def read(folder: Path) -> Run:
    run = Run(folder)
    run.refresh()
    return run


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        ("note\nError: No pictures are in /data.\n", "Training of broken failed: No pictures are in /data."),
        ("Traceback\nValueError: odd\n", "Training of broken failed (ValueError: odd); all it said is in "),
        ("", "Training of broken was ended from outside"),
    ],
)
def test_a_run_that_failed_says_why(tmp_path: Path, log: str, sentence: str) -> None:
    folder = make_run(tmp_path / "broken", tmp_path)
    (folder / LOCK).write_text(
        json.dumps({"pid": os.getpid(), "born": "long ago", "started": time.time() - 60})
    )
    (folder / LOG).write_text(log)
    events = EventLog(folder / "events.jsonl")
    events.emit("run-started", step=0, steps=9)
    events.close()
    run = read(folder)
    assert run.state is State.FAILED
    assert run.failure.startswith(sentence)
    assert not run.is_under_way  # our own process bears that number, and is another


def test_a_run_tells_its_state_by_its_files(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", tmp_path)
    assert read(folder).state is State.STOPPED  # made by hand, never started
    events = EventLog(folder / "events.jsonl")
    events.emit("finished", step=9)
    events.close()
    assert read(folder).state is State.FINISHED
    lock = {"pid": os.getpid(), "born": "long ago", "started": time.time() + 5}
    (folder / LOCK).write_text(json.dumps(lock))
    assert read(folder).state is State.FAILED  # the newest start has not said a word
    (folder / LOCK).write_text(json.dumps(lock | {"stopping": True}))
    assert read(folder).state is State.STOPPED
    process = Process.of(os.getpid())
    assert process is not None
    (folder / LOCK).write_text(json.dumps(lock | {"born": process.born}))
    run = read(folder)
    assert run.state is State.STARTING
    assert run.is_under_way
    (folder / LOCK).write_text("{")
    assert read(folder).state is State.FINISHED
    assert (run.model, run.can_resume, run.sheets()) == (None, False, {})
    (folder / "samples").mkdir()
    for name in ("epoch-0002.png", "epoch-0001.png", "note.txt"):
        (folder / "samples" / name).touch()
    assert list(run.sheets()) == [1, 2]
