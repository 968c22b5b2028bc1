"""The studio's model and the training of its editor."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.unit.test_training import config, make_run, quiet
from trainer.checkpoint import load_model, load_newest_state, save_model
from trainer.config import TrainConfig
from trainer.errors import CapabilityError, ConfigError
from trainer.events import EventLog, read_events
from trainer.models.editing import EditStage, _relative, tint
from trainer.models.interface import Modality
from trainer.models.studio import READING, StudioJMVAE
from trainer.models.studio_networks import PatchCritic
from trainer.training import Run

MODALITIES = (
    Modality("image", "image", (3, 64, 64)),
    Modality("attributes", "attributes", (5,), tuple("abcde")),
)


@pytest.fixture(scope="module")
def model() -> StudioJMVAE:
    torch.manual_seed(0)
    return StudioJMVAE(MODALITIES, 16).eval()


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        "image": torch.randn(4, 3, 64, 64, generator=generator),
        "attributes": torch.randn(4, 5, generator=generator).sign(),
    }


def settings(data: Path, cache: Path, **changes: Any) -> TrainConfig:
    return config(data, cache, system="jmvae-kl-studio", latent=8, edit_head_start=1, **changes)


def refuse(folder: Path, wanted: TrainConfig, reason: str) -> None:
    """Check that such a run does not begin."""
    events = EventLog(folder / "events.jsonl")
    with pytest.raises(ConfigError, match=reason):
        Run(folder, wanted, events, quiet)
    events.close()


@torch.no_grad()
def test_an_untrained_editor_and_a_move_of_nothing_change_nothing(
    model: StudioJMVAE, batch: dict[str, torch.Tensor]
) -> None:
    prepared = model.prepare_edit(batch["image"])
    torch.testing.assert_close(prepared["z"], model.encode({"image": batch["image"]}).mean)
    move = torch.randn(4, 16, generator=torch.Generator().manual_seed(2))
    assert model.latent_change(prepared, move).abs().max() == 0
    try:
        torch.nn.init.normal_(model.editor.out.weight, generator=torch.Generator().manual_seed(3))
        prepared = model.prepare_edit(batch["image"])
        assert model.latent_change(prepared, torch.zeros(4, 16)).abs().max() == 0
        assert model.latent_change(prepared, move).abs().mean() > 0.01
    finally:
        torch.nn.init.zeros_(model.editor.out.weight)


@torch.no_grad()
def test_the_editors_change_is_coloured_by_what_the_decoder_makes_of_the_move(
    batch: dict[str, torch.Tensor],
) -> None:
    torch.manual_seed(0)
    model = StudioJMVAE(MODALITIES, 16, edit_scale=0.5).eval()
    torch.nn.init.normal_(model.editor.out.weight)
    model.image_mean.fill_(0.4)
    model.image_std.fill_(0.2)
    prepared, move = model.prepare_edit(batch["image"]), torch.randn(4, 16)
    z = prepared["z"]
    own = model.editor(prepared["skips"], 0.5 * move) - model.editor(prepared["skips"], 0 * move)
    decoded = [model.decode_one("image", code).mean for code in (z + 0.5 * move, z)]
    expected = model.colouring(0.4 + 0.2 * batch["image"], 0.2 * own, 0.2 * (decoded[0] - decoded[1])) / 0.2
    change = model.latent_change(prepared, move)
    torch.testing.assert_close(change, expected)
    assert (change - own).abs().mean() > 0.01


def test_the_editor_learns_through_its_colours_in_full_precision(
    model: StudioJMVAE, batch: dict[str, torch.Tensor]
) -> None:
    own = torch.full_like(batch["image"], 0.1, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        change = model.coloured(batch["image"], own, torch.full_like(own, 0.2))
    assert change.dtype == torch.float32
    change.sum().backward()
    assert own.grad is not None
    assert own.grad.abs().mean() > 0.1


@pytest.mark.parametrize(
    ("shape", "reason"), [((1, 64, 64), "three channels, not 1"), ((3, 32, 32), "64×64 pixels, not 32×32")]
)
def test_pictures_that_do_not_fit_are_refused(shape: tuple[int, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        StudioJMVAE((Modality("image", "image", shape), MODALITIES[1]), 16)


@torch.no_grad()
def test_a_checkpoint_edits_as_the_model_that_it_holds(
    batch: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = StudioJMVAE(MODALITIES, 16, edit_scale=0.5).eval()
    torch.nn.init.normal_(model.editor.out.weight)
    path = tmp_path / "model.safetensors"
    save_model(path, model, "jmvae-kl-studio", {})
    again, _ = load_model(path)
    move = torch.ones(4, 16)
    changes = [one.latent_change(one.prepare_edit(batch["image"]), move) for one in (model, again)]
    assert changes[0].abs().mean() > 0.1
    torch.testing.assert_close(changes[1], changes[0], atol=0.02, rtol=0.02)  # float16 in the file


@torch.no_grad()
def test_the_terms_are_those_of_eq_4(model: StudioJMVAE, batch: dict[str, torch.Tensor]) -> None:
    noise = torch.randn(4, 16, generator=torch.Generator().manual_seed(4))
    terms = model.terms(batch, noise, "sum")
    joint = model.encode(batch)
    single = model.encode({"image": batch["image"]})
    decoded = model.decode(joint.sample(noise))
    by_hand = (
        -torch.distributions.Normal(decoded["image"].mean, 1.0).log_prob(batch["image"]).sum((1, 2, 3)).mean()
    )
    torch.testing.assert_close(terms["nll_image"], by_hand)
    torch.testing.assert_close(terms["kl_image"], joint.kl(single).mean())
    expected = (
        terms["nll_image"]
        + terms["nll_attributes"]
        + 0.5 * terms["kl_prior"]
        + 2 * (terms["kl_image"] + terms["kl_attributes"])
        + READING * terms["reading"]
    )
    torch.testing.assert_close(model.loss(terms, alpha=2.0, beta=0.5), expected)


@torch.no_grad()
def test_the_average_face_is_learnt_of_attributes_as_they_are_and_as_they_are_read(
    batch: dict[str, torch.Tensor],
) -> None:
    torch.manual_seed(0)
    model = StudioJMVAE(MODALITIES, 16, average_face=0.5).eval()
    noise = torch.zeros(4, 16)
    terms = model.terms(batch, noise, "sum")
    read = model.complete({"image": batch["image"]}, "attributes").mean
    given = torch.where(torch.tensor([True, False, True, False])[:, None], read, batch["attributes"])
    made = model.complete({"attributes": given}, "image").mean
    by_hand = 0.5 * (made - batch["image"]).square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(terms["average_face"], by_hand)
    plain = model.loss({name: term for name, term in terms.items() if name != "average_face"}, 1.0, 1.0)
    torch.testing.assert_close(model.loss(terms, 1.0, 1.0), plain + 0.5 * by_hand)


def test_what_it_cannot_encode_is_said(model: StudioJMVAE) -> None:
    with pytest.raises(CapabilityError, match="encodes image and attributes"):
        model.encode({})


def test_one_attribute_alone_can_be_asked_for() -> None:
    stage = EditStage(TrainConfig(data=Path("x"), system="jmvae-kl-studio"), 3, ["Hat"], np.array([0.5]))
    truth = torch.tensor([[1.0], [-1.0]]).repeat(40, 1)
    wanted, changed = stage._wishes(truth * 0.5, truth, torch.Generator().manual_seed(0))
    assert changed.sum() == 70  # in every eighth row nothing is asked
    assert (wanted[changed].sign() == -truth[changed]).all()
    assert torch.equal(wanted[~changed], (truth * 0.5)[~changed])


def test_a_critic_of_patches_finds_where_a_picture_was_changed() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(3)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3, (0.5, 0.99))
    pattern = torch.tensor([1.0, -1.0]).repeat(4)
    for _ in range(40):
        real = functional.avg_pool2d(torch.randn(16, 3, 66, 66), 3, 1)
        changed = real.clone()
        changed[:, :, 40:48, 8:16] += 0.5 * pattern[:, None] * pattern
        loss = _relative(critic(real), critic(changed))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        apart = (critic(real) - critic(changed)).mean(0).reshape(8, 8)
    assert apart[4:7, :3].min() > 1.0
    assert apart[:, 5:].abs().max() == 0


def test_a_grey_change_has_no_tint() -> None:
    deviation = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)) + 0.1
    grey = torch.full((2, 3, 8, 8), 0.3) / deviation
    torch.testing.assert_close(tint(grey, deviation), torch.zeros_like(grey), atol=1e-6, rtol=0)
    red = torch.zeros(2, 3, 8, 8)
    red[:, 0] = 0.3
    expected = torch.tensor([0.2, -0.1, -0.1])[:, None, None].expand(2, 3, 8, 8)
    torch.testing.assert_close(tint(red / deviation, deviation) * deviation, expected)


@pytest.mark.parametrize("patches", [0.0, 5.0])
def test_only_the_editor_learns_in_the_edit_stage(patches: float, tiny_celeba: Path, tmp_path: Path) -> None:
    wanted = settings(tiny_celeba, tmp_path, epochs=1, edit_epochs=1, edit_patches=patches)
    run, events = make_run(tmp_path / "run", wanted)
    while run.step < 4:
        run.take_step()
    before = {name: tensor.detach().clone() for name, tensor in run.model.named_parameters()}
    while run.step < 8:
        run.take_step()
    events.close()
    changed = {name for name, tensor in run.model.named_parameters() if not torch.equal(tensor, before[name])}
    assert changed
    assert all(name.startswith("editor.") for name in changed)
    steps = [event for event in read_events(tmp_path / "run" / "events.jsonl") if event["event"] == "step"]
    assert steps[-1]["edit_size"] > 0
    assert steps[-1]["critic_reading"] > 0
    assert ("patches" in steps[-1]) == (patches > 0)
    assert (steps[-1]["edit_patches"] > 0) == (patches > 0)


def test_a_resumed_edit_stage_ends_bit_equal(tiny_celeba: Path, tmp_path: Path) -> None:
    wanted = settings(tiny_celeba, tmp_path, epochs=1, edit_epochs=1, edit_patches=5.0)
    straight, events = make_run(tmp_path / "straight", wanted)
    assert straight.fit()
    events.close()
    stopped, events = make_run(tmp_path / "stopped", wanted)
    while stopped.step < 6:
        stopped.take_step()
    stopped._save()
    events.close()
    resumed, events = make_run(tmp_path / "stopped", wanted)
    assert resumed.resume()
    assert resumed.fit()
    events.close()
    ends = [load_newest_state(tmp_path / name / "state") for name in ("straight", "stopped")]
    assert ends[0] is not None
    assert ends[1] is not None
    for part in ("model", "ema", "edit_stage"):
        for name, tensor in ends[0][part].items():
            assert torch.equal(tensor, ends[1][part][name]), (part, name)


def test_a_run_starts_from_its_parent(tiny_celeba: Path, tmp_path: Path) -> None:
    first, events = make_run(tmp_path / "first", settings(tiny_celeba, tmp_path, epochs=1))
    assert first.fit()
    events.close()
    parent = tmp_path / "first" / "model.safetensors"
    model, header = load_model(parent)
    second, events = make_run(
        tmp_path / "second",
        settings(tiny_celeba, tmp_path, epochs=0, edit_epochs=1, parent=parent, edit_scale=0.5),
    )
    assert second.model.config() == model.config() | {"edit_scale": 0.5}
    own = dict(second.model.named_parameters())
    assert all(torch.equal(tensor, own[name]) for name, tensor in model.named_parameters())
    assert second.fit()
    events.close()
    assert load_model(tmp_path / "second" / "model.safetensors")[1].parent == header.digest
    refuse(tmp_path, config(tiny_celeba, tmp_path, parent=parent), "cannot start from it")


def test_a_system_without_an_editor_cannot_train_one(tiny_celeba: Path, tmp_path: Path) -> None:
    refuse(tmp_path, config(tiny_celeba, tmp_path, edit_epochs=1), "has no editor")
