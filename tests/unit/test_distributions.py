"""Densities and divergences by value."""

import torch
from torch.distributions import Normal, kl_divergence

from trainer.models.distributions import Bernoulli, Categorical, Gaussian, standard_gaussian
from trainer.objectives import log_likelihood


def random_gaussian(seed: int) -> Gaussian:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(5, 7, generator=generator)
    return Gaussian(mean, torch.rand(5, 7, generator=generator) + 0.1)


def normal(gaussian: Gaussian) -> Normal:
    return Normal(gaussian.mean, gaussian.variance.sqrt())


def test_kl_is_the_closed_form() -> None:
    p, q = random_gaussian(0), random_gaussian(1)
    expected = kl_divergence(normal(p), normal(q)).sum(1)
    torch.testing.assert_close(p.kl(q), expected)
    torch.testing.assert_close(p.kl(p), torch.zeros(5))
    prior = standard_gaussian(p.mean)
    torch.testing.assert_close(p.kl(prior), kl_divergence(normal(p), Normal(0.0, 1.0)).sum(1))


def test_log_prob_is_the_normal_density() -> None:
    p = random_gaussian(2)
    value = torch.randn(5, 7, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(p.log_prob(value), normal(p).log_prob(value))


def test_sample_has_the_mean_and_variance() -> None:
    p = Gaussian(torch.full((200_000, 1), 2.0), torch.full((200_000, 1), 0.25))
    sample = p.sample(torch.randn(200_000, 1, generator=torch.Generator().manual_seed(4)))
    assert abs(float(sample.mean()) - 2) < 0.01
    assert abs(float(sample.var()) - 0.25) < 0.01


def test_channel_mean_is_a_third_of_the_sum() -> None:
    mean = torch.zeros(2, 3, 4, 4)
    p = Gaussian(mean, torch.ones(()))
    value = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(5))
    total = log_likelihood(p, value, "sum")
    torch.testing.assert_close(log_likelihood(p, value, "mean") * 3, total)
    torch.testing.assert_close(total, Normal(0.0, 1.0).log_prob(value).sum((1, 2, 3)))


def test_bernoulli_and_categorical_are_pytorchs() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(6, 5, generator=generator)
    ones = torch.rand(6, 5, generator=generator).round()
    torch.testing.assert_close(
        Bernoulli(logits).log_prob(ones), torch.distributions.Bernoulli(logits=logits).log_prob(ones)
    )
    classes = torch.arange(6) % 5
    one_hot = torch.eye(5)[classes]
    torch.testing.assert_close(
        Categorical(logits).log_prob(one_hot).sum(1),
        torch.distributions.Categorical(logits=logits).log_prob(classes),
    )
    assert torch.equal(Categorical(logits).log_prob(one_hot) == 0, one_hot == 0)


def test_samples_have_their_frequencies() -> None:
    logits = torch.tensor([[-2.0, 0.0, 1.5, 0.3]])
    noise = torch.randn(40_000, 4, generator=torch.Generator().manual_seed(4))
    for distribution in (Bernoulli(logits), Categorical(logits)):
        drawn = distribution.sample(noise)
        assert set(drawn.unique().tolist()) == {0.0, 1.0}
        torch.testing.assert_close(drawn.mean(0), distribution.mean[0], atol=0.012, rtol=0)
    assert torch.equal(Categorical(logits).sample(noise).sum(1), torch.ones(40_000))


def test_a_blend_is_the_product_of_powers() -> None:
    one = Gaussian(torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 3.0]]))
    other = Gaussian(torch.tensor([[-1.0, 0.5]]), torch.tensor([[2.0, 0.25]]))
    blend = one.blend(other, 0.3)
    points = torch.linspace(-4, 4, 9)[:, None].expand(-1, 2)
    powers = 0.3 * one.log_prob(points) + 0.7 * other.log_prob(points)
    apart = blend.log_prob(points) - powers  # a constant: the product is not normalised
    torch.testing.assert_close(apart, apart[:1].expand_as(apart), atol=1e-4, rtol=1e-4)
    for share, whole in ((1.0, one), (0.0, other)):
        end = one.blend(other, share)
        torch.testing.assert_close(end.mean, whole.mean)
        torch.testing.assert_close(end.variance, whole.variance)
