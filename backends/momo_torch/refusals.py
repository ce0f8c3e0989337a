"""What no optimizer of this package takes: a part of the parameters, for one step size; sparse gradients."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from torch import Tensor


def refuse_partial_optimizers(name: str) -> None:
    """
    Refuse to be constructed by a tool that gives each optimizer only some of the parameters.

    Such are ``ZeroRedundancyOptimizer`` and ``_apply_optimizer_in_backward`` of
    ``torch.distributed.optim``.  Each is known by its code among the callers, so nothing
    else is refused by mistake.

    Raises
    ------
    RuntimeError
    """
    module = sys.modules.get("torch.distributed.optim")
    wrapper = getattr(module, "ZeroRedundancyOptimizer", None)
    makers = {
        "ZeroRedundancyOptimizer": getattr(wrapper, "_init_local_optimizer", None),
        "an optimizer that steps in the backward pass": getattr(module, "_apply_optimizer_in_backward", None),
    }
    tools = {maker.__code__: tool for tool, maker in makers.items() if maker is not None}
    frame = sys._getframe(1) if tools else None
    while frame is not None:
        if frame.f_code in tools:
            raise RuntimeError(
                f"{name} takes one step for all parameters, but {tools[frame.f_code]} "
                "would give it only some of them; fully_shard shards the state as well and works with it"
            )
        frame = frame.f_back


def refuse_sparse(name: str, grads: Iterable[Tensor | None]) -> None:
    """
    Refuse sparse gradients.

    Raises
    ------
    RuntimeError
    """
    if any(grad is not None and grad.is_sparse for grad in grads):
        raise RuntimeError(f"{name} does not support sparse gradients")
