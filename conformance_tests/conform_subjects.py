"""PyTorch optimizers with seeded faults, or with arguments of other names, for `test_conform`."""

from __future__ import annotations

from typing import Any

import torch

from momo_cli.conform.findings import EVERYTHING
from momo_torch import Momo


class ForgetsLowerBound(Momo):
    def __init__(self, params: Any, lr: float = 1.0, lb: float = 0.0, **options: Any) -> None:
        super().__init__(params, lr=lr, lb=lb if lb == -torch.inf else 0.0 * lb, **options)


class DoublesLoss(Momo):
    def step(self, closure: Any = None, *, loss: Any = None) -> Any:
        return super().step(loss=None if loss is None else 2 * loss)


class ReadsRateOnce(Momo):
    def step(self, closure: Any = None, *, loss: Any = None) -> Any:
        for group in self.param_groups:
            group["lr"] = group.setdefault("first_lr", self.defaults["lr"])
        return super().step(loss=loss)


class MovesWithoutGradient(Momo):
    @torch.no_grad()
    def step(self, closure: Any = None, *, loss: Any = None) -> Any:
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is None:
                    param.grad = torch.zeros_like(param)
        return super().step(loss=loss)


class WritesBeforeItRaises(Momo):
    @torch.no_grad()
    def step(self, closure: Any = None, *, loss: Any = None) -> Any:
        if loss is None:
            self.param_groups[0]["params"][0].add_(1)
        return super().step(loss=loss)


class Renamed(Momo):
    def __init__(self, params: Any, rate: float, floor: float = 0.0) -> None:
        super().__init__(params, lr=rate, lb=floor)


FAULTS = {
    "ForgetsLowerBound": "LowerBound",
    "DoublesLoss": EVERYTHING,
    "ReadsRateOnce": "Schedule",
    "MovesWithoutGradient": "MissingGradient",
    "WritesBeforeItRaises": "Invalid",
}
"""Finding that each fault must lead to first."""
