"""Who takes the steps that no kernel takes: the core tensor by tensor, or sweeps over chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import array_api_compat.torch
import torch
from torch import Tensor

from momo_core import KINDS, Kind, State
from momo_core.step import Step

from . import rows
from .chunks import share_memory
from .streamed import StreamedStep


class StreamedOptimizer(torch.optim.Optimizer):
    """An optimizer that may be told to step tensor by tensor."""

    _foreach: bool | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_foreach": self._foreach}


def engine(
    kind: Kind,
    params: Sequence[Tensor],
    grads: Sequence[Tensor | None],
    state: State,
    foreach: bool | None,
) -> dict[str, Any]:
    """
    Who takes a step, and on what namespace: arguments of `Rule.step`.

    The core's own step remains for what traces the operations, which would see each chunk; for
    directions that may do more than work on elements and add; and where the order of writes matters.
    """
    core = {"xp": array_api_compat.torch, "by": Step}
    if foreach is False or KINDS.get(kind.name) is not kind or is_traced():
        return core
    moving = [index for index, grad in enumerate(grads) if grad is not None]
    read = [grad for grad in grads if grad is not None]
    names = kind.direction.leaf_state
    written = [params[index] for index in moving]
    written += [state.leaves[index][name] for index in moving for name in names]
    if not moving or not are_plain([*written, *read]) or share_memory(written, read):
        return core
    return {"xp": rows, "by": StreamedStep}


def is_traced() -> bool:
    """Whether someone records the operations of this step."""
    # Not public: a PyTorch without it is asked the public question alone.
    modes = getattr(torch._C, "_len_torch_dispatch_stack", int)
    return torch.compiler.is_compiling() or bool(modes())


def are_plain(tensors: Sequence[Tensor]) -> bool:
    """Whether these are tensors of PyTorch itself, dense ones."""
    return set(map(type, tensors)) <= {Tensor, torch.nn.Parameter} and not any(
        tensor.is_sparse for tensor in tensors
    )
