"""What a framework has to know of the custom calls of a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """
    A sweep as a custom call.

    Attributes
    ----------
    name : str
    task : callable
        To be compiled by `xla.handler`.
    sums : tuple of str
        What it adds up.
    """

    name: str
    task: Callable[[Any], None]
    sums: tuple[str, ...]


@dataclass(frozen=True)
class Calls:
    """
    The custom calls of a rule.

    Attributes
    ----------
    scalars, own : tuple of str
        Numbers that all tensors share, and those of each tensor.
    chosen : tuple of str
        Those that may be chosen for each tensor.
    averages : tuple of str
        Arrays of each tensor, beside the parameters and the gradients.
    tensor_state : tuple of str
        State of shape () of each tensor.
    accumulate, foresee, update, measure : Call
    """

    scalars: tuple[str, ...]
    own: tuple[str, ...]
    chosen: tuple[str, ...]
    averages: tuple[str, ...]
    tensor_state: tuple[str, ...]
    accumulate: Call
    foresee: Call
    update: Call
    measure: Call | None = None
