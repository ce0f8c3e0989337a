"""A run in PyTorch."""

from __future__ import annotations

from typing import Any

import array_api_compat.torch as xp
import torch

from momo_cli.sweep.optimizers import MOMENTUM, WEIGHT_DECAY, Choice
from momo_cli.sweep.problem import Problem
from momo_cli.train.datasets import Array
from momo_cli.train.optimizers import framework_optimizer


def train(problem: Problem, choice: Choice, learning_rate: float) -> tuple[list[Array], int]:
    """Return the final weights, and how many steps the optimizer skipped."""
    weights = [torch.tensor(weight, requires_grad=True) for weight in problem.weights]
    optimizer = _optimizer(choice, weights, learning_rate)
    for x, y in zip(torch.as_tensor(problem.x), torch.as_tensor(problem.y), strict=True):
        optimizer.zero_grad()
        loss = problem.task.objective(weights, x, y, xp=xp)
        loss.backward()
        optimizer.step(**{"loss": loss} if choice.ours else {})
    if hasattr(optimizer, "eval"):  # schedule-free: from where the gradient is taken to the average
        optimizer.eval()
    skipped = optimizer.param_groups[0].get("skipped_steps", 0)
    return [weight.detach().numpy() for weight in weights], int(skipped)


def _optimizer(choice: Choice, weights: list[torch.Tensor], learning_rate: float) -> Any:
    match choice.name:
        case "builtin_sgdm":
            return torch.optim.SGD(weights, lr=learning_rate, momentum=MOMENTUM)
        case "builtin_adam":
            return torch.optim.Adam(weights, lr=learning_rate)
        case "builtin_adamw":
            return torch.optim.AdamW(weights, lr=learning_rate, weight_decay=WEIGHT_DECAY)
        case "schedule_free":
            from schedulefree import AdamWScheduleFree

            optimizer = AdamWScheduleFree(weights, lr=learning_rate)
            optimizer.train()
            return optimizer
        case "prodigy":
            from prodigyopt import Prodigy

            return Prodigy(weights, lr=learning_rate)
        case name:
            hyper = {**choice.hyper, "learning_rate": learning_rate}
            factory, arguments = framework_optimizer(name, hyper, "torch")
            return factory(weights, **arguments)
