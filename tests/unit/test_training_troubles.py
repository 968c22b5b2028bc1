"""What a run meets and outlives: numbers that are none, a full disk, too little memory."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.test_training import quiet
from trainer import numbers, saving, training
from trainer.checkpoint import load_model, load_newest_state
from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.events import EventLog, read_events
from trainer.training import Run

MakeRun = Callable[..., Run]


@pytest.fixture
def make(tiny_celeba: Path, tmp_path: Path) -> Iterator[MakeRun]:
    """Small runs of 4 steps an epoch, all in one folder."""
    logs = []

    def made(**changes: Any) -> Run:
        small = {"nets": "dense", "hidden": 8, "latent": 4, "image_size": 16, "epochs": 3, "batch_size": 8}
        plain = {"device": "cpu", "precision": "32-true", "log_steps": 1, "checkpoint_steps": 2}
        settings = TrainConfig(data=tiny_celeba, cache=tmp_path / "cache", **(small | plain | changes))
        logs.append(EventLog(tmp_path / "events.jsonl"))
        return Run(tmp_path, settings, logs[-1], quiet)

    yield made
    for log in logs:
        log.close()


def told(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in read_events(folder / "events.jsonl") if event["event"] == kind]


def spoil(run: Run, steps: Callable[[int], bool]) -> None:
    """Let the pictures of some steps be no numbers."""
    plain = run.batches.batch

    def batch(model: Any, step: int) -> Any:
        data, noise = plain(model, step)
        if steps(step):
            data["image"] = torch.full_like(data["image"], torch.nan)
        return data, noise

    run.batches.batch = batch  # type: ignore[method-assign]


def is_finite(run: Run) -> bool:
    held = [*run.model.state_dict().values(), *run.averaged.tensors.values()]
    return all(bool(torch.isfinite(tensor).all()) for tensor in held)


# Numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"nets": "conv", "image_size": 64},
        {"gan_epochs": 2, "epochs": 1, "nets": "conv", "image_size": 64},
        {
            "system": "jmvae-kl-studio",
            "image_size": 64,
            "latent": 8,
            "epochs": 1,
            "edit_epochs": 2,
            "edit_head_start": 1,
        },
    ],
    ids=["bound", "gan", "editor"],
)
def test_a_batch_that_is_no_number_is_passed_over(
    make: MakeRun, tmp_path: Path, changes: dict[str, Any]
) -> None:
    run = make(**changes)
    bad = {1, 5, 6, 9}
    spoil(run, lambda step: step in bad)
    while run.step < 12:
        before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
        is_bad = run.step in bad
        assert run.take_step()
        if is_bad:
            after = run.model.state_dict()
            unchanged = [n for n in before if not n.endswith("num_batches_tracked")]
            assert all(torch.equal(before[name], after[name]) for name in unchanged)
    assert is_finite(run)
    assert [event["step"] for event in told(tmp_path, "skipped")] == [2, 6, 7, 10]
    assert [event["in_a_row"] for event in told(tmp_path, "skipped")] == [1, 1, 2, 1]
    assert run.skipped == 4
    assert len(told(tmp_path, "step")) == 8


def test_an_epoch_whose_last_batch_is_passed_over_publishes_its_own_weights(make: MakeRun) -> None:
    run = make(ema_decay=0.0)
    spoil(run, lambda step: step == 3)
    while run.step < 4:
        run.take_step()
    newest = run.model.state_dict()
    assert all(torch.equal(tensor, newest[name]) for name, tensor in run.averaged.tensors.items())


def test_after_several_in_a_row_the_run_goes_back_and_on_more_slowly(make: MakeRun, tmp_path: Path) -> None:
    run = make(epochs=4)
    served: set[int] = set()

    def once(step: int) -> bool:  # the second time the pictures are sound
        fresh = step not in served
        served.add(step)
        return 5 <= step < 10 and fresh

    spoil(run, once)
    assert run.fit()
    assert [(event["step"], event["rate"]) for event in told(tmp_path, "rolled-back")] == [(4, 0.5)]
    steps = [event["step"] for event in told(tmp_path, "step")]
    assert steps == [*range(1, 6), *range(5, 17)]
    assert is_finite(run)
    state = load_newest_state(tmp_path / "state")
    assert state is not None
    assert (state["rate"], state["skipped"]) == (0.5, 5)
    again = make(epochs=5)
    assert again.resume()
    assert (again.rate, again.skipped) == (0.5, 5)
    whole = make(epochs=5)
    whole.step = again.step
    for each in (again, whole):
        each.take_step()
    rates = [each.bound.optimizer.param_groups[0]["lr"] for each in (again, whole)]
    assert rates[0] == rates[1] / 2


def test_a_run_that_never_gets_on_ends_with_a_sentence(make: MakeRun, tmp_path: Path) -> None:
    run = make()
    spoil(run, lambda step: step >= 3)
    with pytest.raises(TrainerError, match=r"No update after step \d+ is finite, also at 0\.062 times"):
        run.fit()
    assert len(told(tmp_path, "rolled-back")) == numbers.ROLLBACKS
    assert is_finite(run)


def test_nothing_saved_yet_is_no_reason_to_end(make: MakeRun, tmp_path: Path) -> None:
    run = make(checkpoint_steps=100, epochs=4)
    spoil(run, lambda step: run.skipped < 5)
    while run.skipped < 5:
        run.take_step()
    assert [event["rate"] for event in told(tmp_path, "rolled-back")] == [0.5]
    assert run.take_step()
    assert is_finite(run)


def test_a_weight_that_is_no_number_is_never_published(make: MakeRun, tmp_path: Path) -> None:
    run = make()
    while run.step < 4:
        run.take_step()
    run.finish_epoch(1)
    before = (tmp_path / "model.safetensors").read_bytes()
    next(tensor for name, tensor in run.averaged.tensors.items() if name.endswith("weight")).fill_(torch.inf)
    run.finish_epoch(2)
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert len(told(tmp_path, "published")) == 1
    assert "is not finite" in told(tmp_path, "not-published")[0]["message"]
    load_model(tmp_path / "best.safetensors")


# The disk ------------------------------------------------------------------------------------------


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """``full`` says whether a file's name may not be written now."""
    switch: dict[str, Any] = {"full": lambda name: False}
    plain = Path.open

    def opened(self: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
        if "w" in mode and self.name.endswith(".part") and switch["full"](self.name):
            raise OSError(errno.ENOSPC, "No space left on device")
        return plain(self, mode, *more, **named)

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(saving, "RETRY", 0.0)
    return switch


@pytest.mark.parametrize("name", ["step-", "model.safetensors", "epoch-"])
def test_a_full_disk_stops_nothing_and_is_tried_again(
    make: MakeRun, tmp_path: Path, disk: dict[str, Any], name: str
) -> None:
    run = make()
    while run.step < 4:
        run.take_step()
    run.finish_epoch(1)
    files = [
        path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in (".pt", ".safetensors")
    ]
    before = {path: path.read_bytes() for path in files}
    assert len(before) == 3
    disk["full"] = lambda file: name in file
    while run.step < 8:
        run.take_step()
    run.finish_epoch(2)
    if name != "epoch-":
        assert any(path.read_bytes() == data for path, data in before.items() if name in path.name)
    assert not list(tmp_path.rglob("*.part"))
    (failed,) = told(tmp_path, "not-saved")
    assert str(tmp_path) in failed["message"]
    assert "No space left on device" in failed["message"]
    assert " MB are needed, " in failed["message"]
    disk["full"] = lambda file: False
    assert run.fit()
    assert told(tmp_path, "saved-at-last")[0]["what"] == failed["what"]
    assert len(list((tmp_path / "samples").iterdir())) == 3
    assert load_model(tmp_path / "model.safetensors")[1].training["epoch"] == 3


def test_weights_that_are_written_late_are_not_the_best_ones(
    make: MakeRun, tmp_path: Path, disk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter((0.1, 0.9, 0.5))
    monkeypatch.setattr(training, "score", lambda metrics: next(scores))

    def best() -> int:
        return int(load_model(tmp_path / "best.safetensors")[1].training["epoch"])

    run = make()
    found = []
    for epoch in (1, 2, 3):
        disk["full"] = lambda file, full=epoch == 2: full and "model.safetensors" in file
        while run.step < 4 * epoch:
            run.take_step()
            run.saver.retry()
        run.finish_epoch(epoch)
        found.append((best(), run.best))
    assert found == [(1, 0.1), (1, 0.1), (3, 0.5)]
    assert len(told(tmp_path, "saved-at-last")) == 1


def test_at_the_end_a_full_disk_is_an_error_that_names_it(
    make: MakeRun, tmp_path: Path, disk: dict[str, Any]
) -> None:
    run = make()
    disk["full"] = lambda file: "step-" in file
    with pytest.raises(
        TrainerError, match=r"The state of the run could not be written to .*needed.*Make room"
    ):
        run.fit()
    assert run.step == 12
    assert told(tmp_path, "finished") == []
    assert load_model(tmp_path / "model.safetensors")[1].training["epoch"] == 3


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk can be full here")
def test_events_wait_for_room(tmp_path: Path) -> None:
    stream = Path("/dev/full").open("w")  # noqa: SIM115
    log = EventLog(Path("/dev/full"), stream)
    log.emit("step", step=1)
    log._file.close()
    log._file = (tmp_path / "events.jsonl").open("ab", buffering=0)
    log.emit("step", step=2)
    log.close()
    assert [event["step"] for event in read_events(tmp_path / "events.jsonl")] == [1, 2]
    with pytest.raises(OSError, match="No space"):
        stream.close()


# Memory --------------------------------------------------------------------------------------------


def starve(run: Run, most: int, error: BaseException) -> None:
    """Let the model's bound fail for more than so many data."""
    plain = run.model.terms

    def terms(data: Any, noise: Any, reduction: Any) -> Any:
        if len(noise) > most:
            raise error
        return plain(data, noise, reduction)

    run.model.terms = terms  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("MPS backend out of memory (MPS allocated: 1 MB)"),
        MemoryError(),
    ],
)
def test_too_little_memory_divides_a_batch_and_changes_nothing_else(
    make: MakeRun, tmp_path: Path, error: BaseException
) -> None:
    whole, starved = make(), make()
    starved.model.load_state_dict(whole.model.state_dict())
    starve(starved, 3, error)
    for _ in range(3):
        assert whole.take_step()
        assert starved.take_step()
    for name, tensor in whole.model.state_dict().items():
        torch.testing.assert_close(starved.model.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)
    assert [(e["pieces"], e["pictures"]) for e in told(tmp_path, "in-pieces")] == [(2, 4), (4, 2)]
    losses = [event["loss"] for event in told(tmp_path, "step")]
    assert losses[0::2] == pytest.approx(losses[1::2], rel=1e-4)


def test_memory_for_no_two_pictures_is_said(make: MakeRun) -> None:
    run = make()
    starve(run, 1, MemoryError())
    with pytest.raises(TrainerError, match="not enough memory on cpu for a step, not even with 2 pictures"):
        run.take_step()


def test_a_game_is_not_divided(make: MakeRun) -> None:
    run = make(nets="conv", image_size=64, epochs=0, gan_epochs=1)
    assert run.adversary is not None
    run.adversary.discriminator.forward = lambda *_: (_ for _ in ()).throw(MemoryError())
    with pytest.raises(TrainerError, match=r"for 8 pictures at a time.*smaller batch_size"):
        run.take_step()


def test_other_errors_are_not_taken_for_a_lack_of_memory(make: MakeRun) -> None:
    run = make()
    starve(run, 3, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run.take_step()


def test_validation_takes_fewer_pictures_at_a_time(make: MakeRun) -> None:
    run = make()
    rows = run.batches.rows("train")
    whole = run.validate(rows)
    plain = run.model.read

    def read(image: torch.Tensor) -> torch.Tensor:
        if len(image) > 5:
            raise MemoryError
        return plain(image)

    starve(run, 7, MemoryError())
    run.model.read = read  # type: ignore[method-assign]
    divided = run.validate(rows)
    assert divided["accuracy"] == whole["accuracy"]
    assert divided["nll_image"] == pytest.approx(whole["nll_image"], rel=0.05)


def test_slow_updates_are_saved_by_the_clock(
    make: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_SECONDS", 0.0)
    assert make(checkpoint_steps=100, epochs=1).fit()
    assert [event["step"] for event in told(tmp_path, "saved")] == [1, 2, 3, 4]


def test_what_a_kill_left_behind_is_swept(make: MakeRun, tmp_path: Path) -> None:
    run = make()
    (tmp_path / "state").mkdir()
    left = [tmp_path / ".model.safetensors.1.part", tmp_path / "state" / ".step-00000001.pt.1.part"]
    studio = tmp_path / ".control.json.1.part"  # which another program may be writing now
    for path in (*left, studio):
        path.write_bytes(b"half")
    assert run.fit()
    assert not any(path.exists() for path in left)
    assert studio.exists()


@pytest.mark.parametrize("system", ["jmvae-kl", "cgan"])
def test_a_player_whose_gradient_is_no_number_holds_the_others(make: MakeRun, system: str) -> None:
    changes = {"gan_epochs": 2} if system == "jmvae-kl" else {}
    run = make(system=system, epochs=1, nets="conv", image_size=64, **changes)
    game = run.adversary
    assert game is not None
    run.step = 0 if system == "cgan" else run.batches.steps_per_epoch
    assert run.take_step()
    weight = game.discriminator.get_parameter(next(name for name, _ in game.discriminator.named_parameters()))
    weight.register_hook(torch.full_like(weight, torch.nan).mul)
    parts = (run.model, game.discriminator)
    before = [{name: tensor.clone() for name, tensor in part.state_dict().items()} for part in parts]
    assert run.take_step()
    assert run.skipped == 1
    for part, there in zip(parts, before, strict=True):
        for name, tensor in part.state_dict().items():
            assert name.endswith("num_batches_tracked") or torch.equal(tensor, there[name]), name
