"""
The momentum coefficient of AM as it is published: a ratio with the gap of two planes.

Both planes are linear models of the loss at the current point, one with the slope of the
gradient g, one with that of the average d.  What the second lies above the first is the
*gap*, here from the last move: ``<g, last point - point> = last_rate <g, P^-1 d + mu x>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Real = Any


@dataclass
class Planes:
    """
    What one tensor knows of the two planes.

    Attributes
    ----------
    g, d, x, p : list of numbers
        Gradient, average before it, position and diagonal of the metric P.
    rate, decay, share : number
        Learning rate, weight decay mu, and the rate over the largest.
    seen : bool
        Whether there is an average at all.
    """

    g: list[Real]
    d: list[Real]
    x: list[Real]
    p: list[Real]
    rate: Real
    decay: Real
    share: Real
    seen: bool


def published_beta(
    tensors: Sequence[Planes], kappa: Real, hyper: Mapping[str, Any], scalar_penalty: bool
) -> Real:
    """
    ``clip(N / Den, beta_min, beta_max)``, beta_max where Den is 0.

    With M = P^-1 (I + lambda P)^-1, eta the learning rate of the step, kappa the last over this one:

        N = (1 + mu eta) gap / eta - <d - g, M (g + lambda P d)> - mu <x, d - g>
        Den = ||d - g||^2 in M

    each a sum over the tensors.

    Parameters
    ----------
    tensors : sequence of Planes
    kappa : number
        Last learning rate over this one.
    hyper : mapping
        ``beta_min``, ``beta_max``, ``lambd``.
    scalar_penalty : bool
        lambda I in the place of lambda P.
    """
    numerator: Real = 0
    denominator: Real = 0
    for t in tensors:
        if not t.seen:
            continue
        c = 0 if t.decay == 0 else t.decay * t.rate
        over, below = _ratio_parts(t, kappa, c, hyper["lambd"], scalar_penalty)
        numerator, denominator = numerator + t.share * over, denominator + t.share * below
    if denominator == 0:
        return hyper["beta_max"]
    return min(max(numerator / denominator, hyper["beta_min"]), hyper["beta_max"])


def _ratio_parts(t: Planes, kappa: Real, c: Real, lambd: Real, scalar_penalty: bool) -> tuple[Real, Real]:
    """A tensor's part of N and Den."""
    gap_over_rate: Real = 0
    inner: Real = 0
    below: Real = 0
    for g, d, x, p in zip(t.g, t.d, t.x, t.p, strict=True):
        pull = t.decay * x if t.decay else 0
        inverse = 1 / p if p else 0
        penalty = lambd if scalar_penalty else lambd * p
        metric = inverse / (1 + penalty)
        gap_over_rate += kappa * g * (inverse * d + pull)
        inner += (d - g) * (metric * (g + penalty * d) + pull)
        below += (d - g) * (d - g) * metric
    return (1 + c) * gap_over_rate - inner, below
