"""Which tensors decay: a mask over the parameters as groups of the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from momo_core import InvalidTypeError, InvalidValueError

PyTree = Any

Mask = PyTree | Callable[[PyTree], PyTree] | None
"""A tree of bool of the structure of the parameters, or of a prefix of it, or a function that makes one."""

GROUPS: tuple[dict[str, float], ...] = ({}, {"weight_decay": 0.0})
"""Tensors that decay, and tensors that do not."""


def group_of(mask: Mask, params: PyTree) -> list[int] | None:
    """
    Position in `GROUPS` of each tensor; None without a mask.

    Raises
    ------
    InvalidValueError
        If the mask does not have the structure of the parameters.
    InvalidTypeError
        If one of its leaves is not a bool.
    """
    if mask is None:
        return None
    tree = mask(params) if callable(mask) else mask
    try:
        marks = jax.tree.leaves(jax.tree.broadcast(tree, params))
    except ValueError as error:
        message = f"weight_decay_mask does not have the structure of the parameters: {error}"
        raise InvalidValueError(message, "E_WEIGHT_DECAY_MASK_STRUCTURE") from error
    for mark in marks:
        if not isinstance(mark, bool | np.bool_):
            raise InvalidTypeError(
                f"weight_decay_mask must be a tree of bool, got {mark!r}", "E_WEIGHT_DECAY_MASK_TYPE"
            )
    return [0 if mark else 1 for mark in marks]
