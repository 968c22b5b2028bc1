"""What a run is asked for while it goes on, and which of its models is the best."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from trainer import control
from trainer.checkpoint import share
from trainer.cli import app
from trainer.config import PRESETS, load_config, make_config
from trainer.control import NAME, STOP, Control, alone, ask_for_threads, ask_to_stop, is_trained
from trainer.errors import TrainerError
from trainer.events import EventLog, read_events
from trainer.training import Run, resume, start
from trainer.validation import score


def test_a_wish_holds_for_its_time(tmp_path: Path) -> None:
    control = Control(tmp_path)
    assert control.threads() is None
    ask_for_threads(tmp_path, 1, 0.3)
    assert control.threads() == 1
    time.sleep(0.35)
    assert control.threads() is None
    ask_for_threads(tmp_path, 2, 60)
    assert control.threads() == 2
    ask_for_threads(tmp_path, 1, 0)
    assert control.threads() is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"threads": "x", "until": 1}', '{"threads": -1, "until": 1e12}']
)
def test_a_damaged_wish_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    assert Control(tmp_path).threads() is None


def test_a_run_follows_the_wish_and_takes_its_threads_back(tmp_path: Path, tiny_mnist: Path) -> None:
    own = torch.get_num_threads()
    if own == 1:
        pytest.skip("there is one thread only")
    small = {"hidden": 8, "latent": 4, "batch_size": 25, "image_size": 8, "device": "cpu", "log_steps": 1}
    config = make_config(PRESETS["mnist"] | small | {"data": tiny_mnist, "epochs": 3, "preset": "mnist"})
    seen: list[int] = []

    def watch(*_: object) -> None:
        seen.append(torch.get_num_threads())
        if len(seen) == 3:
            ask_for_threads(tmp_path, 1, 60)
        if len(seen) == 5:
            ask_for_threads(tmp_path, 1, 0)

    events = EventLog(tmp_path / "events.jsonl")
    try:
        run = Run(tmp_path, config, events, lambda *_: None)
        run.progress = watch
        assert run.fit()
    finally:
        events.close()
    assert seen == [own, own, own, 1, 1, own]
    assert torch.get_num_threads() == own
    published = [event for event in read_events(tmp_path / "events.jsonl") if event["event"] == "published"]
    metrics = [event for event in read_events(tmp_path / "events.jsonl") if event["event"] == "epoch"]
    best = -1.0
    for event, told in zip(published, metrics, strict=True):
        assert event["best"] == (told["balanced_accuracy"] >= best)
        best = max(best, told["balanced_accuracy"])
    assert (tmp_path / "best.safetensors").is_file()


def test_scores_prefer_reading_and_fall_back_on_the_bound() -> None:
    assert score({"balanced_accuracy": 0.7, "nll_image": 5.0}) == 0.7
    assert score({"nll_image": 5.0, "nll_attributes": 1.0, "kl_prior": 2.0, "kl_image": 9.0}) == -8.0


def test_a_shared_file_stays_when_its_origin_is_replaced(tmp_path: Path) -> None:
    newest, best = tmp_path / "model", tmp_path / "best"
    newest.write_text(json.dumps(1))
    share(newest, best)
    (tmp_path / "next").write_text("2")
    (tmp_path / "next").replace(newest)
    assert (newest.read_text(), best.read_text()) == ("2", "1")
    share(newest, best)
    assert best.read_text() == "2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best", "model"]


def test_a_run_stops_when_a_file_asks_it_to(
    tmp_path: Path, tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {"hidden": 8, "latent": 4, "batch_size": 25, "image_size": 8, "device": "cpu", "log_steps": 1}
    config = make_config(PRESETS["mnist"] | small | {"data": tiny_mnist, "epochs": 3, "preset": "mnist"})

    def ask(what: str, done: int, total: int, remark: str) -> None:
        if done == 2 and what.startswith("epoch"):
            ask_to_stop(tmp_path)

    events = EventLog(tmp_path / "events.jsonl")
    assert not start(tmp_path, config, events, ask)
    seen = read_events(tmp_path / "events.jsonl")
    assert [event["event"] for event in seen][-2:] == ["saved", "stopped"]
    assert seen[-1]["step"] == 2
    monkeypatch.setattr(
        control, "_BEGAN", time.time()
    )  # as in another process: the wish was of the one before
    assert resume(tmp_path, config, events, lambda *_: None)
    events.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"time": "x"}'])
def test_a_damaged_wish_to_stop_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / STOP).write_text(text)
    assert not Control(tmp_path).stops()


HOLD = """
import sys
from pathlib import Path
from trainer.control import alone
with alone(Path(sys.argv[1])):
    print("holding", flush=True)
    sys.stdin.read()
"""


def test_a_run_is_trained_by_one_process(tmp_path: Path, tiny_mnist: Path) -> None:
    small = {"hidden": 8, "latent": 4, "batch_size": 25, "image_size": 8, "device": "cpu"}
    config = make_config(PRESETS["mnist"] | small | {"data": tiny_mnist, "epochs": 1, "preset": "mnist"})
    config.save(tmp_path / "config.json")
    events = EventLog(tmp_path / "events.jsonl")
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=pipe, stdout=pipe, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holding\n"
        assert is_trained(tmp_path)
        for begin in (start, resume):
            longer = config.model_copy(update={"epochs": 7})
            with pytest.raises(TrainerError, match="is being trained by another process"):
                begin(tmp_path, longer, events, lambda *_: None)
        assert load_config(tmp_path / "config.json") == config  # the run keeps its settings
        assert read_events(tmp_path / "events.jsonl") == []
        other.kill()  # the system lets go of what it held
        other.wait()
    assert not is_trained(tmp_path)
    assert start(tmp_path, config, events, lambda *_: None)
    with alone(tmp_path):
        pass
    events.close()


def test_a_run_that_was_killed_before_its_first_state_can_be_started_anew(
    tiny_celeba: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr("trainer.training.start", lambda folder, *_: started.append(folder) or True)
    out = tmp_path / "run"
    command = ["train", "--data", str(tiny_celeba), "--out", str(out)]
    app(command, standalone_mode=False)
    (out / "state").mkdir()
    (out / "state" / ".step-00000500.pt.1.part").write_bytes(b"half")
    app(command, standalone_mode=False)
    assert started == [out, out]
    (out / "state" / "step-00000500.pt").write_bytes(b"whole")
    with pytest.raises(TrainerError, match="go on with: python -m trainer resume"):
        app(command, standalone_mode=False)
