"""Problems for the PyTorch optimizers, and what to compare about an optimizer."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Parameter

import momo_torch
from momo_core import KINDS
from momo_torch import AMSGD, AMAdamW, ModelBasedOptimizer, Momo, MomoAdam, MomoAM
from momo_torch.state import scalar_names

Class = type[ModelBasedOptimizer]

CLASSES: list[Class] = [getattr(momo_torch, name) for name in momo_torch.optimizers.__all__]
NEED_LOSS = [cls for cls in CLASSES if KINDS[cls.rule_name].model.needs_loss]
NEED_NONE = [cls for cls in CLASSES if cls not in NEED_LOSS]
ADAPTING = {"weight_decay": 0.05, "use_fstar": True}

VARIANTS: list[tuple[Class, dict[str, Any]]] = [
    *((cls, {}) for cls in CLASSES),
    *((cls, ADAPTING) for cls in (Momo, MomoAdam, MomoAM)),
    (AMSGD, {"beta_scope": "tensor", "weight_decay": 0.05}),
    (AMAdamW, {"beta_scope": "global", "metric_penalty": True}),
]
"""Every rule, and the ways through a step that its options open."""


def accepted(cls: Class, **options: Any) -> dict[str, Any]:
    """Those of the options that a class knows and may set."""
    hyper = {name: KINDS[cls.rule_name].table.hyper[targets[0]] for name, targets in cls.names.items()}
    return {
        name: value for name, value in options.items() if name in hyper and hyper[name].domain != "[0, 0]"
    }


class LeastSquares:
    """Rows of a least-squares problem, three at a time, in float64."""

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        options: Any = {"generator": generator, "dtype": torch.float64}
        self.rows, self.targets = torch.randn(30, 8, **options), torch.randn(30, **options)
        self.start = [torch.randn(5, **options), torch.randn(3, **options)]

    def params(self, dtype: torch.dtype = torch.float64) -> list[Parameter]:
        return [Parameter(start.to(dtype, copy=True)) for start in self.start]

    @staticmethod
    def batch(step: int) -> list[int]:
        """Rows of a step."""
        return [(3 * step + offset) % 30 for offset in range(3)]

    def loss(self, params: list[Parameter], step: int) -> torch.Tensor:
        batch = self.batch(step)
        x = torch.cat([param.to(torch.float64) for param in params])
        return ((self.rows[batch] @ x - self.targets[batch]) ** 2).mean()

    def train(self, optimizer: Any, params: list[Parameter], steps: range, **options: Any) -> torch.Tensor:
        trajectory = []
        for step in steps:
            optimizer.zero_grad()
            loss = self.loss(params, step)
            loss.backward()
            optimizer.step(loss=loss, **options)
            trajectory.append(flat(params).double())
        return torch.stack(trajectory) if trajectory else torch.empty(0)


PROBLEM = LeastSquares()


def flat(params: list[Parameter]) -> torch.Tensor:
    """A copy of all parameters in one row."""
    return torch.cat([param.detach().flatten() for param in params])


def snapshot(optimizer: ModelBasedOptimizer) -> list[torch.Tensor]:
    """Parameters, averages and scalars, without the counter of skipped steps."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    averages = [optimizer.state[param][name] for param in params for name in sorted(optimizer.state[param])]
    group = optimizer.param_groups[0]
    scalars = [group[name] for name in scalar_names(optimizer._kind) if name != "skipped_steps"]
    return [tensor.detach().clone() for tensor in [*params, *averages, *scalars]]


def unchanged(before: list[torch.Tensor], optimizer: ModelBasedOptimizer) -> bool:
    """Whether a snapshot taken now equals the one before to the bit."""
    return all(torch.equal(a, b) for a, b in zip(before, snapshot(optimizer), strict=True))
