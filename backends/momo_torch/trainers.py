"""What callbacks and mixins for trainers need to know of an optimizer."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from momo_core.state import LOGGED

from .adapter import ModelBasedOptimizer


def unwrapped(optimizer: Any) -> ModelBasedOptimizer | None:
    """The optimizer of this package inside the wrappers that trainers put around it, or None."""
    while optimizer is not None and not isinstance(optimizer, ModelBasedOptimizer):
        optimizer = getattr(optimizer, "optimizer", None)
    return optimizer


def logged(optimizer: ModelBasedOptimizer) -> dict[str, Tensor]:
    """What the last step did, as far as the rule has it: tensors of shape ()."""
    info = optimizer.last_info._asdict()
    return {name: info[name] for name in LOGGED if info[name] is not None}
