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
from momo_core.arrays import scalar_zero
from momo_core.direction import Leaf
from momo_core.validate import check_arrays

from .sharding import laid_out_as, local, mark_written

Group = dict[str, Any]
States = Mapping[Tensor, dict[str, Any]]


def shown(name: str) -> str:
    """Key of a step's info in a parameter group; ``beta`` is a setting there."""
    return "beta_k" if name == "beta" else name


def scalar_names(kind: Kind) -> list[str]:
    """Names of the scalar state."""
    return [*kind.direction.scalar_state, *kind.model.scalar_state, "skipped_steps"]


def scalar_keys(kind: Kind) -> list[str]:
    """Keys in a parameter group of all that a step writes there, but `skipped_steps`."""
    return list(dict.fromkeys([*map(shown, Info._fields), *scalar_names(kind)[:-1]]))


def all_params(groups: Sequence[Group]) -> list[Tensor]:
    """The parameters of all groups."""
    return [param for group in groups for param in group["params"]]


@torch.no_grad()
def start(rule: Rule, groups: Sequence[Group], states: States) -> None:
    """
    Give the last group zero averages, and all groups the same scalars, as wide as it needs.

    Raises
    ------
    InvalidTypeError
        If a parameter is not real floating.
    """
    params = [local(param) for param in all_params(groups)]
    check_arrays(params, xp=xp)
    for param in groups[-1]["params"]:
        states[param].update(first_leaf(rule, param))
    shared = first_scalars(rule, scalar_zero(params, xp=xp))
    if len(groups) > 1:
        shared = {
            name: None if first is None else groups[0][name].to(first.dtype) for name, first in shared.items()
        }
    for group in groups:
        group.update(shared)


def first_leaf(rule: Rule, param: Tensor) -> Leaf:
    """State of a parameter before its first gradient; averages are sharded as the parameter is."""
    leaf = rule.init_leaf(local(param), xp=xp)
    averages = {name: laid_out_as(param, value) for name, value in leaf.items()}
    return {**averages, "step": torch.zeros((), dtype=torch.float32, device=param.device)}


def first_scalars(rule: Rule, like: Tensor) -> Group:
    """Scalars and info before the first step, of the dtype and on the device of `like`, shape ()."""
    fresh = State(({},), rule.init_scalars(like, xp=xp))
    _, _, idle = rule.step([like], [None], 0.0, fresh, xp=xp)
    return {name: value if value is None else value.clone() for name, value in _named(fresh, idle)}


def read(kind: Kind, groups: Sequence[Group], states: States) -> State:
    """The state as the core takes it."""
    leaves = tuple(
        {name: local(states[param][name]) for name in kind.direction.leaf_names}
        for param in all_params(groups)
    )
    return State(leaves, {name: groups[0][name] for name in scalar_names(kind)})


def write(groups: Sequence[Group], states: States, moved: Sequence[Tensor], new: State, report: Info) -> None:
    """
    Store what the core returned, in place: a captured graph always writes to the same memory.

    Without `moved` and leaves only scalars and counters: the tensors have been written.
    """
    pairs = [(groups[0][name], scalar) for name, scalar in _named(new, report) if scalar is not None]
    params = all_params(groups)
    written = [param for param in params if param.grad is not None]
    for param, value, leaf in zip(params if moved else (), moved, new.leaves, strict=True):
        if param.grad is not None:
            pairs.append((local(param), value))
            pairs += [(local(states[param][name]), average) for name, average in leaf.items()]
    taken = (~report.skipped).to(torch.float32)
    pairs += [(counter, counter + taken) for counter in (states[param]["step"] for param in written)]
    _store([place for place, _ in pairs], [value for _, value in pairs])
    mark_written(written)


def _store(places: list[Tensor], values: list[Tensor]) -> None:
    """
    Write values to their places.

    Of PyTorch's compilers (2.13), one loses what `copy_` writes to a float64 tensor of shape (); another one
    reads what `_foreach_copy_` has written where the old value is meant (as in pytorch/pytorch#198033).
    """
    if not torch.compiler.is_compiling():
        torch._foreach_copy_(places, values)
        return
    for place, value in zip(places, values, strict=True):
        if place.ndim:
            place.copy_(value)
        else:
            place.view(1).copy_(value.view(1))


def info(group: Group) -> Info:
    """A copy of what `write` stored of the step."""
    values = {name: group[shown(name)] for name in Info._fields}
    return Info(**{name: value if value is None else value.clone() for name, value in values.items()})


def _named(new: State, report: Info) -> list[tuple[str, Tensor | None]]:
    """The scalars of a step by their keys in the parameter groups."""
    return [*((shown(name), value) for name, value in report._asdict().items()), *new.scalars.items()]
