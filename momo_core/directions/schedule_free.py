"""
A schedule-free direction: a fast sequence moves, its average is the result.

The parameters are an interpolation of both, which is where the gradient is taken.
"""

from __future__ import annotations

from ..arrays import Array, Namespace
from ..direction import Direction, Hyper, Leaf, Scalars


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """Where the gradient is taken."""
    return {"beta_k": hyper["beta"], "weight": xp.ones_like(scalars["weight"])}


def accumulate(
    grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace
) -> tuple[Leaf, Array]:
    """The gradient, and its product with the way from the parameters to the fast sequence."""
    lag = coefficients["beta_k"] * (leaf["fast"] - leaf["average"])
    return {**leaf, "grad_avg": grad, "lead": grad * lag}, grad


def move(leaf: Leaf, direction: Array, rate: Array, scalars: Scalars, *, xp: Namespace) -> tuple[Leaf, Array]:
    """Move the fast sequence, its average and, between them, the parameters."""
    beta, share = scalars["beta_k"], scalars["average_share"]
    fast = leaf["fast"] - rate * direction
    average = (1 - share) * leaf["average"] + share * fast
    return {**leaf, "fast": fast, "average": average}, (1 - beta) * fast + beta * average


DIRECTION = Direction(
    leaf_state=("fast", "average"),
    scalar_state={"weight": 0.0},
    begin=begin,
    accumulate=accumulate,
    watched=("lead",),
    starts_at_param=("fast", "average"),
    move=move,
    state_hyper=("beta",),
)
