"""Adam's direction with a first average whose coefficient adapts itself in Adam's metric."""

from __future__ import annotations

from ..arrays import Array, Namespace
from ..direction import Direction, Hyper, Leaf, Scalars, divided, inverted, square_average, square_weights
from ..phases import GroupCoefficients
from . import adaptive


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weights, ratio of the learning rates, and the penalty."""
    return {
        **adaptive.begin(scalars, xp=xp),
        **square_weights(scalars, hyper),
        "lambd": hyper["lambd"],
    }


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
    metric = xp.sqrt(grad_sq_avg / coefficients["grad_sq_weight"]) + coefficients["eps"]
    inverse = inverted(metric, xp=xp)
    past = xp.where(fresh, grad, leaf["grad_avg"])
    lambd, ratio = coefficients["lambd"], coefficients["rate_ratio"]
    sums = adaptive.measure(param, grad, past, inverse, lambd, ratio, group, fresh, xp=xp)
    return {**leaf, "grad_sq_avg": grad_sq_avg, "metric": metric}, sums


def choose(scalars: Scalars, sums: list[Array], hyper: Hyper, *, xp: Namespace) -> Scalars:
    """The momentum coefficient, and the shares that it means."""
    beta = adaptive.choose(sums, hyper, xp=xp)
    return adaptive.mixed(beta, scalars["first"], hyper["lambd"], xp=xp)


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg / (sqrt(grad_sq_avg / grad_sq_weight) + eps)`` with the new average."""
    mixed = coefficients["beta_k"] * leaf["grad_avg"] + coefficients["sample_share"] * grad
    grad_avg = xp.where(fresh, grad, mixed)
    averages = {"grad_avg": grad_avg, "grad_sq_avg": leaf["grad_sq_avg"]}
    return averages, divided(grad_avg, leaf["metric"], xp=xp)


DIRECTION = Direction(
    leaf_state=("grad_avg", "grad_sq_avg"),
    scalar_state={"weight": 0.0, "grad_sq_decay": 1.0, "last_learning_rate": 0.0},
    begin=begin,
    accumulate=accumulate,
    watched=("grad_sq_avg",),
    measure=measure,
    choose=choose,
)
