"""The direction of AM-AdamW: the penalty on a change of the direction is in the metric, too."""

from __future__ import annotations

from ..arrays import Array, Namespace, divided, needs_sums, root_of_ratio
from ..direction import Direction, Hyper, Leaf, Scalars, inverted, square_average, square_weights
from ..phases import GroupCoefficients
from . import adaptive


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weights, ratio of the learning rates, and the penalty: with `metric_penalty` a number."""
    return {
        **adaptive.begin(scalars, xp=xp),
        **square_weights(scalars, hyper),
        "beta_max": hyper["beta_max"],
        "lambd": hyper["lambd"],
        "metric_penalty": xp.full_like(scalars["weight"], float(hyper["metric_penalty"])),
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
    """The metric, corrected for the weight of the average, and in it the sums."""
    grad_sq_avg = square_average(grad, leaf, coefficients, fresh, xp=xp)
    root = root_of_ratio(grad_sq_avg, coefficients["grad_sq_weight"], coefficients["eps"], xp=xp)
    metric = (1 - coefficients["beta_max"] * leaf["beta_product"]) * root
    lambd, ratio = coefficients["lambd"], coefficients["rate_ratio"]
    damping = xp.where(coefficients["metric_penalty"] == 1, lambd, lambd * metric)
    past = leaf["grad_avg"]
    leaf = {**leaf, "grad_sq_avg": grad_sq_avg, "metric": metric, "damping": damping}
    if not needs_sums(xp):
        return leaf, []
    inverse = inverted(metric, xp=xp)
    return leaf, adaptive.measure(param, grad, past, inverse, damping, ratio, group, fresh, xp=xp)


def choose(scalars: Scalars, sums: list[Array], hyper: Hyper, *, xp: Namespace) -> Scalars:
    """The momentum coefficient."""
    return {"beta_t": adaptive.choose(sums, hyper, xp=xp)}


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``((1 - beta) * grad + (damping + beta) * grad_avg) / (1 + damping)``, over the metric."""
    beta = xp.where(fresh, coefficients["beta_max"], coefficients["beta_t"])
    damping = leaf["damping"]
    grad_avg = ((1 - beta) * grad + (damping + beta) * leaf["grad_avg"]) / (1 + damping)
    state = {
        "grad_avg": grad_avg,
        "grad_sq_avg": leaf["grad_sq_avg"],
        "beta_product": leaf["beta_product"] * beta,
    }
    return state, divided(grad_avg, leaf["metric"], xp=xp)


DIRECTION = Direction(
    leaf_state=("grad_avg", "grad_sq_avg"),
    scalar_state={"weight": 0.0, "grad_sq_decay": 1.0, "last_learning_rate": 0.0},
    tensor_state={"beta_product": 1.0},
    begin=begin,
    accumulate=accumulate,
    watched=("grad_sq_avg",),
    measure=measure,
    choose=choose,
)
