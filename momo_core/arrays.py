"""What the rules need from an array library, beyond calling its functions."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import array_api_compat

Array = Any
"""An array of any library with an Array-API namespace."""

Namespace = Any
"""An Array-API namespace."""


def find_namespace(arrays: Iterable[Array]) -> Namespace:
    """
    Array-API namespace of the arrays.

    Raises
    ------
    TypeError
        If they belong to no namespace or to several.
    """
    return array_api_compat.array_namespace(*arrays)


def leaf_dtype(array: Array, *, xp: Namespace) -> Any:
    """Dtype in which a tensor is averaged and moved: its own, but at least float32."""
    return xp.float64 if array.dtype == xp.float64 else xp.float32


def scalar_dtype(arrays: Sequence[Array], *, xp: Namespace) -> Any:
    """Dtype of the global scalars: the widest of float32 and the dtypes of the tensors."""
    return xp.float64 if any(array.dtype == xp.float64 for array in arrays) else xp.float32


def cast(array: Array, dtype: Any, *, xp: Namespace) -> Array:
    """`array` in `dtype`, itself where it has that dtype."""
    return array if array.dtype == dtype else xp.astype(array, dtype)


def scalar_zero(arrays: Sequence[Array], *, xp: Namespace) -> Array:
    """Array of shape (), zero, of the scalars' dtype, where the first tensor is stored."""
    dtype = scalar_dtype(arrays, xp=xp)
    return xp.sum(xp.zeros_like(arrays[0], dtype=dtype))


def as_scalar(value: Any, like: Array, *, xp: Namespace) -> Array:
    """A number or an array of one element as an array of shape (), of the dtype of `like`."""
    if isinstance(value, numbers.Real):
        # PyTorch compiles again for each number that fills an array, and not for one that is added.
        return cast(xp.zeros_like(like) + float(value), like.dtype, xp=xp)
    return cast(xp.reshape(xp.asarray(value), ()), like.dtype, xp=xp)


def replaceable(function: Callable[..., Array]) -> Callable[..., Array]:
    """A function of arrays in whose place a namespace may have its own, of the same name and without `xp`."""
    name = function.__name__

    @wraps(function)
    def chosen(*arrays: Array, xp: Namespace) -> Array:
        own = getattr(xp, name, None)
        return function(*arrays, xp=xp) if own is None else own(*arrays)

    return chosen


@replaceable
def sum_of_products(left: Array, right: Array, *, xp: Namespace) -> Array:
    """Sum of the products of the elements, shape ()."""
    return xp.sum(left * right)


@replaceable
def infinite_where_zero(array: Array, *, xp: Namespace) -> Array:
    """`array`, of which no element is negative, with infinity for 0."""
    return xp.where(array == 0, xp.full_like(array, float("inf")), array)


@replaceable
def blended(old: Array, array: Array, new: Array, sample: Array, *, xp: Namespace) -> Array:
    """``old * array + new * sample``."""
    return old * array + new * sample


@replaceable
def square_blended(old: Array, array: Array, new: Array, sample: Array, *, xp: Namespace) -> Array:
    """``old * array + new * sample**2``."""
    return old * array + new * (sample * sample)


@replaceable
def root_of_ratio(array: Array, divisor: Array, shift: Array, *, xp: Namespace) -> Array:
    """``sqrt(array / divisor) + shift``."""
    return xp.sqrt(array / divisor) + shift


@replaceable
def divided(array: Array, divisor: Array, *, xp: Namespace) -> Array:
    """``array / divisor``, 0 where the divisor, of which no element is negative, is 0."""
    return array / infinite_where_zero(divisor, xp=xp)


@replaceable
def over_root(array: Array, square: Array, weight: Array, shift: Array, *, xp: Namespace) -> Array:
    """``array / (sqrt(square / weight) + shift)``, 0 where that is 0/0."""
    return divided(array, root_of_ratio(square, weight, shift, xp=xp), xp=xp)


@replaceable
def moved(array: Array, rate: Array, direction: Array, *, xp: Namespace) -> Array:
    """``array - rate * direction``."""
    return array - rate * direction


@replaceable
def difference(array: Array, other: Array, *, xp: Namespace) -> Array:
    """``array - other``."""
    return array - other


def needs_sums(xp: Namespace) -> bool:
    """Whether sums are asked for, and not only the arrays on the way to them."""
    return getattr(xp, "needs_sums", True)


def computed_once(scalars: list[Array], *, xp: Namespace) -> list[Array]:
    """
    The scalars, behind an operation that a compiler does not copy.

    XLA copies a chain of additions into every loop that reads its end, so that a program
    grows with the square of the number of tensors.  Of the operations that leave values as
    they are, it keeps a sort, and neither a sum nor a barrier.
    """
    row = xp.stack(scalars)
    kept = xp.sort(xp.stack([row, row]), axis=0)
    return [kept[0, index] for index in range(len(scalars))]


def all_finite(scalars: Iterable[Array], *, xp: Namespace) -> Array:
    """Whether all of several arrays of shape () are finite."""
    finite = None
    for scalar in scalars:
        this = xp.isfinite(scalar)
        finite = this if finite is None else finite & this
    return finite


def infinite_unless_finite(scalar: Array, *, xp: Namespace) -> Array:
    """0 for a finite array of shape (), else infinity: a sum of these is finite where all of them are."""
    return xp.where(xp.isfinite(scalar), xp.zeros_like(scalar), xp.full_like(scalar, float("inf")))
