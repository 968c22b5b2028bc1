"""The average of the weights, against the same by hand."""

import pytest
import torch
from torch import nn

from trainer.averaging import EVERY, AveragedWeights


class Walk(nn.Module):
    """One weight that is the number of the update, and a counter that no average makes sense of."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def update(self, step: int) -> None:
        with torch.no_grad():
            self.weight.fill_(float(step))
        self.get_buffer("count").fill_(step)


def walk(decay: float, steps_per_epoch: int, steps: int) -> tuple[Walk, AveragedWeights]:
    model = Walk()
    averaged = AveragedWeights(model, decay, steps_per_epoch)
    for step in range(1, steps + 1):
        model.update(step)
        averaged.follow(step)
    return model, averaged


def test_it_moves_every_few_updates_and_at_the_end_of_an_epoch() -> None:
    expected, last = 0.0, 0
    for step in (4, 8, 10, 12, 16, 20):
        decay = min(0.9, step / (9 + step)) ** (step - last)
        expected, last = decay * expected + (1 - decay) * step, step
    _, averaged = walk(0.9, 10, 20)
    assert float(averaged.tensors["weight"]) == pytest.approx(expected, rel=1e-6)
    assert int(averaged.tensors["count"]) == 20


def test_it_is_near_the_average_that_moves_at_every_update() -> None:
    expected = 0.0
    for step in range(1, 4001):
        decay = min(0.999, step / (9 + step))
        expected = decay * expected + (1 - decay) * step
    _, averaged = walk(0.999, 1000, 4000)
    assert float(averaged.tensors["weight"]) == pytest.approx(expected, abs=EVERY)


def test_without_a_memory_an_epoch_ends_with_the_newest_weights() -> None:
    _, averaged = walk(0.0, 10, 19)
    assert float(averaged.tensors["weight"]) == 10
    _, averaged = walk(0.0, 10, 20)
    assert float(averaged.tensors["weight"]) == 20


def test_a_walk_that_is_interrupted_ends_alike() -> None:
    _, whole = walk(0.99, 10, 37)
    model, first = walk(0.99, 10, 14)
    second = AveragedWeights(model, 0.99, 10)
    second.load(first.tensors)
    for step in range(15, 38):
        model.update(step)
        second.follow(step)
    assert torch.equal(second.tensors["weight"], whole.tensors["weight"])


def test_the_model_has_it_for_a_while() -> None:
    model, averaged = walk(0.9, 10, 20)
    model.train()
    with averaged.applied():
        assert model.weight.item() == float(averaged.tensors["weight"]) != 20
        assert not model.training
    assert model.weight.item() == 20
