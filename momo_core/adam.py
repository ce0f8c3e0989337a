"""The direction of MoMo-Adam and Adam: the averaged gradient in a diagonal metric."""

from __future__ import annotations

from .arrays import Array, Namespace
from .direction import Direction, Hyper, Leaf, Scalars, shares


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Weights of both averages after this step."""
    beta1, beta2 = hyper["beta1"], hyper["beta2"]
    decay = beta2 * scalars["grad_sq_decay"]
    return {
        "beta_k": beta1,
        "weight": beta1 * scalars["weight"] + (1 - beta1),
        "grad_sq_decay": decay,
        "grad_sq_weight": 1 - decay,
        "beta2": beta2,
        "eps": hyper["eps"],
    }


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """``grad_avg / (sqrt(grad_sq_avg / grad_sq_weight) + eps)``, 0 where that is 0/0."""
    old, new = shares(coefficients["beta_k"], coefficients["weight"], fresh, xp=xp)
    old_sq, new_sq = shares(coefficients["beta2"], coefficients["grad_sq_weight"], fresh, xp=xp)
    grad_avg = old * leaf["grad_avg"] + new * grad
    grad_sq_avg = old_sq * leaf["grad_sq_avg"] + new_sq * (grad * grad)
    denominator = xp.sqrt(grad_sq_avg / coefficients["grad_sq_weight"]) + coefficients["eps"]
    still = xp.full_like(denominator, float("inf"))
    direction = grad_avg / xp.where(denominator == 0, still, denominator)
    return {"grad_avg": grad_avg, "grad_sq_avg": grad_sq_avg}, direction


DIRECTION = Direction(
    leaf_state=("grad_avg", "grad_sq_avg"),
    scalar_state={"weight": 0.0, "grad_sq_decay": 1.0},
    begin=begin,
    accumulate=accumulate,
    watched=("grad_sq_avg",),
)
