"""The state of an optimizer as optax keeps it: a tree of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from momo_core import Info, InvalidTypeError, InvalidValueError, Rule
from momo_core.arrays import leaf_dtype
from momo_core.direction import Leaf

PyTree = Any


class MomoState(NamedTuple):
    """
    State of an optimizer; every field is an array or a tree of arrays.

    Attributes
    ----------
    count : int32, shape ()
        Steps taken, without the skipped ones; schedules are evaluated here.
    averages : dict of trees
        By name, of the structure and shapes of the parameters, at least float32.
    tensors : dict of arrays, shape (number of tensors,)
        State of each tensor that is one number, by name.
    scalars : dict of arrays, shape ()
        Scalar state of the rule, of the widest of float32 and the parameters' dtypes, and
        ``skipped_steps``, int32.
    seen : bool, shape (number of tensors,)
        Whether a tensor has had a gradient.
    step_size, truncation, beta, skipped : arrays, shape ()
        What the last step did; see `info`.
    """

    count: Array  # type: ignore[assignment]  # the name that optax looks for
    averages: dict[str, PyTree]
    tensors: dict[str, Array]
    scalars: dict[str, Array]
    seen: Array
    step_size: Array
    truncation: Array
    beta: Array
    skipped: Array

    @property
    def info(self) -> Info:
        """What the last step did, as in the core."""
        return Info(
            step_size=self.step_size,
            truncation=self.truncation,
            lower_bound=self.scalars.get("lower_bound_estimate"),
            predicted_loss=self.scalars.get("predicted_loss"),
            beta=self.beta,
            skipped=self.skipped,
        )

    @property
    def skipped_steps(self) -> Array:
        """How many steps were skipped, int32, shape ()."""
        return self.scalars["skipped_steps"]


def last_info(opt_state: PyTree) -> Info:
    """
    What the last step did.

    Parameters
    ----------
    opt_state : tree
        State of an optimizer of this package, however chained and wrapped.

    Raises
    ------
    InvalidTypeError
        If there is not one such state in it.
    """
    leaves = jax.tree.leaves(opt_state, is_leaf=lambda node: isinstance(node, MomoState))
    found = [leaf for leaf in leaves if isinstance(leaf, MomoState)]
    if len(found) != 1:
        raise InvalidTypeError(f"opt_state must have one MomoState, got {len(found)}", "E_STATE_TYPE")
    return found[0].info


def flatten(tree: PyTree) -> tuple[list[Array], Any]:
    """Leaves as arrays, and the structure."""
    leaves, treedef = jax.tree.flatten(tree)
    return [jnp.asarray(leaf) for leaf in leaves], treedef


def gradients(updates: PyTree, treedef: Any) -> list[Array | None]:
    """
    Gradient of each parameter, or None.

    Raises
    ------
    ValueError
        If the structure is not that of the parameters.
    InvalidTypeError
        If a gradient is not real floating.
    """
    grads = [None if grad is None else jnp.asarray(grad) for grad in treedef.flatten_up_to(updates)]
    for grad in grads:
        if grad is not None and not jnp.isdtype(grad.dtype, "real floating"):
            raise InvalidTypeError(f"gradients must be real floating, got {grad.dtype}", "E_GRADS_TYPE")
    return grads


def check_names(state: MomoState, rule: Rule) -> None:
    """
    Check that a state has what the rule keeps.

    Raises
    ------
    InvalidTypeError
        If it is no state of this package, the dict that a file was read into for example.
    InvalidValueError
        If it is the state of another rule.
    """
    if not isinstance(state, MomoState):
        raise InvalidTypeError(f"state must be a MomoState, got {type(state).__name__}", "E_STATE_TYPE")
    direction, model = rule.direction, rule.model
    has = {*state.averages, *state.tensors, *state.scalars}
    needs = {*direction.leaf_names, *direction.scalar_state, *model.scalar_state, "skipped_steps"}
    if has != needs:
        message = f"not a state of {rule.name}: it has {sorted(has)}, {rule.name} keeps {sorted(needs)}"
        raise InvalidValueError(message, "E_STATE_RULE")


def by_name(
    rule: Rule, leaves: Sequence[Leaf], treedef: Any, like: Array
) -> tuple[dict[str, PyTree], dict[str, Array]]:
    """
    Averages of all tensors as one tree for each name, numbers as one array of the dtype of `like`.

    A tree would pass for one of the shapes of the parameters.
    """
    direction = rule.direction
    averages = {name: treedef.unflatten([leaf[name] for leaf in leaves]) for name in direction.leaf_state}
    none = jnp.broadcast_to(like, (0,))
    numbers = {
        name: jnp.stack([leaf[name].astype(like.dtype) for leaf in leaves]) if leaves else none
        for name in direction.tensor_state
    }
    return averages, numbers


def by_leaf(state: MomoState, params: Sequence[Array], treedef: Any) -> tuple[Leaf, ...]:
    """State of each tensor by name."""
    columns = [treedef.flatten_up_to(tree) for tree in state.averages.values()]
    averages = [dict(zip(state.averages, row, strict=True)) for row in zip(*columns, strict=True)]
    return tuple(
        average
        | {name: numbers[index].astype(leaf_dtype(param, xp=jnp)) for name, numbers in state.tensors.items()}
        for index, (average, param) in enumerate(zip(averages, params, strict=True))
    )
