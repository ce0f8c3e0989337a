"""The direction of AdaGrad: the averaged gradient over the root of the sum of the squared ones."""

from __future__ import annotations

from ..arrays import Array, Namespace, divided
from ..direction import Direction, Hyper, Leaf, Scalars, average, weights


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weights of the averages after this step."""
    return {**weights(hyper["beta"], scalars), "eps": hyper["eps"]}


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg / (sqrt(grad_sq_sum) + eps)``, 0 where that is 0/0."""
    grad_avg = average(grad, leaf, coefficients, fresh, xp=xp)
    grad_sq_sum = leaf["grad_sq_sum"] + grad * grad
    denominator = xp.sqrt(grad_sq_sum) + coefficients["eps"]
    return {"grad_avg": grad_avg, "grad_sq_sum": grad_sq_sum}, divided(grad_avg, denominator, xp=xp)


DIRECTION = Direction(
    leaf_state=("grad_avg", "grad_sq_sum"),
    scalar_state={"weight": 0.0},
    begin=begin,
    accumulate=accumulate,
    watched=("grad_sq_sum",),
)
