"""The direction of MoMo-Adam and Adam: the averaged gradient in a diagonal metric."""

from __future__ import annotations

from ..arrays import Array, Namespace, over_root
from ..direction import (
    Direction,
    Hyper,
    Leaf,
    Scalars,
    average,
    square_average,
    square_weights,
    weights,
)


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weights of the averages after this step."""
    return {**weights(hyper["beta1"], scalars), **square_weights(scalars, hyper)}


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg / (sqrt(grad_sq_avg / grad_sq_weight) + eps)``, 0 where that is 0/0."""
    grad_avg = average(grad, leaf, coefficients, fresh, xp=xp)
    grad_sq_avg = square_average(grad, leaf, coefficients, fresh, xp=xp)
    direction = over_root(grad_avg, grad_sq_avg, coefficients["grad_sq_weight"], coefficients["eps"], xp=xp)
    return {"grad_avg": grad_avg, "grad_sq_avg": grad_sq_avg}, direction


DIRECTION = Direction(
    leaf_state=("grad_avg", "grad_sq_avg"),
    scalar_state={"weight": 0.0, "grad_sq_decay": 1.0},
    begin=begin,
    accumulate=accumulate,
    watched=("grad_sq_avg",),
)
