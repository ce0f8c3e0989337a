"""Optimizers of PyTorch that step by kernels, and comparisons of their steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from conformance_tests.roundings import gamma
from momo_spec import load_spec, spec_names
from momo_spec.kernels import fits
from momo_torch import driver
from momo_torch.adapter import ModelBasedOptimizer

FUSED = [name for name in spec_names() if fits(load_spec(name))]
STEPS = 3
SHAPES = ((), (3,), (0, 2), (40, 50), (300, 250))
"""A number, a few, none, one chunk, several chunks."""


def started(
    optimizer: str, dtype: torch.dtype, fused: bool | None, hyper: dict[str, Any] | None = None
) -> tuple[list[torch.nn.Parameter], ModelBasedOptimizer]:
    """Parameters and an optimizer for them."""
    generator = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, dtype=dtype, generator=generator)) for shape in SHAPES]
    return params, driver.construct(optimizer, hyper or required(optimizer), params, fused=fused)


def required(optimizer: str) -> dict[str, Any]:
    return {"total_steps": 100.0} if "total_steps" in load_spec(optimizer).hyper else {}


def take_steps(
    params: list[torch.nn.Parameter], built: ModelBasedOptimizer, *, count: int = STEPS, seed: int = 1
) -> None:
    generator = torch.Generator().manual_seed(seed)
    for index in range(count):
        for param in params:
            param.grad = torch.randn(param.shape, dtype=param.dtype, generator=generator)
        built.step(loss=1.0 + index)


def snapshot(params: list[torch.nn.Parameter], built: ModelBasedOptimizer) -> list[torch.Tensor]:
    """All parameters and all state."""
    scalars = [value for value in built.param_groups[0].values() if isinstance(value, torch.Tensor)]
    states = [value for param in params for value in built.state[param].values()]
    return [value.detach().clone() for value in (*params, *states, *scalars)]


def assert_same_bits(left: list[torch.Tensor], right: list[torch.Tensor]) -> None:
    for ours, theirs in zip(left, right, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


ROUNDINGS = STEPS * (16 + 4 * math.ceil(math.log2(max(math.prod(shape) for shape in SHAPES))))
"""Of an element: its averages, metric and move in each step, and four sums, which are taken in pairs."""


def assert_alike(left: list[torch.Tensor], right: list[torch.Tensor]) -> None:
    """
    Equal but for the roundings of both, relative to the largest element.

    Numbers are differences of losses, which are between 1 and 3.
    """
    for ours, theirs in zip(left, right, strict=True):
        if ours.is_floating_point() and ours.numel():
            scale = max(float(theirs.abs().max()), float(theirs.ndim == 0))
            error = float((ours.double() - theirs.double()).abs().max())
            assert error <= 2 * gamma(ROUNDINGS, str(theirs.dtype).removeprefix("torch.")) * scale
        else:
            assert torch.equal(ours, theirs)
