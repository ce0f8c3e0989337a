"""The direction of AM-SGD: an average of the gradients whose coefficient adapts itself."""

from __future__ import annotations

from ..arrays import Array, Namespace, blended, needs_sums
from ..direction import Direction, Hyper, Leaf, Scalars
from ..phases import GroupCoefficients
from . import adaptive


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weight, ratio of the learning rates, and the penalty."""
    return {**adaptive.begin(scalars, xp=xp), "lambd": hyper["lambd"]}


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
    """Sums for the coefficient, in the Euclidean metric."""
    if not needs_sums(xp):
        return leaf, []
    past = xp.where(fresh, grad, leaf["grad_avg"])
    lambd = coefficients["lambd"]
    ratio = coefficients["rate_ratio"]
    one = xp.ones_like(ratio)
    return leaf, adaptive.measure(param, grad, past, one, lambd, ratio, group, fresh, xp=xp)


def choose(scalars: Scalars, sums: list[Array], hyper: Hyper, *, xp: Namespace) -> Scalars:
    """The momentum coefficient, and the shares that it means."""
    beta = adaptive.choose(sums, hyper, xp=xp)
    return adaptive.mixed(beta, scalars["first"], hyper["lambd"], xp=xp)


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg = beta_k * grad_avg + sample_share * grad``; the first gradient starts it."""
    old, new = coefficients["beta_k"], coefficients["sample_share"]
    mixed = blended(old, leaf["grad_avg"], new, grad, xp=xp)
    grad_avg = xp.where(fresh, grad, mixed)
    return {"grad_avg": grad_avg}, grad_avg


DIRECTION = Direction(
    leaf_state=("grad_avg",),
    scalar_state={"weight": 0.0, "last_learning_rate": 0.0},
    begin=begin,
    accumulate=accumulate,
    measure=measure,
    choose=choose,
)
