"""Dense layers: the same numbers whichever library makes the products."""

import pytest
import torch
from torch import Tensor

from trainer.models.linear import ROWS, Linear, _is_there, _pays, linear


def layers() -> tuple[Linear, torch.nn.Linear]:
    torch.manual_seed(0)
    ours, theirs = Linear(30, 20), torch.nn.Linear(30, 20)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def rows(count: int) -> Tensor:
    return torch.randn(count, 30, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.mark.parametrize("count", [1, ROWS, 100])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_a_dense_layer(count: int, bias: bool) -> None:
    found = []
    for layer in layers():
        given = rows(count)
        made = (
            layer(given)
            if bias
            else (linear if isinstance(layer, Linear) else torch.nn.functional.linear)(given, layer.weight)
        )
        made.square().sum().backward()
        found.append([made, given.grad, layer.weight.grad, *([layer.bias.grad] if bias else [])])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_gradient_can_be_derived_again() -> None:
    found = []
    for layer in layers():
        given = rows(40)
        (gradient,) = torch.autograd.grad(layer(given).square().sum(), given, create_graph=True)
        gradient.square().sum().backward()
        found.append([given.grad, layer.weight.grad])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-2, rtol=1e-4)


def test_it_takes_the_faster_product_only_where_it_may() -> None:
    many, weight = rows(ROWS), torch.zeros(20, 30)
    assert _pays(many, weight) == _is_there()
    assert not _pays(many[:-1], weight)
    assert not _pays(many.double(), weight.double())
    assert not _pays(many[None], weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert not _pays(many, weight)
        assert layers()[0](many).dtype == torch.bfloat16


def test_an_exported_layer_takes_any_number_of_rows() -> None:
    ours, _ = layers()
    exported = torch.export.export(
        ours, (rows(ROWS).detach(),), dynamic_shapes=({0: torch.export.Dim("rows")},)
    )
    given = rows(3).detach()
    torch.testing.assert_close(exported.module()(given), ours(given))
