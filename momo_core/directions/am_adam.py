"""Adam's direction with a first average whose coefficient adapts itself in Adam's metric."""

from __future__ import annotations

from ..arrays import Array, Namespace, divided, needs_sums, root_of_ratio
from ..direction import Direction, Hyper, Leaf, Scalars, inverted, square_average, square_weights
from ..phases import GroupCoefficients
from . import adaptive, am_sgd


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weights, ratio of the learning rates, and the penalty."""
    return {**am_sgd.begin(scalars, hyper, xp=xp), **square_weights(scalars, hyper)}


def measure(
    param: Array,
    grad: Array,
    leaf: Leaf,
    coefficients: Scalars,
    group: GroupCoefficients,
    fresh: Array,
    *,
    xp: Namespace,
) -> tuple[Leaf, list[Array]]:
    """The metric, and in it the sums for the coefficient."""
    grad_sq_avg = square_average(grad, leaf, coefficients, fresh, xp=xp)
    metric = root_of_ratio(grad_sq_avg, coefficients["grad_sq_weight"], coefficients["eps"], xp=xp)
    averages = {**leaf, "grad_sq_avg": grad_sq_avg, "metric": metric}
    if not needs_sums(xp):
        return averages, []
    inverse = inverted(metric, xp=xp)
    past = xp.where(fresh, grad, leaf["grad_avg"])
    lambd, ratio = coefficients["lambd"], coefficients["rate_ratio"]
    return averages, adaptive.measure(param, grad, past, inverse, lambd, ratio, group, fresh, xp=xp)


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg / (sqrt(grad_sq_avg / grad_sq_weight) + eps)`` with the new average."""
    averages, grad_avg = am_sgd.accumulate(grad, leaf, coefficients, fresh, xp=xp)
    averages["grad_sq_avg"] = leaf["grad_sq_avg"]
    return averages, divided(grad_avg, leaf["metric"], xp=xp)


DIRECTION = Direction(
    leaf_state=("grad_avg", "grad_sq_avg"),
    scalar_state={"weight": 0.0, "grad_sq_decay": 1.0, "last_learning_rate": 0.0},
    begin=begin,
    accumulate=accumulate,
    watched=("grad_sq_avg",),
    measure=measure,
    choose=am_sgd.choose,
)
