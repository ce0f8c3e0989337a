"""
Where the state of a rule lives in a PyTorch optimizer.

The averages of each parameter are in ``state``.  The scalars are the same tensors of
shape () in every parameter group: a checkpoint keeps their dtype there, and would cast
them to the dtype of the parameters in ``state``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import array_api_compat.torch as xp
import torch
from torch import Tensor

from momo_core import Info, Kind, Rule, State
from momo_core.arrays import leaf_dtype

Group = dict[str, Any]
States = Mapping[Tensor, dict[str, Any]]


def shown(name: str) -> str:
    """Key of a step's info in a parameter group; ``beta`` is a setting there."""
    return "beta_k" if name == "beta" else name


def scalar_names(kind: Kind) -> list[str]:
    """Names of the scalar state."""
    return [*kind.direction.scalar_state, *kind.model.scalar_state, "skipped_steps"]


def all_params(groups: Sequence[Group]) -> list[Tensor]:
    """The parameters of all groups."""
    return [param for group in groups for param in group["params"]]


@torch.no_grad()
def start(rule: Rule, groups: Sequence[Group], states: States) -> None:
    """Give the last group zero averages, and the scalars of the first group."""
    first, group = groups[0], groups[-1]
    fresh = rule.init(group["params"], xp=xp)
    for param, leaf in zip(group["params"], fresh.leaves, strict=True):
        states[param].update(leaf, step=torch.zeros((), device=param.device))
    if group is first:
        zero = torch.zeros_like(fresh.scalars["weight"])
        group.update({**{shown(name): zero for name in Info._fields}, **fresh.scalars})
    else:
        group.update({name: value for name, value in first.items() if name not in group})


def read(kind: Kind, groups: Sequence[Group], states: States) -> State:
    """The state as the core takes it."""
    leaves = tuple(
        {name: states[param][name] for name in kind.direction.leaf_names} for param in all_params(groups)
    )
    return State(leaves, {name: groups[0][name] for name in scalar_names(kind)})


def write(groups: Sequence[Group], states: States, moved: Sequence[Tensor], new: State, info: Info) -> None:
    """Store what the core returned."""
    for param, value, leaf in zip(all_params(groups), moved, new.leaves, strict=True):
        if param.grad is None:
            continue
        param.copy_(value)
        for name, average in leaf.items():
            states[param][name].copy_(average)
        states[param]["step"] += ~info.skipped
    report(groups, new.scalars, info)


def report(groups: Sequence[Group], scalars: Mapping[str, Tensor], info: Info) -> None:
    """Store the scalar state, and what the step did."""
    told = {shown(name): value for name, value in info._asdict().items()}
    for group in groups:
        group.update({**told, **scalars})


def restore(
    kind: Kind, groups: Sequence[Group], states: States, saved: Sequence[Mapping[str, Any] | None]
) -> None:
    """
    Undo what loading does: casts to the parameters' dtype, and copies of the shared scalars.

    Parameters
    ----------
    kind, groups, states
        Of the optimizer that was loaded.
    saved : sequence of mappings or None
        State of each parameter as it was saved.
    """
    params = all_params(groups)
    for param, leaf in zip(params, saved, strict=True):
        for name in kind.direction.leaf_names if leaf else ():
            dtype = leaf_dtype(param, xp=xp)
            states[param][name] = leaf[name].detach().to(param.device, dtype, copy=True)  # type: ignore[index]
    names = [*scalar_names(kind), *map(shown, Info._fields)]
    shared = {name: groups[0][name].to(params[0].device) for name in names if groups[0][name] is not None}
    for group in groups:
        group.update(shared)
