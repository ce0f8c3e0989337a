"""The direction of FSGDM: a sum of gradients whose momentum coefficient grows in stages."""

from __future__ import annotations

from ..arrays import Namespace
from ..direction import Direction, Hyper, Scalars
from . import momentum


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """``beta_k = t / (t + growth * total_steps)`` at the step t at which the stage began."""
    total, one = hyper["total_steps"], xp.ones_like(scalars["weight"])
    length = xp.maximum(total / hyper["stages"], one)
    passed = xp.where(scalars["stage_step"] >= length, length, xp.zeros_like(length))
    start = scalars["stage_start"] + passed
    beta = start / (start + hyper["growth"] * total)
    return {
        "stage_start": start,
        "stage_step": scalars["stage_step"] - passed + 1,
        "beta_k": beta,
        "sample_share": one,
        "weight": beta * scalars["weight"] + one,
    }


DIRECTION = Direction(
    leaf_state=("grad_avg",),
    scalar_state={"weight": 0.0, "stage_start": 0.0, "stage_step": 0.0},
    begin=begin,
    accumulate=momentum.accumulate,
)
