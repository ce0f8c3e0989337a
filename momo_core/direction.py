"""
The shape of a direction: how gradients are averaged and preconditioned.

A rule is a direction times a step-size model.  A direction keeps averages of the
gradients for each tensor (a *leaf*) and says along which vector the tensor moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .arrays import Array, Namespace

Leaf = dict[str, Array]
"""State of one tensor, by name."""

Scalars = dict[str, Array]
"""Arrays of shape () by name: the scalar state and the coefficients of a step."""

Hyper = Mapping[str, Array | bool]
"""Hyper-parameters by name: numbers as arrays of shape (), flags as bool."""


@dataclass(frozen=True)
class Direction:
    """
    How gradients become a direction.

    Attributes
    ----------
    leaf_state : tuple of str
        Names of the averages of each tensor; they start at zero.  ``grad_avg`` is one.
    scalar_state : mapping of str to float
        Scalar state with its initial values.  ``weight`` is one.
    begin : (scalars, hyper, *, xp) -> scalars
        Coefficients of this step, ``beta_k`` among them, and the new scalar state.
    accumulate : (grad, leaf, coefficients, fresh, *, xp) -> (leaf, direction)
        New averages of a tensor, and its direction.  `fresh` is True, an array of
        shape (), at the first gradient of the tensor.
    watched : tuple of str
        Averages that can overflow without a trace in the direction.
    """

    leaf_state: tuple[str, ...]
    scalar_state: Mapping[str, float]
    begin: Callable[..., Scalars]
    accumulate: Callable[..., tuple[Leaf, Array]]
    watched: tuple[str, ...] = ()


def shares(beta: Array, weight: Array, fresh: Array, *, xp: Namespace) -> tuple[Array, Array]:
    """
    Coefficients of the old average and of the new sample.

    The first gradient of a tensor stands for its whole past: it gets all the weight
    that the average has by now, so that a tensor that comes late starts like the others.

    Parameters
    ----------
    beta, weight : array, shape () [1]
        Weight of the past, and total weight after this step.
    fresh : array of bool, shape ()
    xp : namespace

    Returns
    -------
    tuple of two arrays, shape () [1]
    """
    return xp.where(fresh, xp.zeros_like(beta), beta), xp.where(fresh, weight, 1 - beta)
