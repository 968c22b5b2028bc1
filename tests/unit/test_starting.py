"""Runs that start from a checkpoint: with the same attributes, with others, and when that cannot be."""

from pathlib import Path

import pytest
import torch
from torch import nn

from trainer.checkpoint import load_model, save_model
from trainer.checkpoint_header import read_checkpoint, settings_of
from trainer.config import TrainConfig, make_config
from trainer.errors import ConfigError
from trainer.events import EventLog, read_events
from trainer.models.interface import JointModel, Modality
from trainer.models.jmvae import JMVAEKL
from trainer.models.networks import Nets
from trainer.models.studio import StudioJMVAE
from trainer.starting import Frozen, attribute_weights, start_from
from trainer.systems import check_run
from trainer.training import resume, start

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
        ({"parent": None}, "needs a checkpoint", "parent"),
        ({"gan_epochs": 1}, "set gan_epochs to 0", "gan_epochs"),
        ({"edit_epochs": 1}, "has no editor", "edit_epochs"),
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
