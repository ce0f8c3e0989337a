"""Run an optimizer of this package on given gradients and losses, for the conformance suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from momo_spec import load_spec

from . import optimizers
from .adapter import ModelBasedOptimizer

DTYPES = ("float64", "float32", "bfloat16", "float16")
MODES = ("eager", "tensor by tensor", "fused")
"""Without the kernels, in chunks and tensor by tensor, and with them; these take float32 and float64."""


def devices() -> tuple[str, ...]:
    """Devices of this machine."""
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def construct(
    optimizer: str, hyper: dict[str, Any], params: Sequence[torch.Tensor], **options: Any
) -> ModelBasedOptimizer:
    """An optimizer by its name in the specification, called by PyTorch's names."""
    cls: type[ModelBasedOptimizer] = getattr(optimizers, load_spec(optimizer).frameworks["torch"].entry)
    spec = load_spec(optimizer)
    full = {name: entry.default for name, entry in spec.hyper.items()} | hyper
    settings = {
        argument: full[targets[0]] if len(targets) == 1 else tuple(full[target] for target in targets)
        for argument, targets in cls.names.items()
    }
    return cls(params, **settings, **options)  # type: ignore[arg-type]


def run(
    optimizer: str,
    hyper: dict[str, Any],
    params: list[np.ndarray],
    steps: list[dict[str, Any]],
    *,
    dtype: str,
    device: str = "cpu",
    mode: str = "",
) -> list[dict[str, Any]]:
    """Trajectory of an optimizer; `backends/README.md` describes arguments and result."""
    target = {"dtype": getattr(torch, dtype), "device": device}
    leaves = [torch.nn.Parameter(torch.tensor(param, **target)) for param in params]
    built = construct(
        optimizer, hyper, leaves, fused=mode == "fused", foreach=False if mode == "tensor by tensor" else None
    )
    trajectory = []
    for step in steps:
        for group in built.param_groups:
            group["lr"] = step.get("hyper", {}).get("learning_rate", built.defaults["lr"])
        for leaf, grad in zip(leaves, step["grads"], strict=True):
            leaf.grad = None if grad is None else torch.tensor(grad, **target)
        built.step(loss=step.get("loss"))
        trajectory.append(_snapshot(built, leaves))
    return trajectory


def _snapshot(built: ModelBasedOptimizer, leaves: list[torch.nn.Parameter]) -> dict[str, Any]:
    info = {name: value.item() for name, value in built.last_info._asdict().items() if value is not None}
    return {
        "params": [leaf.detach().to("cpu", torch.float64, copy=True).numpy() for leaf in leaves],
        "info": info | {"skipped": bool(info["skipped"])},
        "skipped_steps": int(built.param_groups[0]["skipped_steps"]),
    }
