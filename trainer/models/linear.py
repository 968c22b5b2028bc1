"""Dense layers by the faster of the two libraries for matrix products that PyTorch has on a CPU.

PyTorch multiplies float32 matrices with MKL, which on processors of AMD leaves half of their width unused; oneDNN,
which makes its convolutions, does not. Both round as float32 does, in another order.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

ROWS = 16
"""Fewer rows than these are as fast either way."""


class Linear(nn.Linear):
    """`torch.nn.Linear`, whose products are oneDNN's where that pays."""

    def forward(self, input: Tensor) -> Tensor:
        """See `torch.nn.Linear`."""
        return linear(input, self.weight, self.bias)


def linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Rows · weightᵀ + bias, as `torch.nn.functional.linear`.

    Args:
        rows: Batch × inputs.
        weight: Outputs × inputs.
        bias: Outputs.
    """
    if not _pays(rows, weight):
        return functional.linear(rows, weight, bias)
    product: Tensor = _Product.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    return product


def _pays(rows: Tensor, weight: Tensor) -> bool:
    if torch.compiler.is_compiling():  # first: what is exported takes any number of rows
        return False
    return (
        rows.device.type == "cpu"
        and rows.dim() == 2
        and len(rows) >= ROWS
        and rows.dtype == weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and _is_there()
    )


@cache
def _is_there() -> bool:
    """Whether this PyTorch has the product, and the processor the width that MKL may leave unused."""
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return wide and torch._C._has_mkldnn and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
        return product

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        (gradient,), (rows, weight) = gradients, ctx.saved_tensors
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        return (
            linear(gradient, weight.t()) if of_rows else None,
            linear(gradient.t(), rows.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )
