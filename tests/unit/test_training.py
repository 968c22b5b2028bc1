"""Training on tiny data: it learns, stops, and goes on as if it had not stopped."""

import functools
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from trainer import resident
from trainer.bound_step import COMPILED_FROM, pays_to_compile
from trainer.checkpoint import load_model, load_newest_state
from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.events import EventLog, read_events
from trainer.training import Run, resume, start


def quiet(what: str, done: int, total: int, remark: str) -> None:
    pass


def config(data: Path, cache: Path, **changes: Any) -> TrainConfig:
    values: dict[str, Any] = {
        "epochs": 2,
        "batch_size": 8,
        "device": "cpu",
        "precision": "32-true",
        "log_steps": 1,
    }
    return TrainConfig(data=data, cache=cache, **(values | changes))


def make_run(folder: Path, settings: TrainConfig) -> tuple[Run, EventLog]:
    folder.mkdir(exist_ok=True)
    events = EventLog(folder / "events.jsonl")
    return Run(folder, settings, events, quiet), events


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_the_loss_falls_and_a_usable_model_is_published(
    tiny_celeba: Path, cache: Path, tmp_path: Path
) -> None:
    settings = config(tiny_celeba, cache, epochs=6, warmup_share=0.0)
    log = io.StringIO()
    events = EventLog(tmp_path / "events.jsonl", log)
    assert start(tmp_path, settings, events, quiet)
    events.close()
    seen = read_events(tmp_path / "events.jsonl")
    assert [json.loads(line) for line in log.getvalue().splitlines()] == seen
    losses = [event["loss"] for event in seen if event["event"] == "step"]
    assert len(losses) == 6 * 4
    assert sum(losses[-4:]) < 0.93 * sum(losses[:4])
    epochs = [event for event in seen if event["event"] == "epoch"]
    assert [event["epoch"] for event in epochs] == [1, 2, 3, 4, 5, 6]
    assert epochs[-1]["nll_image"] < epochs[0]["nll_image"]
    model, header = load_model(tmp_path / "model.safetensors")
    assert header.training["epoch"] == 6
    assert len(list((tmp_path / "samples").glob("*.png"))) == 6
    assert model.image_std.min() > 0
    assert "data" not in header.training  # no path of this machine travels with a model


@pytest.mark.parametrize("stop_at", [3, 9])
def test_a_resumed_run_ends_bit_equal(tiny_celeba: Path, cache: Path, tmp_path: Path, stop_at: int) -> None:
    settings = config(tiny_celeba, cache, gan_epochs=1)
    straight, first_events = make_run(tmp_path / "straight", settings)
    assert straight.fit()
    first_events.close()

    folder = tmp_path / "stopped"
    stopped, events = make_run(folder, settings)
    while stopped.step < stop_at:
        stopped.take_step()
    stopped._save()
    events.close()
    events = EventLog(folder / "events.jsonl")
    assert resume(folder, settings, events, quiet)
    events.close()

    ends = [load_newest_state(tmp_path / name / "state") for name in ("straight", "stopped")]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0]["step"] == ends[1]["step"] == 12
    for part in ("model", "ema", "adversary"):
        for name, tensor in ends[0][part].items():
            assert torch.equal(tensor, ends[1][part][name]), (part, name)


def test_the_gan_stage_moves_decoder_and_discriminator(
    tiny_celeba: Path, cache: Path, tmp_path: Path
) -> None:
    run, events = make_run(tmp_path, config(tiny_celeba, cache, epochs=1, gan_epochs=1))
    before_gan: dict[str, torch.Tensor] = {}
    while run.step < 8:
        if run.step == 4:
            before_gan = {name: p.detach().clone() for name, p in run.adversary.named_parameters()}
            decoder = {n: p.detach().clone() for n, p in run.model.decoders["image"].named_parameters()}
            encoder = run.model.get_parameter("encoders.image.mean.weight").detach().clone()
        run.take_step()
    events.close()
    assert any(not torch.equal(p, before_gan[n]) for n, p in run.adversary.named_parameters())
    assert all(not torch.equal(p, decoder[n]) for n, p in run.model.decoders["image"].named_parameters())
    assert not torch.equal(run.model.get_parameter("encoders.image.mean.weight"), encoder)
    last = [event for event in read_events(tmp_path / "events.jsonl") if event["event"] == "step"][-1]
    assert 0 < last["gan_discriminator"] < 20
    assert 0 < last["gan_decoder"] < 40


def test_order_and_noise_depend_on_seed_and_step_alone(
    tiny_celeba: Path, cache: Path, tmp_path: Path
) -> None:
    one, first = make_run(tmp_path / "one", config(tiny_celeba, cache))
    two, second = make_run(tmp_path / "two", config(tiny_celeba, cache))
    (a, noise_a), (b, noise_b) = one.batches.batch(one.model, 5), two.batches.batch(two.model, 5)
    assert torch.equal(a["image"], b["image"])
    assert torch.equal(noise_a, noise_b)
    assert not torch.equal(two.batches.batch(two.model, 6)[1], noise_a)
    first.close()
    second.close()


def test_nothing_to_resume_is_said(tiny_celeba: Path, cache: Path, tmp_path: Path) -> None:
    events = EventLog(tmp_path / "events.jsonl")
    with pytest.raises(TrainerError, match="no saved state"):
        resume(tmp_path, config(tiny_celeba, cache), events, quiet)
    events.close()


def test_pictures_kept_on_the_device_make_the_same_batches(
    tiny_celeba: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried, first = make_run(tmp_path / "carried", config(tiny_celeba, cache, augment=True))
    room = int(carried.data.images.nbytes / resident.SHARE)
    for free in (room, room - 8):
        monkeypatch.setattr(resident, "free_memory", lambda device, free=free: free)
        kept, second = make_run(tmp_path / "kept", config(tiny_celeba, cache, augment=True))
        assert (kept.batches._resident is not None) == (free == room)
        for step in range(3):
            (a, noise_a), (b, noise_b) = (run.batches.batch(carried.model, step) for run in (carried, kept))
            assert all(torch.equal(a[name], b[name]) for name in a)
            assert torch.equal(noise_a, noise_b)
        second.close()
    first.close()


def test_a_compiled_bound_teaches_the_same(
    tiny_celeba: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    small = {"nets": "dense", "hidden": 8, "latent": 4, "image_size": 16}
    plain, first = make_run(tmp_path / "plain", config(tiny_celeba, cache, **small))
    compiled, second = make_run(
        tmp_path / "compiled", config(tiny_celeba, cache, torch_compile="yes", **small)
    )
    for _ in range(3):
        assert plain.take_step()
        assert compiled.take_step()
    assert graphs
    for name, tensor in plain.model.state_dict().items():
        torch.testing.assert_close(compiled.model.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)
    first.close()
    second.close()


def test_what_cannot_be_compiled_is_trained_as_it_is(
    tiny_celeba: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        raise ValueError("no compiler here")

    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    small = {"nets": "dense", "hidden": 8, "latent": 4, "image_size": 16}
    plain, first = make_run(tmp_path / "plain", config(tiny_celeba, cache, **small))
    failing, second = make_run(tmp_path / "failing", config(tiny_celeba, cache, torch_compile="yes", **small))
    for _ in range(3):
        assert plain.take_step()
        assert failing.take_step()
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(failing.model.state_dict()[name], tensor), name
    first.close()
    second.close()
    told = [e for e in read_events(tmp_path / "failing" / "events.jsonl") if e["event"] == "not-compiled"]
    assert len(told) == 1
    assert "raised" in told[0]["message"]


@pytest.mark.parametrize(
    ("wanted", "device", "updates", "pays"),
    [
        ("auto", "cuda", COMPILED_FROM, True),
        ("auto", "cuda", COMPILED_FROM - 1, False),
        ("auto", "cpu", 10**6, False),
        ("yes", "cpu", 1, True),
        ("no", "cuda", 10**6, False),
    ],
)
def test_compiling_is_chosen_where_it_pays(wanted: str, device: str, updates: int, pays: bool) -> None:
    settings = TrainConfig(data=Path("faces"), torch_compile=wanted)  # type: ignore[arg-type]
    assert pays_to_compile(settings, torch.device(device), updates) is pays
