"""
The shape of a direction: how gradients are averaged and preconditioned.

A rule is a direction times a step-size model.  A direction keeps averages of the
gradients for each tensor (a *leaf*) and says along which vector the tensor moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .arrays import Array, Namespace, blended, divided, square_blended

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
        Coefficients of this step and the new scalar state.  ``beta_k``, the weight of the
        past, and ``sample_share``, that of the sample, come from here or from `choose`.
    accumulate : (grad, leaf, coefficients, fresh, *, xp) -> (leaf, direction)
        New averages of a tensor, and its direction.  `fresh` is True, an array of
        shape (), at the first gradient of the tensor.
    watched : tuple of str
        Averages that can overflow without a trace in the direction.
    tensor_state : mapping of str to float
        State of shape () of each tensor, with its initial values.
    measure : (param, grad, leaf, coefficients, group, fresh, *, xp) -> (leaf, sums), optional
        Sums from which `choose` chooses, and the leaf with what it has computed on the way.
    choose : (scalars, sums, hyper, *, xp) -> scalars, optional
        Coefficients that depend on sums over the tensors, such as an adaptive momentum.
    init_leaf : (param, *, xp) -> leaf, optional
        Those of `leaf_state` that do not start as zeros of the shape of the tensor, with
        their first values; `param` has the dtype of the averages.
    starts_at_param : tuple of str
        Those of `leaf_state` that start at the parameters and not at zero.
    move : (leaf, direction, rate, scalars, *, xp) -> (leaf, param), optional
        New parameters, where they are not ``param - rate * direction``.
    state_hyper : tuple of str
        Hyper-parameters without whose values the state has no meaning.
    """

    leaf_state: tuple[str, ...]
    scalar_state: Mapping[str, float]
    begin: Callable[..., Scalars]
    accumulate: Callable[..., tuple[Leaf, Array]]
    watched: tuple[str, ...] = ()
    tensor_state: Mapping[str, float] = field(default_factory=dict)
    measure: Callable[..., tuple[Leaf, list[Array]]] | None = None
    choose: Callable[..., Scalars] | None = None
    init_leaf: Callable[..., Leaf] | None = None
    starts_at_param: tuple[str, ...] = ()
    move: Callable[..., tuple[Leaf, Array]] | None = None
    state_hyper: tuple[str, ...] = ()

    @property
    def leaf_names(self) -> tuple[str, ...]:
        """Names of all that is kept for each tensor."""
        return (*self.leaf_state, *self.tensor_state)


def shares(beta: Array, share: Array, weight: Array, fresh: Array, *, xp: Namespace) -> tuple[Array, Array]:
    """
    Coefficients of the old average and of the new sample.

    The first gradient of a tensor stands for its whole past: it gets all the weight
    that the average has by now, so that a tensor that comes late starts like the others.

    Parameters
    ----------
    beta, share, weight : array, shape () [1]
        Weight of the past and of the sample, and total weight after this step.
    fresh : array of bool, shape (), or False
    xp : namespace

    Returns
    -------
    tuple of two arrays, shape () [1]
    """
    if fresh is False:
        return beta, share
    return xp.where(fresh, xp.zeros_like(beta), beta), xp.where(fresh, weight, share)


def average(grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace) -> Array:
    """``grad_avg`` after this gradient."""
    old, new = shares(
        coefficients["beta_k"], coefficients["sample_share"], coefficients["weight"], fresh, xp=xp
    )
    return blended(old, leaf["grad_avg"], new, grad, xp=xp)


def square_average(grad: Array, leaf: Leaf, coefficients: Scalars, fresh: Array, *, xp: Namespace) -> Array:
    """``grad_sq_avg`` after this gradient."""
    beta2 = coefficients["beta2"]
    share = coefficients["grad_sq_share"]
    old, new = shares(beta2, share, coefficients["grad_sq_weight"], fresh, xp=xp)
    return square_blended(old, leaf["grad_sq_avg"], new, grad, xp=xp)


def square_weights(scalars: Scalars, hyper: Hyper) -> Scalars:
    """Weight of the average of squared gradients after this step, and what it takes to average."""
    decay = hyper["beta2"] * scalars["grad_sq_decay"]
    return {
        "grad_sq_decay": decay,
        "grad_sq_weight": 1 - decay,
        "grad_sq_share": 1 - hyper["beta2"],
        "beta2": hyper["beta2"],
        "eps": hyper["eps"],
    }


def weights(beta: Array, scalars: Scalars) -> Scalars:
    """Weights of the averages of losses and gradients with a momentum coefficient."""
    share = 1 - beta
    return {"beta_k": beta, "sample_share": share, "weight": beta * scalars["weight"] + share}


def inverted(metric: Array, *, xp: Namespace) -> Array:
    """``1 / metric``, 0 where the metric is 0."""
    return divided(xp.ones_like(metric), metric, xp=xp)
