"""The direction of AMSGrad: the averaged gradient in a diagonal metric that never shrinks."""

from __future__ import annotations

from ..arrays import Array, Namespace, divided
from ..direction import Direction, Leaf, Scalars, average, square_average
from . import adam


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg / (sqrt(grad_sq_max) + eps)``, 0 where that is 0/0."""
    grad_avg = average(grad, leaf, coefficients, fresh, xp=xp)
    grad_sq_avg = square_average(grad, leaf, coefficients, fresh, xp=xp)
    largest = xp.maximum(leaf["grad_sq_max"], grad_sq_avg / coefficients["grad_sq_weight"])
    averages = {"grad_avg": grad_avg, "grad_sq_avg": grad_sq_avg, "grad_sq_max": largest}
    return averages, divided(grad_avg, xp.sqrt(largest) + coefficients["eps"], xp=xp)


DIRECTION = Direction(
    leaf_state=("grad_avg", "grad_sq_avg", "grad_sq_max"),
    scalar_state={"weight": 0.0, "grad_sq_decay": 1.0},
    begin=adam.begin,
    accumulate=accumulate,
    watched=("grad_sq_max",),
)
