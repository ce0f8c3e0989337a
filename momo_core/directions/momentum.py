"""The direction of MoMo and SGD-M: the average of the gradients itself."""

from __future__ import annotations

from ..arrays import Array, Namespace
from ..direction import Direction, Hyper, Leaf, Scalars, average, weights


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weight of the past in this step: none in the first one, unless the bias is corrected."""
    beta, weight = hyper["beta"], scalars["weight"]
    if not hyper["bias_correction"]:
        beta = xp.where(weight == 0, xp.zeros_like(weight), beta)
    return weights(beta, scalars)


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg = beta * grad_avg + (1 - beta) * grad``, which is also the direction."""
    grad_avg = average(grad, leaf, coefficients, fresh, xp=xp)
    return {"grad_avg": grad_avg}, grad_avg


DIRECTION = Direction(
    leaf_state=("grad_avg",),
    scalar_state={"weight": 0.0},
    begin=begin,
    accumulate=accumulate,
)
