"""The state of an optimizer as plain data, for another framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax import Array

from momo_core import InvalidTypeError, PortableState, Rule, State

from .state import MomoState, PyTree, by_name, flatten

if TYPE_CHECKING:
    import optax

_LARGEST_COUNT = np.iinfo(np.int32).max


def portable_state(state: MomoState, optimizer: optax.GradientTransformationExtraArgs) -> PortableState:
    """
    The state as plain data, which `momo_core.save_state` writes and every framework reads.

    Parameters
    ----------
    state : MomoState
    optimizer : optax.GradientTransformationExtraArgs
        Of this package, whose state it is; not a chain around it.

    Returns
    -------
    PortableState
        Its tensors are in the order of ``jax.tree.leaves``, their names paths such as
        ``dense.kernel``.

    Raises
    ------
    InvalidTypeError
        If an argument is something else.
    """
    if not isinstance(state, MomoState):
        raise InvalidTypeError(f"state must be a MomoState, got {type(state).__name__}", "E_STATE_TYPE")
    rule = rule_of(optimizer)
    trees = {name: jax.tree.leaves(tree) for name, tree in state.averages.items()}
    paths, _ = jax.tree.flatten_with_path(next(iter(state.averages.values())))
    leaves = []
    for row in range(len(paths)):
        averages = {name: np.asarray(tree[row]) for name, tree in trees.items()}
        dtype = next(iter(averages.values())).dtype
        numbers = {name: np.asarray(row_of[row], dtype) for name, row_of in state.tensors.items()}
        leaves.append(averages | numbers)
    steps = int(state.count)
    return PortableState.of(
        rule,
        State(tuple(leaves), {name: np.asarray(value) for name, value in state.scalars.items()}),
        steps=steps,
        tensor_steps=[steps * int(seen) for seen in np.asarray(state.seen)],
        names=[jax.tree_util.keystr(path, simple=True, separator=".") for path, _ in paths],
    )


def from_portable(
    portable: PortableState, optimizer: optax.GradientTransformationExtraArgs, params: PyTree
) -> MomoState:
    """
    The state to go on with, from one that any framework has saved.

    Parameters
    ----------
    portable : PortableState
        Its tensors in the order of ``jax.tree.leaves(params)``.
    optimizer : optax.GradientTransformationExtraArgs
        Of this package; not a chain around it.
    params : tree

    Returns
    -------
    MomoState
        Of the dtypes and the sharding of ``optimizer.init(params)``; numbers are rounded to
        those dtypes where they are narrower.

    Raises
    ------
    InvalidTypeError
        If `optimizer` is something else.
    InvalidValueError
        If it is the state of another rule or of other tensors.
    """
    rule = rule_of(optimizer)
    leaves, treedef = flatten(params)
    plain = portable.restored(rule, leaves)
    first: Any = optimizer.init(params)
    averages, numbers = by_name(rule, plain.leaves, treedef, first.scalars["weight"])
    loaded = first._replace(
        count=np.int32(min(portable.steps, _LARGEST_COUNT)),
        averages=averages,
        tensors=numbers,
        scalars=plain.scalars,
        seen=np.asarray(portable.tensor_steps, dtype=bool) if leaves else first.seen,
    )
    return MomoState(*jax.tree.map(_placed_like, loaded, first))


def rule_of(optimizer: optax.GradientTransformationExtraArgs) -> Rule:
    """
    The rule of an optimizer of this package.

    Raises
    ------
    InvalidTypeError
        If it is something else, a chain for example.
    """
    rule = getattr(getattr(getattr(optimizer, "init", None), "__self__", None), "rule", None)
    if not isinstance(rule, Rule):
        message = "optimizer must be one of momo_jax itself, not a chain or wrapper around it"
        raise InvalidTypeError(message, "E_STATE_TYPE")
    return rule


def _placed_like(value: Any, like: Array) -> Any:
    """`value` on the devices of an array."""
    return jax.device_put(value, like.sharding if like.committed else None)
