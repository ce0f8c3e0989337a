"""The direction of FSGDM: a sum of gradients whose momentum coefficient grows in stages."""

from __future__ import annotations

from ..arrays import Namespace
from ..direction import Direction, Hyper, Scalars
from . import momentum


def begin(scalars: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """
    ``beta_k = stage / (stage + growth * stages)``, where `stage` counts the stages that are over.

    `progress` counts in whole numbers, which are exact in every format: a stage is over at
    `total_steps`, and no rounding error can say otherwise.
    """
    total, one = hyper["total_steps"], xp.ones_like(scalars["weight"])
    stages = xp.minimum(hyper["stages"], total)
    begins = scalars["progress"] >= total - 0.5
    stage = xp.where(begins, scalars["stage"] + 1, scalars["stage"])
    progress = xp.where(begins, scalars["progress"] - total, scalars["progress"])
    beta = stage / (stage + hyper["growth"] * stages)
    return {
        "stage": stage,
        "progress": progress + stages,
        "beta_k": beta,
        "sample_share": one,
        "weight": beta * scalars["weight"] + one,
    }


DIRECTION = Direction(
    leaf_state=("grad_avg",),
    scalar_state={"weight": 0.0, "stage": 0.0, "progress": 0.0},
    begin=begin,
    accumulate=momentum.accumulate,
    state_hyper=("total_steps", "stages"),
)
