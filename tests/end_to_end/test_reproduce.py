"""An experiment as a process: stopped in the middle of its training, and brought to its end by the same command."""

import json
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import numpy as np

from tests.unit.test_reproduce import write_idx
from trainer.events import read_events

ROOT = Path(__file__).parents[2]


def test_a_stopped_experiment_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "mnist"
    data.mkdir()
    rng = np.random.default_rng(1)
    for name, count in (("train", 12_000), ("t10k", 20)):
        write_idx(data / f"{name}-images-idx3-ubyte", rng.integers(0, 256, (count, 8, 8), np.uint8))
        write_idx(data / f"{name}-labels-idx1-ubyte", rng.integers(0, 10, count).astype(np.uint8))
    small = ["hidden=8", "latent=2", "batch_size=2", "limit=2000", "log_steps=1", "device=cpu"]
    command = [sys.executable, "-m", "trainer", "reproduce", "mnist-generate", "--budget", "quick"]
    command += ["--data", str(data), "--out", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    command += [part for setting in small for part in ("--set", setting)]

    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = monotonic() + 120
    log = tmp_path / "runs" / "mnist-jmvae-kl-alpha0.1-2epochs-warmup1" / "events.jsonl"
    while not (log.exists() and '"step"' in log.read_text()):
        assert monotonic() < deadline
        assert process.poll() is None, process.communicate()
        sleep(0.05)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "the same command goes on" in errors
    assert read_events(log)[-1]["event"] == "stopped"
    assert not (tmp_path / "results").exists()

    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert again.returncode == 0, again.stderr
    assert "unfinished" not in again.stdout
    steps = [event["step"] for event in read_events(log) if event["event"] == "step"]
    assert steps == list(range(1, 2001))  # no step twice, none left out
    result = json.loads((tmp_path / "results" / "mnist-generate.json").read_text())
    assert [(run["epochs"], run["finished"]) for run in result["runs"]] == [(2, True)]
    assert (tmp_path / "results" / result["pictures"][0]["file"]).read_bytes()[:4] == b"\x89PNG"
