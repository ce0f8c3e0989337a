"""
Loading a state: checked and completed before anything is written, and without casts.

PyTorch casts what it loads for a parameter to the parameter's dtype.  So the averages go
around it: a hook takes them out of the state before PyTorch sees it, and another one puts
them into the optimizer afterwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import StateDict

from momo_core import InvalidValueError, Kind, Rule
from momo_core.direction import Leaf

from . import state
from .settings import Names, canonical_hyper, check_settings, check_shared
from .sharding import is_sharded

FORMAT = 1
"""Version of what `state_dict` returns, under ``format`` in every parameter group."""


@contextmanager
def loading(optimizer: Optimizer, kind: Kind, names: Names) -> Iterator[set[str]]:
    """
    Check, complete and convert the state that `optimizer` loads inside.

    This comes after all other hooks that change the state, and before those that see
    what was loaded.  It gives the names of what the state lacked.

    Raises
    ------
    InvalidValueError, InvalidTypeError
        As `completed`; nothing has been loaded then.
    """
    leaves: list[Leaf] = []
    lacking: set[str] = set()

    def take(_: Optimizer, saved: StateDict) -> StateDict:
        rest, leaves[:], missed = completed(optimizer, kind, names, saved)
        lacking.update(missed)
        return rest

    def put(_: Optimizer) -> None:
        for param, leaf in zip(state.all_params(optimizer.param_groups), leaves, strict=True):
            optimizer.state[param].update(leaf)

    handles = [
        optimizer.register_load_state_dict_pre_hook(take),
        optimizer.register_load_state_dict_post_hook(put, prepend=True),
    ]
    try:
        yield lacking
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def completed(
    optimizer: Optimizer, kind: Kind, names: Names, saved: StateDict
) -> tuple[StateDict, list[Leaf], set[str]]:
    """
    A saved state as PyTorch should load it, and the state of each parameter, which goes around it.

    What an older format lacks takes its first value; its names are returned, too.

    Raises
    ------
    InvalidValueError, InvalidTypeError
        If the state is of another rule (``E_STATE_RULE``), of a newer format
        (``E_STATE_FORMAT``) or of tensors of other shapes or layouts (``E_STATE_SHAPE``),
        or a setting is invalid.
    """
    live, groups = optimizer.param_groups, saved["param_groups"]
    for group in groups:
        check_origin(kind, group)
    if [len(group["params"]) for group in groups] != [len(group["params"]) for group in live]:
        return saved, [], set()  # PyTorch refuses it.
    defaults = {name: value for name, value in optimizer.defaults.items() if name in live[0]}
    settled = [{**defaults, **group, "format": FORMAT} for group in groups]
    for group in settled:
        check_settings(kind, names, group)
        check_shared(names, settled[0], group)
    rule = kind.rule(canonical_hyper(settled[0], names))
    params = state.all_params(live)
    entries = [saved["state"].get(index, {}) for group in groups for index in group["params"]]
    shared = completed_scalars(rule, live[0], groups[0])
    leaves = [completed_leaf(rule, param, entry) for param, entry in zip(params, entries, strict=True)]
    used = [entry for param, entry in zip(params, entries, strict=True) if entry or param.requires_grad]
    lacking = missing(groups, defaults) | missing(groups[:1], shared) | missing(used, leaves[0])
    return {**saved, "state": {}, "param_groups": [{**group, **shared} for group in settled]}, leaves, lacking


def check_origin(kind: Kind, group: Mapping[str, Any]) -> None:
    """
    Check that a saved group is of this rule and of no newer format.

    Raises
    ------
    InvalidValueError
    """
    if group.get("rule") != kind.name:
        origin = repr(group["rule"]) if "rule" in group else "an optimizer that is none of momo_torch"
        raise InvalidValueError(f"a state of {origin} cannot be loaded into {kind.name!r}", "E_STATE_RULE")
    version = group.get("format", FORMAT)
    if not isinstance(version, int) or version > FORMAT:
        raise InvalidValueError(
            f"a state of format {version!r} cannot be loaded, the newest known one is {FORMAT}",
            "E_STATE_FORMAT",
        )


def missing(parts: Sequence[Mapping[str, Any]], whole: Mapping[str, Any]) -> set[str]:
    """Keys that some of the parts lack."""
    return {name for part in parts for name in whole.keys() - part.keys()}


def warn_of(lacking: set[str]) -> None:
    """Warn whoever loads a state of what it lacked."""
    if lacking:
        listed = ", ".join(sorted(lacking))
        warnings.warn(f"the state is of an older format: {listed} take their first values", stacklevel=3)


def completed_scalars(rule: Rule, live: state.Group, saved: Mapping[str, Any]) -> state.Group:
    """Scalars and info as they were saved, in the dtypes and on the device of an optimizer."""
    first = state.first_scalars(rule, live["weight"])
    return {
        name: None if value is None else fitted(name, saved.get(name, value), value)
        for name, value in first.items()
    }


def completed_leaf(rule: Rule, param: Tensor, saved: Mapping[str, Any]) -> Leaf:
    """State of a parameter as it was saved, in the dtypes and the layout of an optimizer."""
    first = state.first_leaf(rule, param)
    return {name: fitted(name, saved.get(name, value), value) for name, value in first.items()}


def fitted(name: str, saved: Any, first: Tensor) -> Tensor:
    """
    A copy of a saved tensor, or of a number, as some tools save scalars, to take the place of `first`.

    Raises
    ------
    InvalidValueError
        If it has another shape or is sharded in another way.
    """
    found: Tensor = torch.as_tensor(saved).detach()
    if layout(found) != layout(first):
        raise InvalidValueError(
            f"the saved {name} has shape and sharding {layout(found)}, here it is {layout(first)}",
            "E_STATE_SHAPE",
        )
    return found.to(first, copy=True)


def layout(tensor: Any) -> tuple[Any, ...]:
    """What two tensors must share for one to take the place of the other."""
    sharding = (tensor.device_mesh, tensor.placements) if is_sharded(tensor) else ()
    return (*tensor.shape, *sharding)
