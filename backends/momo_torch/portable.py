"""The state of a PyTorch optimizer as plain data, for another framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

import array_api_compat.torch as xp
import numpy as np
import torch
from torch import Tensor

from momo_core import PortableState, Rule, State

from . import state
from .settings import canonical_hyper
from .sharding import is_sharded, local

if TYPE_CHECKING:
    from .adapter import ModelBasedOptimizer


def portable_state(optimizer: ModelBasedOptimizer) -> PortableState:
    """
    The state as plain data, which `momo_core.save_state` writes and every framework reads.

    Of a DTensor it has the whole value, so all ranks must call this together.  Recorded
    losses are not in it.
    """
    groups = optimizer.param_groups
    params = state.all_params(groups)
    steps = [int(optimizer.state[param]["step"]) for param in params]
    names = [name for group in groups for name in group.get("param_names", ())]
    leaf_names = optimizer._kind.direction.leaf_names
    leaves = tuple({name: _array(optimizer.state[param][name]) for name in leaf_names} for param in params)
    scalars = {name: _array(groups[0][name]) for name in state.scalar_names(optimizer._kind)}
    return PortableState.of(
        _rule(optimizer),
        State(leaves, scalars),
        steps=max(steps),
        tensor_steps=steps,
        names=names if len(names) == len(params) else (),
    )


@torch.no_grad()
def load_portable_state(optimizer: ModelBasedOptimizer, saved: PortableState) -> None:
    """
    Go on from a state that any framework has saved; settings and parameters stay as they are.

    Numbers are rounded to the dtypes of this optimizer's state where those are narrower.
    All ranks that hold parts of DTensors must call this together.

    Raises
    ------
    ValueError
        If it is the state of another rule or of other tensors; nothing is loaded then.
    """
    groups, rule = optimizer.param_groups, _rule(optimizer)
    params = state.all_params(groups)
    plain = saved.restored(rule, params)
    for param, leaf, steps in zip(params, plain.leaves, saved.tensor_steps, strict=True):
        own = optimizer.state[param]
        for name, array in leaf.items():
            _fill(own[name], array)
        own["step"].fill_(steps)
    for name, array in plain.scalars.items():
        _fill(groups[0][name], array)
    parts = [local(param) for param in params]
    now = state.read(optimizer._kind, groups, optimizer.state)
    _, _, idle = rule.step(parts, [None] * len(parts), 0.0, now, xp=xp)
    for name, value in idle._asdict().items():
        if value is not None:
            groups[0][state.shown(name)].copy_(value)


def _rule(optimizer: ModelBasedOptimizer) -> Rule:
    """The rule with the settings of the first group."""
    return optimizer._kind.rule(canonical_hyper(optimizer.param_groups[0], optimizer.names))


def _array(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The whole value."""
    whole = tensor.full_tensor() if is_sharded(tensor) else tensor  # type: ignore[attr-defined]
    return np.asarray(whole.detach().cpu())


def _fill(tensor: Tensor, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    """Write the whole value, in place."""
    value = torch.from_numpy(array).to(tensor.device)
    if is_sharded(tensor):
        from torch.distributed.tensor import distribute_tensor

        value = distribute_tensor(value, tensor.device_mesh, tensor.placements)  # type: ignore[attr-defined]
    tensor.copy_(value)
