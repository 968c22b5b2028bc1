"""Runs that start from a checkpoint: with the same attributes, with others, and when that cannot be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from trainer.checkpoint import load_model, save_model
from trainer.checkpoint_header import read_checkpoint, settings_of
from trainer.config import TrainConfig, make_config
from trainer.data.dataset import Dataset
from trainer.errors import ConfigError
from trainer.evaluation.attributes import infer_attributes
from trainer.events import EventLog, read_events
from trainer.models.cvae import CVAE
from trainer.models.interface import JointModel, Modality
from trainer.models.jmvae import JMVAEKL
from trainer.models.networks import Nets
from trainer.models.studio import StudioJMVAE
from trainer.starting import Frozen, attribute_weights, complete_attributes, start_from
from trainer.systems import check_run
from trainer.training import Run, resume, start

SIZE, LATENT = 16, 6
NETS = Nets("dense", hidden=10)


def modalities(*names: str, size: int = SIZE) -> tuple[Modality, ...]:
    return (
        Modality("image", "image", (3, size, size)),
        Modality("attributes", "attributes", (len(names),), names),
    )


def model(*names: str, size: int = SIZE, latent: int = LATENT) -> JMVAEKL:
    return JMVAEKL(modalities(*names, size=size), latent, NETS)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    torch.manual_seed(7)
    made = model("Smiling", "Young", "Male")
    made.image_mean.fill_(0.4)
    made.image_std.fill_(0.2)
    path = tmp_path / "parent.safetensors"
    save_model(path, made.eval(), "jmvae-kl", {"epoch": 3})
    return path


def config(checkpoint: Path, data: Path = Path("/data"), **changes: object) -> TrainConfig:
    header, _ = read_checkpoint(checkpoint)
    small = {"epochs": 2, "batch_size": 4, "device": "cpu", "precision": "32-true", "learning_rate": 1e-2}
    values = {"data": data, "dataset": "folder", "parent": checkpoint, "learn": "attributes", **small}
    return make_config(values | settings_of(header) | changes)


def test_the_settings_are_the_checkpoints(parent: Path) -> None:
    header, _ = read_checkpoint(parent)
    settings = settings_of(header)
    assert settings["system"] == "jmvae-kl"
    assert (settings["image_size"], settings["latent"], settings["nets"], settings["hidden"]) == (
        16,
        6,
        "dense",
        10,
    )


def test_only_what_depends_on_the_attributes_is_new(parent: Path) -> None:
    torch.manual_seed(8)
    child = model("Winking", "Tanned")
    drawn = {name: tensor.clone() for name, tensor in child.state_dict().items()}
    start_from(parent, child, config(parent))
    theirs, own = load_model(parent)[0].state_dict(), child.state_dict()
    new = attribute_weights(child)
    assert new == {
        "encoders.attributes.heads.attributes.1.weight",
        "encoders.image_attributes.heads.attributes.1.weight",
        "decoders.attributes.4.weight",
        "decoders.attributes.4.bias",
    }
    for name, tensor in own.items():
        assert torch.equal(tensor, drawn[name] if name in new else theirs[name]), name
    assert float(own["image_mean"][0, 0, 0]) == pytest.approx(0.4)


def test_equal_names_keep_all_and_other_names_of_the_same_number_do_not(parent: Path) -> None:
    same, other = model("Smiling", "Young", "Male"), model("Winking", "Tanned", "Bearded")
    theirs = load_model(parent)[0].state_dict()
    start_from(parent, same, config(parent))
    start_from(parent, other, config(parent))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in same.state_dict().items())
    assert not torch.equal(
        other.state_dict()["decoders.attributes.4.weight"], theirs["decoders.attributes.4.weight"]
    )


def test_the_shipped_nets_know_their_attribute_weights() -> None:
    made = StudioJMVAE(modalities("A", "B", size=64), 8)
    assert attribute_weights(made) == {
        "attribute_head.0.weight",
        "decoders.attributes.4.weight",
        "decoders.attributes.4.bias",
    }


@pytest.mark.parametrize(
    ("child", "changes", "sentence", "setting"),
    [
        (model("A"), {"system": "jmvae"}, "is a “jmvae-kl”: a “jmvae” cannot start from it", "parent"),
        (model("A", size=8), {}, "pictures of 16×16 pixels in 3 channels, these are 8×8", "image_size"),
        (model("A", latent=5), {}, "was built with latent = 6, this run with 5: set latent to 6", "latent"),
        (
            JMVAEKL(
                (modalities()[0], Modality("label", "label", (2,), ("0", "1"))),
                LATENT,
                NETS,
            ),
            {},
            "knows attributes, but the data have classes",
            "parent",
        ),
        (
            JMVAEKL(
                (Modality("image", "image", (3, SIZE, SIZE), scale="unit"), modalities("A")[1]), LATENT, NETS
            ),
            {},
            "takes pixels as standardised, this run as unit",
            "image_scale",
        ),
    ],
)
def test_what_does_not_fit_is_said(
    parent: Path, child: JointModel, changes: dict[str, object], sentence: str, setting: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        start_from(parent, child, config(parent, **changes))
    assert refused.value.setting == setting


@pytest.mark.parametrize(
    ("changes", "sentence", "setting"),
    [
        ({"system": "cvae"}, "no parts for the attributes alone", "learn"),
        ({"learn": "reading"}, "no parts for the reading alone", "learn"),
        ({"learn": "all", "average_face": 1.0}, "no loss of the average face", "average_face"),
        ({"learn": "reading", "system": "jmvae-kl-studio", "parent": None}, "needs a checkpoint", "parent"),
        ({"parent": None}, "needs a checkpoint", "parent"),
        ({"gan_epochs": 1}, "set gan_epochs to 0", "gan_epochs"),
        ({"edit_epochs": 1}, "has no editor", "edit_epochs"),
        ({"epochs": 0}, "one epoch or more", "epochs"),
        ({"learn": "all", "keep_attributes": True}, "set learn to attributes", "keep_attributes"),
    ],
)
def test_settings_that_exclude_each_other(
    parent: Path, changes: dict[str, object], sentence: str, setting: str
) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        check_run(config(parent, **changes))
    assert refused.value.setting == setting


def test_frozen_parts_neither_learn_nor_count_statistics() -> None:
    made = JMVAEKL(modalities("A", size=64), 8)
    frozen = Frozen(made, make_config({"data": "/data", "learn": "attributes", "parent": "/parent"}))
    made.train()
    frozen.keep_still()
    norms = {name: part for name, part in made.named_modules() if isinstance(part, nn.BatchNorm2d)}
    assert norms
    for name, part in norms.items():
        assert part.training == (not name.startswith(("encoders.image.", "decoders.image."))), name
    learning = {name for name, weight in made.named_parameters() if weight.requires_grad}
    assert learning
    assert not any(name.startswith(("encoders.image.", "decoders.image.")) for name in learning)


@pytest.mark.parametrize(
    ("learn", "parts"),
    [("reading", {"encoders.image", "decoders.attributes"}), ("decoding", {"decoders.image"})],
)
def test_a_run_that_learns_a_part_changes_no_other(learn: str, parts: set[str]) -> None:
    made = StudioJMVAE(modalities("A", size=64), 8, average_face=1.0)
    chosen = {"data": "/data", "learn": learn, "parent": "/parent", "system": "jmvae-kl-studio"}
    frozen = Frozen(made, make_config(chosen))
    made.train()
    frozen.keep_still()
    before = {name: tensor.clone() for name, tensor in made.state_dict().items()}
    optimizer = torch.optim.SGD(made.parameters(), lr=0.01)
    data = {"image": torch.randn(6, 3, 64, 64), "attributes": torch.ones(6, 1)}
    terms = made.terms(data, torch.randn(6, 8), "mean")
    made.loss(terms, 1.0, 1.0).backward()
    optimizer.step()
    changed = {name for name, tensor in made.state_dict().items() if not torch.equal(before[name], tensor)}
    assert {".".join(name.split(".")[:2]) for name in changed} == parts


def test_a_run_learns_own_attributes_and_keeps_the_pictures_parts(
    parent: Path, own_faces: Path, tmp_path: Path
) -> None:
    chosen = config(
        parent, own_faces, cache=tmp_path / "cache", epochs=40, flip=False, ema_decay=0.5, log_steps=1
    )
    folder = tmp_path / "run"
    folder.mkdir()
    chosen.save(folder / "config.json")
    events = EventLog(folder / "events.jsonl")
    try:
        assert start(folder, chosen, events, lambda *_: None)
        assert resume(folder, make_config(chosen.model_dump() | {"epochs": 41}), events, lambda *_: None)
    finally:
        events.close()
    made, header = load_model(folder / "model.safetensors")
    before, first = load_model(parent)
    theirs, own = before.state_dict(), made.state_dict()
    for name, tensor in own.items():
        if name.startswith(("encoders.image.", "decoders.image.", "image_")):
            assert torch.equal(tensor, theirs[name]), name
    assert not torch.equal(own["encoders.attributes.mean.weight"], theirs["encoders.attributes.mean.weight"])
    assert header.attribute_names == ("Bright", "Red")
    assert header.parent == first.digest
    terms = [
        e["kl_attributes"] + e["kl_image"]
        for e in read_events(folder / "events.jsonl")
        if e["event"] == "step"
    ]
    assert sum(terms[-10:]) < 0.7 * sum(terms[:10])


def pictures_with(*names: str, count: int = 6) -> Dataset:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (count, SIZE, SIZE, 3), np.uint8)
    attributes = generator.choice(np.array([-1, 1], np.int8), (count, len(names)))
    return Dataset(images, attributes, names, np.zeros(count, np.uint8))


def test_pictures_get_the_checkpoints_attributes_and_keep_what_was_said_of_them(parent: Path) -> None:
    data = pictures_with("winking", "male", count=600)
    heard: list[tuple[int, int]] = []
    whole, told = complete_attributes(parent, data, config(parent), lambda n, m: heard.append((n, m)))
    assert whole.names == ("Smiling", "Young", "Male", "winking")
    assert told == ("winking", "Male")
    read = infer_attributes(load_model(parent)[0], data.images)
    np.testing.assert_allclose(whole.attributes[:, :2], np.clip(read[:, :2], -1, 1), atol=1e-5)
    assert np.array_equal(whole.attributes[:, [3, 2]], data.attributes)
    assert heard == [(512, 600), (600, 600)]


def test_attributes_are_not_kept_beside_classes_or_for_other_pictures(parent: Path) -> None:
    digits = replace(pictures_with("0", "1"), kind="label")
    with pytest.raises(ConfigError, match="set keep_attributes to no"):
        complete_attributes(parent, digits, config(parent), lambda n, m: None)
    small = replace(pictures_with("A"), images=np.zeros((6, 8, 8, 3), np.uint8))
    with pytest.raises(ConfigError, match="these are 8×8"):
        complete_attributes(parent, small, config(parent), lambda n, m: None)


@torch.no_grad()
def test_with_its_attributes_kept_a_run_begins_where_the_checkpoint_stands(parent: Path) -> None:
    torch.manual_seed(8)
    child = model("Smiling", "Young", "Male", "Winking", "Tanned")
    start_from(parent, child, config(parent, keep_attributes=True))
    before, _ = load_model(parent)
    child.eval()
    generator = torch.Generator().manual_seed(1)
    w, image = torch.randn(4, 5, generator=generator), torch.randn(4, 3, SIZE, SIZE, generator=generator)
    for given in ({"attributes"}, {"image", "attributes"}):
        own = child.encode({k: v for k, v in {"attributes": w, "image": image}.items() if k in given})
        theirs = before.encode(
            {k: v for k, v in {"attributes": w[:, :3], "image": image}.items() if k in given}
        )
        torch.testing.assert_close(own.mean, theirs.mean)
        torch.testing.assert_close(own.variance, theirs.variance)
    read = child.read(image)
    torch.testing.assert_close(read[:, :3], before.read(image))
    assert read[:, 3:].abs().max() > 0


def test_a_run_that_keeps_the_checkpoints_attributes_is_judged_by_its_own(
    parent: Path, own_faces: Path, tmp_path: Path
) -> None:
    chosen = config(parent, own_faces, cache=tmp_path / "cache", epochs=3, keep_attributes=True)
    folder = tmp_path / "run"
    folder.mkdir()
    chosen.save(folder / "config.json")
    events = EventLog(folder / "events.jsonl")
    try:
        run = Run(folder, chosen, events, lambda *_: None)
        assert run.told == ("Bright", "Red")
        rows = run.batches.rows("validation")
        truth = run.data.attributes[rows]
        run.data.attributes[:, 3:] = 1.0
        run.data.attributes[:, :3] *= -1  # what the checkpoint reads counts for nothing
        read = infer_attributes(run.model.eval(), run.data.images[rows])
        assert run.validate(rows)["accuracy"] == pytest.approx((read[:, 3:] > 0).mean())
        assert truth.shape[1] == 5
        assert start(folder, chosen, events, lambda *_: None)
    finally:
        events.close()
    made, header = load_model(folder / "model.safetensors")
    assert header.attribute_names == ("Smiling", "Young", "Male", "Bright", "Red")
    assert made.vector.names == header.attribute_names


def test_a_run_goes_on_as_it_began_when_its_parent_has_changed(
    parent: Path, own_faces: Path, tmp_path: Path
) -> None:
    first, _ = read_checkpoint(parent)
    changes = {"cache": tmp_path / "cache", "keep_attributes": True, "ema_decay": 0}
    chosen = config(parent, own_faces, **changes)
    ends = []
    for name in ("whole", "halved"):
        folder = tmp_path / name
        folder.mkdir()
        events = EventLog(folder / "events.jsonl")
        if name == "whole":
            assert start(folder, chosen, events, lambda *_: None)
        else:
            assert start(folder, config(parent, own_faces, epochs=1, **changes), events, lambda *_: None)
            parent.unlink()
            assert resume(folder, chosen, events, lambda *_: None)
        events.close()
        made, header = load_model(folder / "model.safetensors")
        assert header.parent == first.digest
        ends.append(made.state_dict())
    # The rate falls along another curve where fewer epochs were meant, so that what learned differs a little.
    for name, tensor in ends[0].items():
        if name.startswith(("encoders.image.", "decoders.image.", "image_")):
            assert torch.equal(tensor, ends[1][name]), name


@pytest.mark.parametrize("target", ["image", "vector"])
def test_a_conditional_model_can_be_started_from(target: str, tmp_path: Path) -> None:
    made = CVAE(modalities("Smiling", "Young"), LATENT, target, NETS)
    path = tmp_path / "cvae.safetensors"
    save_model(path, made.eval(), "cvae", {"epoch": 1})
    chosen = config(path, learn="all")
    assert chosen.target == target
    child = CVAE.build(modalities("Smiling", "Young"), chosen.model_dump())
    start_from(path, child, chosen)
    assert all(
        torch.equal(tensor, made.state_dict()[name].half().float())
        for name, tensor in child.state_dict().items()
        if "decoders" in name
    )
