"""
The phases of a step: accumulate on each tensor, solve for the scalars, apply to each tensor.

`Rule.step` strings them together; an adapter that fuses or shards them calls the same
functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .arrays import (
    Array,
    Namespace,
    as_scalar,
    cast,
    difference,
    leaf_dtype,
    moved,
    needs_sums,
    sum_of_products,
)
from .direction import Direction, Hyper, Leaf, Scalars
from .model import ratio

SUMS = ("norm_sq", "descent_rate", "decay_drop")
"""Sums that every step has; the watched averages of the direction follow them."""


@dataclass(frozen=True)
class GroupCoefficients:
    """
    What the learning rate and the weight decay of a parameter group mean for a step.

    Attributes
    ----------
    relative_rate : array, shape () [1]
        Learning rate over the largest of all groups.
    weight_decay : array, shape () [1/learning_rate]
        None where it is the number 0.
    decay : array, shape () [1]
        ``learning_rate * weight_decay``; None where the weight decay is the number 0.
    step_scale, shrink : array, shape () [1]
        ``new_param = (1 - shrink) * param - step_scale * relative_rate * step_size * direction``.
    model_scale : array, shape () [1]
        `step_scale` in the model.
    """

    relative_rate: Array
    weight_decay: Array | None
    decay: Array | None
    step_scale: Array
    shrink: Array
    model_scale: Array


@dataclass(frozen=True)
class Accumulated:
    """A tensor half-way through a step: new averages, direction, sums."""

    leaf: Leaf
    direction: Array
    sums: Sequence[Array]


def group_coefficients(
    learning_rate: Array, largest: Array, weight_decay: Any, hyper: Hyper, *, xp: Namespace
) -> GroupCoefficients:
    """
    Coefficients of one parameter group.

    Parameters
    ----------
    learning_rate, largest : array, shape () [param^2/loss]
        Of the group, and the largest of all groups.
    weight_decay : number or array, shape () [1/learning_rate]
        The number 0 saves the inner product with the parameters.
    hyper : mapping
        ``proximal_decay`` and, where the rule has it, ``authors_numerator``.
    xp : namespace

    Source
    ------
    spec/frame.toml and spec/models/cut.toml, ``leaf``.
    """
    relative = ratio(learning_rate, largest, xp=xp)
    one, zero = xp.ones_like(relative), xp.zeros_like(relative)
    if isinstance(weight_decay, int | float) and weight_decay == 0:
        return GroupCoefficients(relative, None, None, one, zero, one)
    weight_decay = as_scalar(weight_decay, relative, xp=xp)
    finite_rate = xp.where(weight_decay == 0, zero, learning_rate)
    decay = finite_rate * weight_decay
    divided = 1 / (1 + decay)
    step_scale = divided if hyper["proximal_decay"] else one
    model_scale = divided if hyper.get("authors_numerator") else step_scale
    return GroupCoefficients(relative, weight_decay, decay, step_scale, decay * step_scale, model_scale)


def measure(
    direction: Direction,
    param: Array,
    grad: Array,
    leaf: Leaf,
    coefficients: Scalars,
    group: GroupCoefficients,
    fresh: Array,
    *,
    xp: Namespace,
) -> tuple[Leaf, list[Array]]:
    """A tensor's part of the sums from which the direction chooses, and its leaf with the way there."""
    dtype = leaf_dtype(param, xp=xp)
    local = {name: cast(value, dtype, xp=xp) for name, value in coefficients.items()}
    param, grad = cast(param, dtype, xp=xp), cast(grad, dtype, xp=xp)
    if direction.measure is None:
        return leaf, []
    return direction.measure(param, grad, leaf, local, group, fresh, xp=xp)


def accumulate(
    direction: Direction,
    param: Array,
    grad: Array,
    leaf: Leaf,
    coefficients: Scalars,
    group: GroupCoefficients,
    fresh: Array,
    *,
    slope: bool,
    xp: Namespace,
) -> Accumulated:
    """
    New averages and direction of a tensor, and its part of the sums (`SUMS`, then watched).

    Without `slope` the inner product with the parameters is left out; a namespace may need no sums.
    """
    dtype = leaf_dtype(param, xp=xp)
    local = {name: cast(value, dtype, xp=xp) for name, value in coefficients.items()}
    leaf, vector = direction.accumulate(cast(grad, dtype, xp=xp), leaf, local, fresh, xp=xp)
    if not needs_sums(xp):
        return Accumulated(leaf, vector, [])
    target = group.relative_rate.dtype
    norm_sq = group.relative_rate * cast(sum_of_products(leaf["grad_avg"], vector, xp=xp), target, xp=xp)
    drop = xp.zeros_like(norm_sq)
    if slope and group.decay is not None:
        along = sum_of_products(leaf["grad_avg"], cast(param, dtype, xp=xp), xp=xp)
        drop = group.decay * group.model_scale * cast(along, target, xp=xp)
    watched = [cast(xp.sum(leaf[name]), target, xp=xp) for name in direction.watched]
    return Accumulated(leaf, vector, [norm_sq, group.model_scale * norm_sq, drop, *watched])


def apply(
    direction: Direction,
    param: Array,
    work: Accumulated,
    scalars: Scalars,
    group: GroupCoefficients,
    *,
    xp: Namespace,
) -> tuple[Leaf, Array]:
    """
    ``(1 - shrink) * param - step_scale * relative_rate * step_size * direction``.

    Returns the state of the tensor and the new parameters, of the dtype of the direction.
    Source: spec/frame.toml, ``apply``.
    """
    dtype = work.direction.dtype
    rate = cast(group.step_scale * group.relative_rate * scalars["step_size"], dtype, xp=xp)
    if direction.move is not None:
        local = {name: cast(scalars[name], dtype, xp=xp) for name in ("beta_k", "average_share")}
        return direction.move(work.leaf, work.direction, rate, local, xp=xp)
    param = cast(param, dtype, xp=xp)
    if group.decay is not None:
        param = cast(1 - group.shrink, dtype, xp=xp) * param
    return work.leaf, moved(param, rate, work.direction, xp=xp)


def model_change(old: Array, stored: Array, grad_avg: Array, target: Any, *, xp: Namespace) -> Array:
    """
    What the averaged model loses or gains by the move that was really stored.

    The displacement is taken after rounding to the dtype of the parameters, so that
    the error of `predicted_loss` stays relative to the move and not to the parameters.
    """
    dtype = grad_avg.dtype
    displacement = difference(cast(stored, dtype, xp=xp), cast(old, dtype, xp=xp), xp=xp)
    return cast(sum_of_products(grad_avg, displacement, xp=xp), target, xp=xp)


def choose(
    finite: Array, new: Mapping[str, Array], old: Mapping[str, Array], *, xp: Namespace
) -> dict[str, Array]:
    """`new` where the step is finite, else `old`."""
    return {name: xp.where(finite, new[name], old[name]) for name in old}
