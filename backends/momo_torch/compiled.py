"""
What the generated kernels are made with: compilation, views of memory, sharing of work.

Numba's own threads are not used: of its threading layers one aborts when two threads start
kernels, another one after a fork.  A kernel runs on each thread of `threads.py` instead and
takes parts of tensors until none is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Kernel = Callable[..., None]


@dataclass(frozen=True)
class Kernels:
    """
    The sweeps of a rule.

    Attributes
    ----------
    arrays : tuple of str
        Columns of the table of addresses.
    scalars, own : tuple of str
        Numbers that all tensors share, and those of each tensor.
    chosen : tuple of str
        Those that may be chosen for each tensor.
    tensor_state : tuple of str
        State of shape () of each tensor, in the order in which `apply` reports it.
    accumulate, apply, measure : callable
        (like, scalars, own, pointers, chunks, counter, sums, new) -> None
    accumulate_sums, apply_sums, measure_sums : tuple of str
        Rows of their sums.
    words : int
        Words read and written for each parameter in a step.
    """

    arrays: tuple[str, ...]
    scalars: tuple[str, ...]
    own: tuple[str, ...]
    chosen: tuple[str, ...]
    tensor_state: tuple[str, ...]
    accumulate: Kernel
    accumulate_sums: tuple[str, ...]
    apply: Kernel
    apply_sums: tuple[str, ...]
    words: int
    measure: Kernel | None = None
    measure_sums: tuple[str, ...] = ()


def compiled(function: Callable[..., Any]) -> Any:
    """
    Compile a function at its first call, or load it from the cache on disk.

    Of the fast-math flags only those that leave exact results exact: no approximate division,
    and NaN and infinities stay what they are.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "reassoc"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        # There is no folder where a cache could be written.
        return numba.njit(**options)(function)


@intrinsic  # type: ignore[untyped-decorator]
def address(typing_context: Any, number: Any) -> Any:
    """An integer as a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(number), generate


@intrinsic  # type: ignore[untyped-decorator]
def take(typing_context: Any, counter: Any) -> Any:
    """Old value of a counter, an array of one int64, which grows by one whoever else takes from it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, ir.Constant(ir.IntType(64), 1), "monotonic")

    return types.int64(counter), generate


@compiled
def view(pointer: int, start: int, size: int, like: Any) -> Any:
    """Array of `size` numbers at the `start`-th number of a tensor, of the dtype of `like`."""
    return numba.carray(address(pointer + start * like.itemsize), (size,), like.dtype)


@compiled
def gather(pointers: Any, like: Any, values: Any) -> None:
    """Read a number of the dtype of `like` at each address."""
    for i in range(pointers.size):
        values[i] = view(pointers[i], 0, 1, like)[0]


@compiled
def scatter(pointers: Any, like: Any, values: Any) -> None:
    """Write a number of the dtype of `like` to each address."""
    for i in range(pointers.size):
        view(pointers[i], 0, 1, like)[0] = values[i]


@compiled
def count(pointers: Any, like: Any) -> None:
    """Add one to the number of the dtype of `like` at each address."""
    for i in range(pointers.size):
        view(pointers[i], 0, 1, like)[0] += 1
