"""Real runs of the trainer, as the studio starts, pauses, stops, resumes and finds them again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jmvae_studio.training.run import Run, State
from jmvae_studio.training.trainings import RunError, Trainings
from trainer.config import PRESETS, TrainConfig, make_config
from trainer.events import read_events

SMALL = {"hidden": 8, "latent": 4, "batch_size": 25, "image_size": 8, "log_steps": 1, "device": "cpu"}


def small(data: Path, epochs: int) -> TrainConfig:
    return make_config(PRESETS["mnist"] | SMALL | {"preset": "mnist", "data": data, "epochs": epochs})


@pytest.fixture(autouse=True)
def ordinary_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a busy machine does not let the tests wait for ever."""
    monkeypatch.setattr("jmvae_studio.training.processes.NICENESS", 0)


@pytest.fixture
def open_trainings(qapp: QApplication, tmp_path: Path) -> Iterator[Callable[[], Trainings]]:
    """Watches the same folder anew each time; no process outlives the test."""
    opened: list[Trainings] = []

    def begin() -> Trainings:
        trainings = Trainings(tmp_path / "runs")
        opened.append(trainings)
        trainings.start()
        return trainings

    yield begin
    for trainings in opened:
        trainings.close()
    for run in opened[-1].under_way():
        run.ask_to_stop()


def wait_for(qtbot: QtBot, run: Run, *states: State) -> None:
    qtbot.waitUntil(lambda: run.state in states, timeout=120_000)


def test_a_run_is_paused_stopped_found_again_and_resumed(
    open_trainings: Callable[[], Trainings], qtbot: QtBot, tiny_mnist: Path
) -> None:
    trainings = open_trainings()
    run = trainings.add("digits", small(tiny_mnist, 100_000))
    assert run.state is State.STARTING
    later = trainings.add("later", small(tiny_mnist, 1))
    assert later.state is State.WAITING
    assert [known.name for known in trainings.runs] == ["later", "digits"]
    wait_for(qtbot, run, State.RUNNING)
    qtbot.waitUntil(lambda: run.progress.step > 2, timeout=60_000)
    trainings.pause(run)
    wait_for(qtbot, run, State.PAUSED)
    qtbot.wait(100)
    run.refresh()
    halted = run.progress.step
    qtbot.wait(700)
    run.refresh()
    assert run.progress.step == halted
    assert later.state is State.WAITING  # the paused one is still under way

    trainings.close()  # the window goes, the process stays and is found again
    again = open_trainings()
    assert [known.name for known in again.under_way()] == ["digits"]
    found = again.under_way()[0]
    assert found.state is State.PAUSED
    again.resume(found)
    qtbot.waitUntil(lambda: found.progress.step > halted, timeout=60_000)
    assert found.state is State.RUNNING
    with pytest.raises(RunError, match="digits is under way: stop it first"):
        again.delete(found)
    with qtbot.waitSignal(again.ended, timeout=60_000) as ended:
        again.stop(found)
        assert found.state is State.STOPPING
    assert ended.args == [found]
    assert found.state is State.STOPPED
    assert found.can_resume
    stopped = read_events(found.folder / "events.jsonl")[-1]
    assert stopped["event"] == "stopped"

    queued = next(known for known in again.runs if known.name == "later")
    wait_for(qtbot, queued, State.FINISHED)  # its turn has come
    assert queued.model is not None
    assert list(queued.sheets()) == [1]
    again.resume(found)
    qtbot.waitUntil(lambda: found.progress.step > stopped["step"], timeout=120_000)
    starts = [e for e in read_events(found.folder / "events.jsonl") if e["event"] == "run-started"]
    assert [start["step"] for start in starts] == [0, stopped["step"]]
    with qtbot.waitSignal(again.ended, timeout=60_000):
        again.stop(found)


def test_a_run_without_data_fails_with_the_trainers_sentence(
    open_trainings: Callable[[], Trainings], qtbot: QtBot, tmp_path: Path
) -> None:
    trainings = open_trainings()
    run = trainings.add("nothing", small(tmp_path / "nowhere", 1))
    with qtbot.waitSignal(trainings.ended, timeout=120_000):
        pass
    assert run.state is State.FAILED
    assert "Is this MNIST's folder?" in run.failure
    assert run.failure.count("\n") == 0
    assert open_trainings().runs[0].name == "nothing"


def test_names_and_the_trash(
    open_trainings: Callable[[], Trainings], tiny_mnist: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    trainings = open_trainings()
    folder = tmp_path / "runs" / "kept"
    folder.mkdir(parents=True)
    small(tiny_mnist, 1).save(folder / "config.json")
    (tmp_path / "runs" / "no run").mkdir()
    trainings.start()
    assert [run.name for run in trainings.runs] == ["kept"]
    assert trainings.free_name("kept") == "kept 2"
    for name, reason in (
        ("", "needs a name"),
        ("a/b", "leave out '/'"),
        ("kept", "already"),
        (".x", "no dot"),
    ):
        with pytest.raises(RunError, match=reason):
            trainings.add(name, small(tiny_mnist, 1))
    with pytest.raises(RunError, match="too long"):
        trainings.check_name("ä" * 41)
    trainings.delete(trainings.runs[0])
    assert trainings.runs == []
    assert not folder.exists()
    assert (tmp_path / "home" / "Trash" / "files" / "kept" / "config.json").is_file()
