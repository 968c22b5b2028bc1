"""Every system of the papers, by value: nets, bounds, completion, and what each refuses."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from trainer.errors import CapabilityError, ConfigError
from trainer.models.cmma import CMMA
from trainer.models.cvae import CVAE
from trainer.models.interface import JointModel, Modality
from trainer.models.jmvae import JMVAE, JMVAEKL
from trainer.models.jmvae_h import JMVAEH
from trainer.models.networks import Nets
from trainer.systems import SYSTEMS

DIGITS = (
    Modality("image", "image", (1, 28, 28), scale="unit"),
    Modality("label", "label", (10,), tuple("0123456789")),
)
SMALL = (
    Modality("image", "image", (1, 8, 8), scale="unit"),
    Modality("label", "label", (4,), tuple("abcd")),
)
NETS = Nets("dense", hidden=12)


def build(system: str, modalities: tuple[Modality, ...] = SMALL, **config: object) -> JointModel:
    torch.manual_seed(0)
    settings = {"latent": 3, "nets": "dense", "hidden": 12} | config
    return SYSTEMS[system].load_class().build(modalities, settings).eval()


def batch(n: int = 5) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(n, 1, 8, 8, generator=generator).round()
    return {"image": image, "label": torch.eye(4)[torch.arange(n) % 4]}


def noise(n: int, width: int, seed: int = 2) -> torch.Tensor:
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed))


def normal(gaussian: object) -> Normal:
    return Normal(gaussian.mean, gaussian.variance.sqrt())  # type: ignore[attr-defined]


def test_the_papers_mnist_nets_have_their_size() -> None:
    model = SYSTEMS["jmvae-kl"].load_class().build(DIGITS, {"latent": 64, "nets": "dense"})
    assert sum(p.numel() for p in model.parameters()) == 3_127_450


def test_jmvae_h_has_the_appendixs_blocks() -> None:
    def count(system: str) -> int:
        model = SYSTEMS[system].load_class().build(DIGITS, {"latent": 64, "nets": "dense"})
        return sum(p.numel() for p in model.parameters())

    # q(z2 | mean of z1) and p(z1 | z2): D64 in, D512R-D512R, two outputs of 64.
    block = 64 * 512 + 512 + 512 * 512 + 512 + 2 * (512 * 64 + 64)
    assert count("jmvae-h") - count("jmvae") == 2 * block


@pytest.mark.parametrize("system", SYSTEMS)
def test_capabilities_are_what_a_model_does(system: str) -> None:
    if system == "jmvae-kl-studio":
        pytest.skip("a model of 64×64 faces")
    model, data = build(system), batch()
    can = SYSTEMS[system].capabilities
    assert model.capabilities == can
    code = noise(5, model.latent)

    def works(action: object) -> bool:
        try:
            action()  # type: ignore[operator]
        except CapabilityError:
            return False
        return True

    everything = {m.name: data[m.name] for m in model.modalities}
    assert works(lambda: model.encode(everything)) == ("encode" in can)
    assert works(lambda: model.decode_one("image", code)) == ("decode" in can)
    complete = works(lambda: model.complete({"label": data["label"]}, "image"))
    assert complete == ("complete" in can)
    both_ways = complete and works(lambda: model.complete({"image": data["image"]}, "label"))
    assert both_ways == ("edit" in can)
    given = {"label": data["label"]}
    drawn = model.decode_given("image", model.sample_prior(code, given), given).mean
    assert drawn.shape == (5, 1, 8, 8)
    assert "random" in can


@pytest.mark.parametrize("target", ["image", "label"])
def test_cvae_is_its_equation(target: str) -> None:
    model, data = build("cvae", target=target), batch()
    assert isinstance(model, CVAE)
    eps = noise(5, 3)
    terms = model.terms(data, eps, "sum")
    posterior = model.encode(data)
    z = posterior.mean + posterior.variance.sqrt() * eps
    other = {name: value for name, value in data.items() if name != target}
    logits = model.decoders[target](z, other)
    if target == "image":
        expected = torch.distributions.Bernoulli(logits=logits).log_prob(data["image"]).flatten(1).sum(1)
    else:
        expected = torch.distributions.Categorical(logits=logits).log_prob(data["label"].argmax(1))
    assert terms.keys() == {f"nll_{target}", "kl_prior"}
    torch.testing.assert_close(terms[f"nll_{target}"], -expected.mean())
    torch.testing.assert_close(
        terms["kl_prior"], kl_divergence(normal(posterior), Normal(0, 1)).sum(1).mean()
    )
    with pytest.raises(CapabilityError, match="together, not from z alone"):
        model.decode_one(target, z)
    name = next(iter(other))
    with pytest.raises(CapabilityError, match=f"makes {target} from {name}"):
        model.complete({target: data[target]}, name)


def test_cmma_is_equation_6_with_its_own_prior() -> None:
    model, data = build("cmma", condition_term=True), batch()
    assert isinstance(model, CMMA)
    eps = noise(5, 3)
    terms = model.terms(data, eps, "sum")
    posterior, prior = model.encode(data), model.encode({"label": data["label"]})
    torch.testing.assert_close(
        terms["kl_prior"], kl_divergence(normal(posterior), normal(prior)).sum(1).mean()
    )
    z = posterior.mean + posterior.variance.sqrt() * eps
    image = model.decode_one("image", z).log_prob(data["image"]).flatten(1).sum(1)
    torch.testing.assert_close(terms["nll_image"], -image.mean())
    from_prior = prior.mean + prior.variance.sqrt() * eps
    label = torch.log_softmax(model.decoders["label"](from_prior), 1)[data["label"] > 0]
    torch.testing.assert_close(terms["nll_label"], -label.mean())
    with pytest.raises(CapabilityError, match="alone or with image"):
        model.encode({"image": data["image"]})
    with pytest.raises(CapabilityError, match="depends on label"):
        model.prior(3)


@pytest.mark.parametrize("variance", ["softplus", "log-variance"])
def test_a_learned_variance_enters_the_likelihood(variance: str) -> None:
    faces = (
        Modality("image", "image", (3, 8, 8)),
        Modality("attributes", "attributes", (4,), tuple("abcd")),
    )
    model = build("cmma", faces, variance=variance)
    assert isinstance(model, CMMA)
    z = noise(5, 3)
    raw = model.decoders["image"](z)
    assert raw.shape == (5, 6, 8, 8)
    mean, head = raw[:, :3], raw[:, 3:]
    sigma2 = torch.nn.functional.softplus(head) + 1e-4 if variance == "softplus" else head.exp()
    image = noise(5, 3 * 64, 4).view(5, 3, 8, 8)
    torch.testing.assert_close(
        model.decode_one("image", z).log_prob(image), Normal(mean, sigma2.sqrt()).log_prob(image)
    )


def test_the_identity_of_appendix_a() -> None:
    """JMVAE-kl at alpha = 1 plus KL(q(z|x,w) || p(z)) is the bound on log p(x|w) plus the one on log p(w|x) (I)."""
    joint, data = build("jmvae-kl"), batch()
    assert isinstance(joint, JMVAEKL)
    eps = noise(5, 3)
    both = 0.0
    for target, other in (("image", "label"), ("label", "image")):
        one_way = build("cmma", target=target)
        assert isinstance(one_way, CMMA)
        one_way.encoders["joint"].load_state_dict(joint.encoders["image_label"].state_dict())
        one_way.encoders["conditions"].load_state_dict(joint.encoders[other].state_dict())
        one_way.decoders[target].load_state_dict(joint.decoders[target].state_dict())
        both = both - one_way.loss(one_way.terms(data, eps, "sum"), alpha=1, beta=1)
    terms = joint.terms(data, eps, "sum")
    torch.testing.assert_close(-joint.loss(terms, alpha=1, beta=1) + terms["kl_prior"], both)


def test_zeros_and_iterative_sampling_complete_a_missing_modality() -> None:
    model, data = build("jmvae"), batch()
    assert isinstance(model, JMVAE)
    given = {"label": data["label"]}
    zeros = model.encode({"label": data["label"], "image": torch.zeros(5, 1, 8, 8)})
    torch.testing.assert_close(model.encode(given).mean, zeros.mean)
    torch.testing.assert_close(
        model.complete(given, "image").mean, model.decode_one("image", zeros.mean).mean
    )

    seen: list[Mapping[str, torch.Tensor]] = []
    encoder = model.encoders["image_label"]
    encoder.register_forward_hook(lambda module, args, output: seen.append(dict(args[0])))
    result = model.complete(
        given, "image", passes=4, start="noise", generator=torch.Generator().manual_seed(7)
    )
    assert len(seen) == 4  # n counts encoder passes
    assert all(torch.equal(step["label"], data["label"]) for step in seen)  # what is given never changes
    assert 0 < seen[0]["image"].mean() < 1
    assert all(set(step["image"].unique().tolist()) <= {0.0, 1.0} for step in seen[1:])  # samples, not means
    assert not torch.equal(seen[1]["image"], seen[2]["image"])
    again = model.complete(
        given, "image", passes=4, start="noise", generator=torch.Generator().manual_seed(7)
    )
    assert torch.equal(result.mean, again.mean)
    last = model.decode_one("image", encoder(seen[3]).mean).mean
    torch.testing.assert_close(result.mean, last)


@pytest.mark.parametrize("layers", [2, 3])
def test_jmvae_hs_kl_is_that_of_its_layers(layers: int) -> None:
    model, data = build("jmvae-h", layers=layers), batch(1)
    assert isinstance(model, JMVAEH)
    assert model.latent == model.noise_width == 3 * layers
    n = 4000
    repeated = {name: value.expand(n, *value.shape[1:]) for name, value in data.items()}
    eps = noise(n, model.latent)
    with torch.no_grad():
        posterior = model.encode(repeated)
        z = posterior.sample(eps)
        sampled = posterior.log_prob(z).sum(1) - model.log_prior(z)
        kl = model.terms(repeated, eps, "sum")["kl_prior"]
        assert float(kl) == pytest.approx(float(sampled.mean()), abs=5 * float(sampled.std()) / math.sqrt(n))
        drawn = model.sample_prior(eps)
    assert drawn[:, -3:].mean().abs() < 0.05  # the top layer is N(0, I)
    assert drawn[:, -3:].std() == pytest.approx(1, abs=0.05)
    with pytest.raises(CapabilityError, match="sample_prior"):
        model.prior(2)


def test_jmvae_h_descends_where_a_modality_is_missing() -> None:
    model, data = build("jmvae-h"), batch()
    assert isinstance(model, JMVAEH)
    eps = noise(5, 6)
    z = model.sample_code({"label": data["label"]}, eps)
    zeros = {"label": data["label"], "image": torch.zeros(5, 1, 8, 8)}
    first = model.encoders["image_label"](zeros)
    top = model.up[0]({"z": first.mean}).sample(eps[:, 3:])
    below = model.down[0]({"z": top})
    torch.testing.assert_close(z[:, 3:], top)
    torch.testing.assert_close(z[:, :3], below.sample(eps[:, :3]))
    torch.testing.assert_close(
        model.encode({"label": data["label"]}).mean, model.sample_code({"label": data["label"]}, 0 * eps)
    )


def test_iterative_sampling_in_jmvae_h_goes_past_the_top_layer() -> None:
    model, data = build("jmvae-h"), batch()
    assert isinstance(model, JMVAEH)
    with torch.no_grad():
        for parameter in model.down.parameters():
            parameter.zero_()  # z_1 knows nothing of z_2, and so of what is given
    other = {"label": data["label"].roll(1, 1)}
    passes = [
        list(model.filled_in(given, 3, "noise", torch.Generator().manual_seed(0)))
        for given in ({"label": data["label"]}, other)
    ]
    for one, two in zip(*passes, strict=True):
        assert not torch.equal(one["label"], two["label"])
        assert torch.equal(one["image"], two["image"])


def test_a_target_must_be_there() -> None:
    with pytest.raises(ConfigError, match="target “sound”"):
        build("cvae", target="sound")
    with pytest.raises(ConfigError, match="two or more"):
        build("cmma", SMALL[:1])
    with pytest.raises(ConfigError, match="64×64 pixels, not 8×8"):
        build("jmvae", nets="conv")


BLOCKS = (
    Modality("image", "image", (1, 2, 2)),
    Modality("first", "attributes", (2,), ("a", "b")),
    Modality("second", "attributes", (2,), ("c", "d")),
)


def three_modalities(n: int, seed: int) -> dict[str, torch.Tensor]:
    """Two hidden signs: the picture shows the first one, each block of attributes shows both."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randn(n, 2, generator=generator).sign()
    image = signs[:, :1].view(n, 1, 1, 1) + 0.3 * torch.randn(n, 1, 2, 2, generator=generator)
    blocks = [0.8 * signs + 0.2 * torch.randn(n, 2, generator=generator) for _ in range(2)]
    return {"image": image, "first": blocks[0], "second": blocks[1]}


def test_a_second_modality_tells_more_about_the_third() -> None:
    """I, section 3.2: log p(w2|x,w1) >= log p(w2|x), with one encoder for each proper subset of three modalities."""
    torch.manual_seed(0)
    model = JMVAEKL(BLOCKS, 4, Nets("dense", hidden=24, variance="softplus"))
    assert len(model.proper_subsets()) == 6
    assert len(model.encoders) == 7
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for step in range(150):
        data = three_modalities(64, step)
        terms = model.terms(data, noise(64, 4, step), "sum")
        assert {"kl_first", "kl_image_first", "kl_first_second"} <= terms.keys()
        loss = model.loss(terms, alpha=0.1, beta=min(1.0, step / 100))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    test = three_modalities(400, 999)
    eps = noise(400, 4)

    def score(*given: str) -> float:
        known = {name: test[name] for name in given}
        with torch.no_grad():
            return float(model.complete(known, "second", eps).log_prob(test["second"]).sum(1).mean())

    alone, together = score("image"), score("image", "first")
    assert together > alone + 0.3
    assert score("first") > alone
