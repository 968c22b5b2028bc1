"""The papers' nets and the bound, by value."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from trainer.errors import CapabilityError, CheckpointError
from trainer.models.interface import Modality
from trainer.models.jmvae import JMVAEKL

MODALITIES = (
    Modality("image", "image", (3, 64, 64)),
    Modality("attributes", "attributes", (40,), tuple(f"a{n}" for n in range(40))),
)


@pytest.fixture(scope="module")
def model() -> JMVAEKL:
    torch.manual_seed(0)
    return JMVAEKL(MODALITIES, 128).eval()


@pytest.fixture(scope="module")
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    attributes = torch.randn(6, 40, generator=generator).sign()
    return {"image": torch.randn(6, 3, 64, 64, generator=generator), "attributes": attributes}


def test_the_papers_nets_have_their_size(model: JMVAEKL) -> None:
    # By hand from the appendix: heads, trunks, two outputs of 128 each, and the decoders.
    image_head = (
        3 * 64 * 16 + 64 + 64 * 128 * 16 + 2 * 128 + 128 * 256 * 16 + 2 * 256 + 256 * 256 * 16 + 2 * 256
    )
    attribute_head = 40 * 512 + 512 + 512 * 512 + 2 * 512
    outputs = 2 * (1024 * 128 + 128)
    encoders = (
        (image_head + 4096 * 1024 + 1024 + outputs)
        + (attribute_head + 512 * 1024 + 1024 + outputs)
        + (image_head + attribute_head + 4608 * 1024 + 1024 + outputs)
    )
    image_decoder = (
        128 * 4096
        + 4096
        + 256 * 256 * 16
        + 512
        + 256 * 128 * 16
        + 256
        + 128 * 64 * 16
        + 128
        + 64 * 3 * 16
        + 3
    )
    attribute_decoder = 128 * 512 + 512 + 512 * 4096 + 4096 + 4096 * 40 + 40
    assert sum(p.numel() for p in model.parameters()) == encoders + image_decoder + attribute_decoder


def test_every_subset_has_its_own_encoder(model: JMVAEKL, batch: dict[str, torch.Tensor]) -> None:
    codes = [
        model.encode({name: batch[name] for name in names}).mean
        for names in (("image",), ("attributes",), ("attributes", "image"))
    ]
    assert all(code.shape == (6, 128) for code in codes)
    assert not torch.allclose(codes[0], codes[1])
    assert not torch.allclose(codes[0], codes[2])
    assert model.proper_subsets() == [("image",), ("attributes",)]


def test_a_picture_is_read_from_both_sides_where_both_were_learned(
    model: JMVAEKL, batch: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = batch["image"]
    one, other = (model.complete({"image": side}, "attributes").mean for side in (image, image.flip(3)))
    torch.testing.assert_close(model.read(image), one)
    monkeypatch.setattr(model, "mirrors", True)
    torch.testing.assert_close(model.read(image), (one + other) / 2)
    torch.testing.assert_close(model.read(image), model.read(image.flip(3)))


def test_what_a_model_does_not_know_is_refused(model: JMVAEKL, batch: dict[str, torch.Tensor]) -> None:
    with pytest.raises(CapabilityError, match="sound"):
        model.encode({"sound": batch["image"]})
    with pytest.raises(CapabilityError):
        model.encode({})
    with pytest.raises(CapabilityError, match="it has: image, attributes"):
        model.complete({"image": batch["image"]}, "sound")
    assert issubclass(CheckpointError, Exception)


def test_attributes_lie_between_minus_one_and_one(model: JMVAEKL) -> None:
    z = 10 * torch.randn(50, 128, generator=torch.Generator().manual_seed(2))
    decoded = model.decode_one("attributes", z).mean
    assert decoded.abs().max() <= 1
    assert decoded.std() > 0.05


def test_the_terms_are_those_of_equation_4(model: JMVAEKL, batch: dict[str, torch.Tensor]) -> None:
    noise = torch.randn(6, 128, generator=torch.Generator().manual_seed(3))
    step = model.bound(batch, noise, "sum")
    terms, z, decoded = step.terms, step.z, model.decode(step.z)
    joint = model.encode(batch)
    torch.testing.assert_close(z, joint.mean + joint.variance.sqrt() * noise)

    def normal(name: str) -> Normal:
        gaussian = model.encode({name: batch[name]})
        return Normal(gaussian.mean, gaussian.variance.sqrt())

    posterior = Normal(joint.mean, joint.variance.sqrt())
    expected = {
        "nll_image": -Normal(decoded["image"].mean, 1.0).log_prob(batch["image"]).flatten(1).sum(1).mean(),
        "nll_attributes": -Normal(decoded["attributes"].mean, 1.0)
        .log_prob(batch["attributes"])
        .sum(1)
        .mean(),
        "kl_prior": kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean(),
        "kl_image": kl_divergence(posterior, normal("image")).sum(1).mean(),
        "kl_attributes": kl_divergence(posterior, normal("attributes")).sum(1).mean(),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, rtol=1e-4, atol=1e-3)
    loss = model.loss(terms, alpha=0.1, beta=0.5)
    by_hand = expected["nll_image"] + expected["nll_attributes"] + 0.5 * expected["kl_prior"]
    by_hand = by_hand + 0.1 * (expected["kl_image"] + expected["kl_attributes"])
    torch.testing.assert_close(loss, by_hand, rtol=1e-4, atol=1e-2)


def test_pixels_survive_standardising(model: JMVAEKL) -> None:
    pixels = torch.randint(
        0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(4)
    )
    assert torch.equal(model.to_pixels(model.standardise(pixels)), pixels)
