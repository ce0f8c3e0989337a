"""
A namespace for parts of tensors: one in a row, or several of the same size, a row for each.

A sum is over a row, and what is one number for each tensor is a column: so the core's functions, which
know arrays and their sums, take many tensors at once.  Constants have the shape ().
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import torch
from array_api_compat.torch import asarray, astype, isdtype
from torch import (
    Tensor,
    abs,
    finfo,
    float32,
    float64,
    int32,
    isfinite,
    maximum,
    minimum,
    reshape,
    sqrt,
    stack,
)
from torch.nn.functional import threshold

__all__ = [
    "abs",
    "asarray",
    "astype",
    "blended",
    "difference",
    "divided",
    "finfo",
    "float32",
    "float64",
    "full_like",
    "infinite_where_zero",
    "int32",
    "isdtype",
    "isfinite",
    "maximum",
    "minimum",
    "moved",
    "ones_like",
    "over_root",
    "reshape",
    "root_of_ratio",
    "sqrt",
    "square_blended",
    "stack",
    "sum",
    "where",
    "zeros_like",
]


def sum(array: Tensor) -> Tensor:
    """Sum of an array of one dimension, shape (); of each row of one with two, a column."""
    return array.sum() if array.ndim < 2 else array.sum(dim=1, keepdim=True)


def on_host(scalar: Tensor) -> bool:
    """Whether a number can be read without waiting for a device."""
    return scalar.is_cpu


def where(condition: Tensor | bool, yes: Tensor, no: Tensor) -> Tensor:
    """`yes` or `no`, itself and without a sweep where one number on this host decides for all elements."""
    if isinstance(condition, bool):
        return yes if condition else no
    if condition.ndim == 0 and on_host(condition):
        return yes if condition else no
    return torch.where(condition, yes, no)


def infinite_where_zero(array: Tensor) -> Tensor:
    """`array`, of which no element is negative, with infinity for 0, at a third of the time of `where`."""
    return threshold(array, 0.0, float("inf"))


# The following ones round as the operators do.  They write to arrays that are in the cache, not to new ones.
def blended(old: Tensor, array: Tensor, new: Tensor, sample: Tensor) -> Tensor:
    """``old * array + new * sample``."""
    return (old * array).add_(new * sample)


def square_blended(old: Tensor, array: Tensor, new: Tensor, sample: Tensor) -> Tensor:
    """``old * array + new * sample**2``."""
    return (sample * sample).mul_(new).add_(old * array)


def root_of_ratio(array: Tensor, divisor: Tensor, shift: Tensor) -> Tensor:
    """``sqrt(array / divisor) + shift``."""
    return (array / divisor).sqrt_().add_(shift)


def divided(array: Tensor, divisor: Tensor) -> Tensor:
    """``array / divisor``, 0 where the divisor, of the shape of the result and nowhere negative, is 0."""
    safe = infinite_where_zero(divisor)
    return torch.div(array, safe, out=safe)


def over_root(array: Tensor, square: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
    """``array / (sqrt(square / weight) + shift)``, 0 where that is 0/0, of the shape of all of them."""
    return divided_in_place(array, root_of_ratio(square, weight, shift), shift)


def divided_in_place(array: Tensor, divisor: Tensor, least: Tensor) -> Tensor:
    """`divided`, written over the divisor, of which no element is below `least`."""
    if not on_host(least) or least.item() < finfo(least.dtype).tiny:
        threshold(divisor, 0.0, float("inf"), inplace=True)
    return torch.div(array, divisor, out=divisor)


def moved(array: Tensor, rate: Tensor, direction: Tensor) -> Tensor:
    """``array - rate * direction``."""
    way = rate * direction
    return torch.sub(array, way, out=way)


def full_like(like: Tensor, value: float) -> Tensor:
    """`value` in the dtype of `like`, shape ()."""
    return like.new_full((), value)


def zeros_like(like: Tensor) -> Tensor:
    """Zero in the dtype of `like`, shape ()."""
    return like.new_zeros(())


def ones_like(like: Tensor) -> Tensor:
    """One in the dtype of `like`, shape ()."""
    return like.new_ones(())


def difference(array: Tensor, other: Tensor) -> Tensor:
    """``array - other``."""
    return array - other


def unsummed(functions: Mapping[str, Any]) -> SimpleNamespace:
    """A namespace of these functions for a sweep whose sums are known."""
    return SimpleNamespace(**functions, needs_sums=False)


without_sums = unsummed({name: globals()[name] for name in __all__})
