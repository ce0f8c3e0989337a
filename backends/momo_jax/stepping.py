"""Who takes a step: kernels where they can, else operations of JAX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax import Array

from momo_core import Info, InvalidTypeError, Rule, State
from momo_core.validate import check_loss

from .mesh import MeshSums
from .step import UpdateStep
from .suitable import obstacle
from .transformed import transformable

if TYPE_CHECKING:
    import optax

PyTree = Any
Stepped = tuple[list[Any], State, Info]


def stepped(
    rule: Rule,
    params: Sequence[Array],
    grads: Sequence[Array | None],
    loss: Any,
    state: State,
    *,
    hyper: Mapping[str, Any],
    fresh: Array,
    by: type[UpdateStep],
    **groups: Any,
) -> Stepped:
    """
    `Rule.step`, by kernels where it is traced and they can take it.

    Parameters
    ----------
    rule, params, grads, loss, state, hyper
        As for `Rule.step`.
    fresh : array of bool, shape (number of tensors,)
        Whether a gradient is the first one of its tensor.
    by : type
        Who takes the step otherwise.
    **groups
        ``groups`` and ``group_of``, as for `Rule.step`.
    """
    settings = {**rule.hyper, **hyper}
    numbers = {name: value for name, value in settings.items() if isinstance(value, Array)}
    static = replace(rule, hyper={name: value for name, value in settings.items() if name not in numbers})

    def step(by: type[UpdateStep], arrays: Any) -> Stepped:
        params, grads, loss, state, fresh, hyper = arrays
        return static.step(
            params,
            grads,
            loss,
            state,
            xp=jnp,
            hyper=hyper,
            fresh=list(fresh),
            reduction=MeshSums(params),
            by=by,
            **groups,
        )

    def generic(arrays: Any) -> Stepped:
        return step(by, arrays)

    loss = check_loss(loss, needed=rule.model.needs_loss, xp=jnp)
    arrays = list(params), list(grads), loss, state, fresh, numbers
    if not is_traced(params) or obstacle(rule, params, grads, state):
        return generic(arrays)
    from .fused import FusedStep

    found: Stepped = transformable(lambda arrays: step(FusedStep, arrays), generic)(arrays)
    return found


def implementation(optimizer: optax.GradientTransformation, params: PyTree, grads: PyTree = None) -> str:
    """
    What takes a compiled step of an optimizer on these parameters: ``"fused"``, or ``"generic"`` and why.

    Parameters
    ----------
    optimizer : optax.GradientTransformation
        Of this package, not wrapped and not in a chain.
    params, grads : trees of arrays, or of their shapes and dtypes
        As for its ``update``; the gradients are like the parameters by default.

    Raises
    ------
    InvalidTypeError
        If the optimizer is another one.

    Examples
    --------
    >>> import jax, momo_jax
    >>> params = jax.numpy.zeros(3, dtype=jax.numpy.bfloat16)
    >>> momo_jax.implementation(momo_jax.momo(), params)
    'generic (dtypes bfloat16)'
    """
    rule = getattr(getattr(optimizer.update, "__self__", None), "rule", None)
    if not isinstance(rule, Rule):
        raise InvalidTypeError("optimizer must be one of momo_jax, as it was made", "E_OPTIMIZER_TYPE")
    leaves, treedef = jax.tree.flatten(params)
    structure: Any = treedef
    given = leaves if grads is None else structure.flatten_up_to(grads)
    why = obstacle(rule, leaves, given)
    return f"generic ({why})" if why else "fused"


def is_traced(params: Sequence[Array]) -> bool:
    """Whether a program is made of this step; without one, XLA would get each sweep as a program."""
    return any(isinstance(param, jax.core.Tracer) for param in params)
