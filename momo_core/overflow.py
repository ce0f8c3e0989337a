"""Whether a step can be written at once, because nothing that it still computes can overflow."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

from .direction import Scalars
from .phases import GroupCoefficients

Number = Callable[[Any], Any]
Largest = Callable[[Iterable[Any]], Any]

MARGIN = 16
"""Room for the rounding of the norms and of the bounds."""


@dataclass(frozen=True)
class Growth:
    """
    How sizes grow in the move of any group.

    Attributes
    ----------
    keep : float [1]
        Largest share of the parameters that stays.
    rate : float [1]
        Largest multiple of the step size along the direction.
    """

    keep: float
    rate: float


def growth_of(groups: Iterable[GroupCoefficients], number: Number = float, largest: Largest = max) -> Growth:
    """
    The growth of some groups, not none.

    Parameters
    ----------
    groups : iterable of GroupCoefficients
    number : callable
        Makes a number of an array of shape ().
    largest : callable
        The largest of several of these.
    """
    factors = [
        (abs(1 - number(group.shrink)), abs(number(group.step_scale) * number(group.relative_rate)))
        for group in groups
    ]
    keeps, rates = zip(*factors, strict=True)
    return Growth(largest(keeps), largest(rates))


def stays_finite(
    growth: Growth,
    scalars: Scalars,
    param: float,
    grad_avg: float,
    direction: float,
    *,
    largest_stored: float,
    largest: float,
    number: Number = float,
) -> Any:
    """
    Whether the new parameters, the change of the model and the predicted loss are finite for sure.

    Parameters
    ----------
    growth : Growth
    scalars : mapping
        ``step_size`` and, where there is a model, ``model_value``.
    param, grad_avg, direction : float
        Norms over all tensors, of absolute values or Euclidean: no element and no sum of
        products exceeds them and their products.
    largest_stored, largest : float
        Largest numbers of the dtypes in which parameters are stored, and in which is computed.
    number : callable
        As for `growth_of`.

    Returns
    -------
    bool
        Or what comparisons of such numbers return.
    """
    rate = growth.rate * abs(number(scalars["step_size"]))
    reach = growth.keep * param + rate * direction
    value = abs(number(scalars.get("model_value", 0.0)))
    change = grad_avg * (reach + param)
    # The rate itself: tiny elements of the direction may be missing in a norm whose squares are 0.
    stored, computed = (rate, reach), (grad_avg * direction, change, value)
    # No comparison holds for NaN.
    below = [bound < largest_stored / MARGIN for bound in stored]
    below += [bound < largest / MARGIN for bound in computed]
    return reduce(operator.and_, below)
