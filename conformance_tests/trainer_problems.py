"""A small regression, and the plain PyTorch loop that a trainer must follow to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

from conformance_tests.torch_problems import snapshot
from momo_torch import AMAdamW, ModelBasedOptimizer, Momo, MomoAdam

Make = Callable[[Any], ModelBasedOptimizer]

MAKERS: dict[str, Make] = {
    "Momo": lambda params: Momo(params, lr=4.0, weight_decay=0.01, use_fstar=True),
    "MomoAdam": lambda params: MomoAdam(params, lr=2.0, weight_decay=0.01),
    "AMAdamW": lambda params: AMAdamW(params, lr=0.01),
}
"""With these rates the loss cuts steps."""

GENERATOR = torch.Generator().manual_seed(3)
INPUTS = torch.randn(28, 4, generator=GENERATOR)
TARGETS = torch.randn(28, 1, generator=GENERATOR)
BATCHES = 7


@dataclass
class Outcome:
    """
    Where a run ended.

    Attributes
    ----------
    tensors : list of tensors
        Parameters and the state of the optimizer.
    infos : list of dict
        What each step did.
    """

    tensors: list[Tensor]
    infos: list[dict[str, float]]


def network() -> torch.nn.Module:
    """The same initial weights each time."""
    torch.manual_seed(5)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))


def dataset() -> TensorDataset:
    return TensorDataset(INPUTS, TARGETS)


def batches() -> DataLoader[Any]:
    return DataLoader(dataset(), batch_size=4)


def info_of(optimizer: ModelBasedOptimizer) -> dict[str, float]:
    info = optimizer.last_info._asdict()
    return {name: float(value) for name, value in info.items() if value is not None}


def mean_of_means(model: Any, batch: Any, window: list[Any], accumulate: int) -> Tensor:
    """The part of a small batch in the loss of a step, one of `accumulate`, though there may be fewer."""
    x, y = batch
    return mse_loss(model(x), y) / accumulate


def windows(small: list[Any], number: int, epochs: int) -> Iterator[list[Any]]:
    """Small batches of each step; the last step of an epoch may have fewer."""
    for _ in range(epochs):
        yield from (small[start : start + number] for start in range(0, len(small), number))


def plain_loop(
    make: Make,
    *,
    accumulate: int = 1,
    epochs: int = 1,
    model: Any = None,
    small: Any = None,
    part: Callable[[Any, Any, list[Any], int], Tensor] = mean_of_means,
    leave_out: int | None = None,
    autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
    scaler: torch.amp.GradScaler | None = None,
) -> Outcome:
    """
    The loop in PyTorch alone, with the sum of what was backpropagated.

    `small` are the small batches, `part` the loss of each of them in its step, and the step
    `leave_out` is not taken.
    """
    model, infos = network() if model is None else model, []
    optimizer = make(model.parameters())
    for index, window in enumerate(windows(list(batches() if small is None else small), accumulate, epochs)):
        if index == leave_out:
            continue
        optimizer.zero_grad()
        total: Any = 0.0
        for batch in window:
            with autocast():
                loss = part(model, batch, window, accumulate)
            (scaler.scale(loss) if scaler else loss).backward()
            total = total + loss.detach()
        step(optimizer, total, scaler)
        infos.append(info_of(optimizer))
    return Outcome(snapshot(optimizer), infos)


def step(optimizer: ModelBasedOptimizer, loss: Tensor, scaler: torch.amp.GradScaler | None) -> None:
    if not scaler:
        optimizer.step(loss=loss)
        return
    scaler.unscale_(optimizer)
    scaler.step(optimizer, loss=loss)
    scaler.update()


def assert_same(optimizer: ModelBasedOptimizer, expected: Outcome) -> None:
    """Parameters and state to the bit, after steps of which the loss has cut some."""
    for ours, theirs in zip(snapshot(optimizer), expected.tensors, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    if optimizer._kind.model.needs_loss:
        assert any(0 < info["truncation"] < 1 for info in expected.infos)
