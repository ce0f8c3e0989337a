"""State of a rule, and what a step reports."""

from __future__ import annotations

from typing import NamedTuple

from .arrays import Array
from .direction import Leaf, Scalars

GROUP_HYPER = ("learning_rate", "weight_decay")
"""Hyper-parameters that each parameter group may set for itself."""

LOGGED = ("step_size", "truncation", "lower_bound", "beta")
"""Fields of `Info` that are worth a curve."""


class State(NamedTuple):
    """
    State of a rule.

    Attributes
    ----------
    leaves : tuple of dict
        Averages of each tensor, of its shape, at least float32.
    scalars : dict
        Arrays of shape (), of the widest of float32 and the dtypes of the tensors;
        ``skipped_steps`` is int32.
    """

    leaves: tuple[Leaf, ...]
    scalars: Scalars


class Info(NamedTuple):
    """
    What a step did; arrays of shape (), None where the rule has no such quantity.

    Attributes
    ----------
    step_size : array [param^2/loss]
        Factor of the direction, before weight decay; 0 in a skipped step.
    truncation : array [1]
        Share of the base optimizer's step that was taken, in [0, 1].
    lower_bound : array or None [loss]
        Lower bound after the step, known or estimated.
    predicted_loss : array or None [loss]
        What the averaged model predicts at the new parameters, times its weight.
    beta : array [1]
        Momentum coefficient of the step.
    skipped : array of bool
        True where a loss, gradient or result was not finite and nothing changed.
    """

    step_size: Array
    truncation: Array
    lower_bound: Array | None
    predicted_loss: Array | None
    beta: Array
    skipped: Array
