"""
Adaptive momentum: the coefficient that the larger of two linear models asks for.

One model has the slope of the gradient, the other that of the average.  The coefficient is a
ratio of two sums, in a form without cancellation: with a constant learning rate, no weight
decay and no penalty it is ``||grad||^2 / ||grad - grad_avg||^2``.
"""

from __future__ import annotations

from ..arrays import Array, Namespace, cast, sum_of_products
from ..direction import Hyper, Scalars
from ..phases import GroupCoefficients


def begin(scalars: Scalars, *, xp: Namespace) -> Scalars:
    """The weight, always 1, the last learning rate over this one, and whether there was none before."""
    rate, last = scalars["max_learning_rate"], scalars["last_learning_rate"]
    steady = (rate == last) | (rate == 0)
    one = xp.ones_like(rate)
    return {
        "first": scalars["weight"] == 0,
        "weight": one,
        "last_learning_rate": rate,
        "rate_ratio": xp.where(steady, one, last / xp.where(steady, one, rate)),
    }


def measure(
    param: Array,
    grad: Array,
    past: Array,
    inverse: Array,
    damping: Array,
    rate_ratio: Array,
    group: GroupCoefficients,
    fresh: Array,
    *,
    xp: Namespace,
) -> list[Array]:
    """
    Numerator and denominator of the coefficient, of one tensor.

    Parameters
    ----------
    param, grad, past : array, of one shape
        Parameters, gradient and the average before it.
    inverse : array, of that shape or ()
        Inverse of the metric of the step.
    damping : array, of that shape or () [1]
        Weight of the penalty on a change of the direction, in that metric.
    rate_ratio : array, shape () [1]
        Last learning rate over this one.
    group : GroupCoefficients
    fresh : array of bool, shape ()
        A tensor's first gradient has no say.
    xp : namespace

    Returns
    -------
    list of two arrays, shape () [param^2/loss, times the square of the gradient]

    Source
    ------
    spec/optimizers/am_adamw.toml, ``measure_sums``; arXiv 2510.04988.
    """
    gap = rate_ratio if group.decay is None else rate_ratio * (1 + cast(group.decay, grad.dtype, xp=xp))
    change = past - grad
    share = change * inverse / (1 + damping)
    gain = grad * inverse * (grad + (gap - 1) * past) - change * (share * damping)
    if group.weight_decay is not None:
        weight_decay = cast(group.weight_decay, grad.dtype, xp=xp)
        gain = gain + weight_decay * (param * ((gap + 1) * grad - past))
    totals = xp.sum(gain), sum_of_products(change, share, xp=xp)
    numerator, denominator = (cast(total, group.relative_rate.dtype, xp=xp) for total in totals)
    sums = [group.relative_rate * numerator, group.relative_rate * denominator]
    return [xp.where(fresh, xp.zeros_like(part), part) for part in sums]


def choose(sums: list[Array], hyper: Hyper, *, xp: Namespace) -> Array:
    """``numerator / denominator`` within [beta_min, beta_max]; beta_max where both models agree."""
    numerator, denominator = sums
    differ = denominator > 0
    wanted = numerator / xp.where(differ, denominator, xp.ones_like(denominator))
    within = xp.minimum(xp.maximum(wanted, hyper["beta_min"]), hyper["beta_max"])
    return xp.where(differ, within, hyper["beta_max"])


def mixed(beta: Array, first: Array, lambd: Array, *, xp: Namespace) -> Scalars:
    """Shares of the past and of the sample with a scalar penalty; the first sample has no past."""
    return {
        "beta_t": beta,
        "beta_k": xp.where(first, xp.zeros_like(beta), (beta + lambd) / (1 + lambd)),
        "sample_share": xp.where(first, xp.ones_like(beta), (1 - beta) / (1 + lambd)),
    }
