"""
The step-size models: from the sums over all tensors to one step size.

``fixed`` takes the learning rate, as a plain optimizer does.  ``cut`` takes the Polyak
step of the averaged model of the loss, cut at a lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .arrays import Array, Namespace
from .direction import Hyper, Scalars


@dataclass(frozen=True)
class Model:
    """
    How sums become a step size.

    Attributes
    ----------
    needs_loss : bool
    scalar_state : mapping of str to (float or str)
        Scalar state with its initial values; a str names a hyper-parameter.
    solve : (scalars, sums, hyper, *, xp) -> scalars
        ``step_size`` and ``truncation`` of this step, and new scalar state.
    """

    needs_loss: bool
    scalar_state: Mapping[str, float | str]
    solve: Callable[..., Scalars]


def solve_fixed(scalars: Scalars, sums: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """``step_size = max_learning_rate / weight``."""
    cap = scalars["max_learning_rate"] / scalars["weight"]
    return {"step_size": cap, "truncation": xp.ones_like(cap)}


def solve_heavy_ball(scalars: Scalars, sums: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """``step_size = max_learning_rate``."""
    rate = scalars["max_learning_rate"]
    return {"step_size": rate, "truncation": xp.ones_like(rate)}


def solve_cut(scalars: Scalars, sums: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """
    Truncated Polyak step of the averaged model, and the next estimate of the lower bound.

    Parameters
    ----------
    scalars : dict of arrays, shape ()
        ``loss``, ``beta_k``, ``sample_share``, ``weight``, ``max_learning_rate`` and the state
        ``predicted_loss`` and ``lower_bound_estimate``.
    sums : dict of arrays, shape ()
        ``norm_sq`` [loss^2/param^2 in the metric], ``descent_rate`` (the same after weight
        decay) and ``decay_drop`` [loss], what the decay alone takes off the model.
    hyper : mapping
        ``lower_bound``, ``adapt_lower_bound``, ``reset_margin``.
    xp : namespace

    Returns
    -------
    dict of arrays, shape ()
        ``model_value`` [loss], ``step_size`` [param^2/loss], ``truncation`` [1] and
        ``lower_bound_estimate`` [loss].

    Source
    ------
    spec/models/cut.toml, ``solve``; arXiv 2305.07583, eq. (15)-(16).
    """
    weight, rate = scalars["weight"], scalars["max_learning_rate"]
    past = scalars["beta_k"] * scalars["predicted_loss"]
    value = scalars["sample_share"] * scalars["loss"] + past
    decayed = value - sums["decay_drop"]
    adapts = hyper["adapt_lower_bound"]
    old_bound = scalars["lower_bound_estimate"] if adapts else hyper["lower_bound"]
    bound = _reset_bound(decayed, weight, old_bound, hyper, xp=xp) if adapts else old_bound
    cap = rate / weight
    step_size = _polyak_step(decayed - weight * bound, sums["descent_rate"], cap, xp=xp)
    estimate = bound
    if adapts:
        estimate = xp.maximum((value - step_size * sums["norm_sq"] / 2) / weight, hyper["lower_bound"])
    return {
        "model_value": value,
        "step_size": step_size,
        "truncation": ratio(step_size, cap, xp=xp),
        "lower_bound_estimate": xp.where(rate > 0, estimate, old_bound),
    }


def _reset_bound(decayed: Array, weight: Array, bound: Array, hyper: Hyper, *, xp: Namespace) -> Array:
    """Half-way between `lower_bound` and the model, where the model has fallen to the estimate."""
    first = hyper["lower_bound"]
    fallen = decayed - weight * bound < hyper["reset_margin"] * (decayed - weight * first)
    half_way = first + xp.maximum(decayed / weight - first, xp.zeros_like(first)) / 2
    return xp.where(fallen, half_way, bound)


def _polyak_step(gap: Array, descent_rate: Array, cap: Array, *, xp: Namespace) -> Array:
    """``min(cap, max(gap, 0) / descent_rate)``, and 0 where the averaged gradient is exactly 0."""
    moves = descent_rate > 0
    divisor = xp.where(moves, descent_rate, xp.ones_like(descent_rate))
    polyak = xp.maximum(gap, xp.zeros_like(gap)) / divisor
    return xp.where(moves, xp.minimum(cap, polyak), xp.zeros_like(cap))


def ratio(step_size: Array, cap: Array, *, xp: Namespace) -> Array:
    """``step_size / cap``, 1 where the step is at its cap, be that 0 or infinite."""
    full = step_size == cap
    one = xp.ones_like(cap)
    return xp.where(full, one, step_size / xp.where(full, one, cap))


def solve_schedule_free(scalars: Scalars, sums: Scalars, hyper: Hyper, *, xp: Namespace) -> Scalars:
    """
    Polyak step of the fast sequence, and its weight in the average.

    ``sums["lead"]`` takes the loss from the parameters to the fast sequence.  Source:
    spec/models/schedule_free.toml, ``solve``.
    """
    rate, bound = scalars["max_learning_rate"], hyper["lower_bound"]
    gap = scalars["loss"] + sums["lead"] - bound
    step_size = _polyak_step(gap, sums["descent_rate"], rate, xp=xp)
    total = scalars["step_total"] + step_size
    return {
        "step_size": step_size,
        "truncation": ratio(step_size, rate, xp=xp),
        "step_total": total,
        "average_share": ratio(step_size, total, xp=xp),
    }


FIXED = Model(needs_loss=False, scalar_state={}, solve=solve_fixed)
HEAVY_BALL = Model(needs_loss=False, scalar_state={}, solve=solve_heavy_ball)
SCHEDULE_FREE = Model(needs_loss=True, scalar_state={"step_total": 0.0}, solve=solve_schedule_free)
CUT = Model(
    needs_loss=True,
    scalar_state={"predicted_loss": 0.0, "lower_bound_estimate": "lower_bound"},
    solve=solve_cut,
)
