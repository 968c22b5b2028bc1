"""Two processes under torchrun learn what one does, and go on where they stopped."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from trainer.checkpoint import load_model, load_newest_state
from trainer.events import read_events

ROOT = Path(__file__).parents[2]
SMALL = ["hidden=12", "latent=3", "batch_size=20", "device=cpu", "log_steps=1", "warmup_share=0.5"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def trainer(processes: int, *arguments: object, start: Sequence[str] = ("-m", "trainer")) -> None:
    """``python -m trainer``, or what ``start`` says, in so many processes, as torchrun starts them."""
    command = [sys.executable]
    if processes > 1:
        where = ["--master-addr", "127.0.0.1", "--master-port", str(free_port())]
        command += ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), *where]
    result = subprocess.run(
        [*command, *start, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert result.returncode == 0, result.stderr


def test_processes_disconnect_before_the_interpreter_ends(tiny_mnist: Path, tmp_path: Path) -> None:
    """What is registered first is called last."""
    script = tmp_path / "watched.py"
    script.write_text(
        "import atexit, os\n"
        "from pathlib import Path\n"
        "from torch import distributed\n"
        "end = Path(__file__).with_name('end-' + os.environ['RANK'])\n"
        "atexit.register(lambda: end.write_text('open' if distributed.is_initialized() else 'closed'))\n"
        "from trainer.cli import main\n"
        "main()\n"
    )
    settings = [part for setting in SMALL for part in ("--set", setting)]
    trainer(
        2, "train", "--preset", "mnist", "--out", tmp_path / "run", "--data", tiny_mnist, "--epochs", 1, *settings,
        start=[str(script)],
    )  # fmt: skip
    assert [(tmp_path / f"end-{rank}").read_text() for rank in range(2)] == ["closed", "closed"]


def losses(folder: Path) -> list[float]:
    return [event["loss"] for event in read_events(folder / "events.jsonl") if event["event"] == "step"]


def test_two_processes_learn_what_one_does(tiny_mnist: Path, tmp_path: Path) -> None:
    settings = [part for setting in SMALL for part in ("--set", setting)]
    common = ["--preset", "mnist", "--data", tiny_mnist, *settings]
    trainer(1, "train", "--out", tmp_path / "one", "--epochs", 4, *common)
    trainer(2, "train", "--out", tmp_path / "two", "--epochs", 4, *common)
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two) == 8
    assert two == pytest.approx(one, rel=1e-5)
    started = read_events(tmp_path / "two" / "events.jsonl")[0]
    assert started["processes"] == 2

    # Stopped after half and resumed, two processes end bit-equal to two that never stopped.
    trainer(2, "train", "--out", tmp_path / "half", "--epochs", 4, *common, "--set", "checkpoint_steps=3")
    for state in sorted((tmp_path / "half" / "state").glob("*.pt"))[1:]:
        state.unlink()
    trainer(2, "resume", tmp_path / "half")
    ends = [load_newest_state(tmp_path / name / "state") for name in ("two", "half")]
    assert ends[0] is not None
    assert ends[1] is not None
    for name, tensor in ends[0]["model"].items():
        assert torch.equal(tensor, ends[1]["model"][name]), name
    resumed = [event["event"] for event in read_events(tmp_path / "half" / "events.jsonl")]
    assert resumed.count("run-started") == 2


def test_a_batch_that_cannot_be_shared_is_refused(tiny_mnist: Path, tmp_path: Path) -> None:
    settings = [part for setting in [*SMALL, "batch_size=21"] for part in ("--set", setting)]
    with pytest.raises(AssertionError, match="cannot be shared by 2 processes"):
        trainer(2, "train", "--preset", "mnist", "--out", tmp_path / "x", "--data", tiny_mnist, *settings)


def test_saving_changes_nothing_and_what_is_published_is_of_all_processes(
    tiny_celeba: Path, tmp_path: Path
) -> None:
    """Of nets with batch normalisation, whose statistics every process gathers from its own share."""
    changes = ["latent=4", "batch_size=8", "image_size=64", "device=cpu", "precision=32-true", "ema_decay=0"]
    states = []
    for name, steps in (("often", 1), ("rarely", 1000)):
        settings = [
            part for setting in [*changes, f"checkpoint_steps={steps}"] for part in ("--set", setting)
        ]
        place = ["--data", tiny_celeba, "--out", tmp_path / name, "--set", f"cache={tmp_path / 'cache'}"]
        trainer(2, "train", "--preset", "faces", "--epochs", 1, "--gan-epochs", 1, *place, *settings)
        state = load_newest_state(tmp_path / name / "state")
        assert state is not None
        states.append(state["model"])
    often, rarely = states
    statistics = [name for name in often if name.endswith(("running_mean", "running_var"))]
    assert statistics
    for name, tensor in often.items():
        assert torch.equal(tensor, rarely[name]), name
    published = load_model(tmp_path / "rarely" / "model.safetensors")[0].state_dict()
    for name in statistics:
        assert torch.equal(published[name], rarely[name].half().float()), name
