"""The loss of a step: who handed it over, and its mean over data-parallel ranks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

Loss = Tensor | float


def detached(loss: Any) -> Any:
    """The loss without its graph."""
    return loss.detach() if isinstance(loss, Tensor) else loss


def first_given(*losses: Any) -> Any:
    """The first that is not None, detached; None if none is."""
    return next((detached(loss) for loss in losses if loss is not None), None)


def mean_over_ranks(loss: Any, like: Tensor, process_group: Any) -> Any:
    """
    Mean of the loss over the ranks of a process group, the default one for None.

    The gradients that data parallelism averages belong to the mean of the losses; with
    its own loss each rank would take its own step.  Without torch.distributed, with one
    rank, and for what is no scalar, the loss itself.

    Parameters
    ----------
    loss : tensor or float
        Checked later, with all other input.
    like : tensor, shape ()
        Its dtype and device are those of the mean.
    process_group : torch.distributed.ProcessGroup or None
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size(process_group) == 1:
        return loss
    tensor = loss if isinstance(loss, Tensor) else torch.tensor(loss)
    if tensor.numel() != 1 or tensor.is_complex():
        return loss
    total = tensor.reshape(()).to(like, copy=True)
    dist.all_reduce(total, group=process_group)
    return total / dist.get_world_size(process_group)


def is_dummy_step(groups: Iterable[dict[str, Any]]) -> bool:
    """
    Whether every learning rate is 0 and every gradient zero or None.

    Checkpointing tools take such a step, without a loss, to make an optimizer create its
    state.  Reads values on the host; a step with a loss never comes here.
    """
    return all(
        float(group["lr"]) == 0
        and all(param.grad is None or not torch.count_nonzero(param.grad) for param in group["params"])
        for group in groups
    )
