"""Which way a step went, and how far it was from another one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .arithmetic import Value
from .load import OptimizerSpec

BRANCHES = ("zero", "free", "cap", "reset", "skip")
"""What a step can do; ``idle`` is a step in which no tensor has a gradient."""

SIDES = ("least", "between", "most", "equal")
"""Where an adaptive momentum is: at an end, free, or without a ratio as d = g."""


def possible_branches(spec: OptimizerSpec) -> tuple[str, ...]:
    """What a step of the optimizer can do."""
    if not spec.needs_loss:
        return ("zero", "cap", "skip")
    return tuple(name for name in BRANCHES if name != "reset" or "adapt_lower_bound" in spec.hyper)


def branch(scope: Mapping[str, Value], *, skipped: bool) -> str:
    """Name what a step did, from its scalars."""
    if skipped:
        return "skip"
    if not scope:
        return "idle"
    if scope.get("adapts") and scope.get("reset"):
        return "reset"
    if scope["step_size"] == 0:
        return "zero"
    return "cap" if scope["step_size"] == scope.get("cap", scope["step_size"]) else "free"


def sides(leaves: Sequence[Mapping[str, Value]]) -> tuple[str, ...]:
    """One of `SIDES` for each tensor, ``first`` for its first gradient; empty without adaptive momentum."""
    return tuple(_side(leaf) for leaf in leaves if "beta_t" in leaf)


def _side(leaf: Mapping[str, Value]) -> str:
    if leaf["fresh"]:
        return "first"
    if leaf["denominator"] == 0:
        return "equal"
    if leaf["beta_t"] == leaf["beta_max"]:
        return "most"
    return "least" if leaf["beta_t"] == leaf["beta_min"] else "between"


def margin(scope: Mapping[str, Value], leaves: Sequence[Mapping[str, Value]], *, skipped: bool) -> float:
    """Relative distance from the nearest discontinuity; inf without one."""
    if skipped or not scope:
        return math.inf
    return min(_reset_margin(scope), _momentum_margin(scope, leaves))


def _reset_margin(scope: Mapping[str, Value]) -> float:
    """Distance of the two sides of the reset condition over the sum of their magnitudes."""
    if not scope.get("adapts"):
        return math.inf
    value, bound = scope["decayed_value"], scope["weight"] * scope["old_bound"]
    kept = scope["reset_margin"] * (value - scope["weight"] * scope["lower_bound"])
    size = abs(value) + abs(bound)
    return float(abs(value - bound - kept) / size) if size else math.inf


def _momentum_margin(scope: Mapping[str, Value], leaves: Sequence[Mapping[str, Value]]) -> float:
    """
    How far the ratio is from 0/0, where it jumps.

    A denominator near 0 is harmless where the numerator is well above it: the coefficient
    is `beta_max` on both sides.
    """
    old = [leaf for leaf in leaves if "beta_t" in leaf and not leaf["fresh"]]
    sizes = [_size(leaf) for leaf in old]
    if scope.get("beta_scope") != "tensor":
        sizes = [sum(sizes)] * len(sizes)
    margins = [
        float(max(leaf["denominator"], leaf["numerator"] - leaf["beta_max"] * leaf["denominator"]) / size)
        for leaf, size in zip(old, sizes, strict=True)
        if size
    ]
    return min(margins, default=math.inf)


def _size(leaf: Mapping[str, Value]) -> Value:
    """Sum of the squares of the gradient and the average in the metric, and of what the decay adds."""
    grad, past = leaf["grad"], leaf["change"] + leaf["grad"]
    squares = np.sum((grad * grad + past * past) * leaf.get("inverse", 1))
    pull = leaf["penalty"] * np.sum(abs((abs(grad) + abs(past)) * leaf["param"]))
    return leaf["relative_rate"] * (squares + pull)


def is_tie(scope: Mapping[str, Value], *, skipped: bool) -> bool:
    """Whether ``gap`` or ``gap / descent_rate - cap`` is exactly zero although the slope is not."""
    if skipped or not scope.get("descent_rate"):
        return False
    return bool(scope["gap"] == 0 or scope["gap"] == scope["cap"] * scope["descent_rate"])
