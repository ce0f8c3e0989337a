"""A step beside the authors' own package, whose module is called as our command."""

from collections.abc import Callable
from typing import Any

import momo  # type: ignore[import-untyped]
import torch

import momo_torch


def after_a_step(optimizer_class: Callable[..., Any]) -> list[float]:
    """Where one step leads."""
    x = torch.nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    optimizer = optimizer_class([x], lr=1.0, beta=0.0)  # no averages, so no rounding
    loss = (x**2).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step(loss=loss)
    return x.tolist()


assert momo.Momo is not momo_torch.Momo
assert after_a_step(momo.Momo) == after_a_step(momo_torch.Momo) == [0.5, 1.0, 1.5]
