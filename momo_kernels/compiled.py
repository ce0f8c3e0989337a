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

BLOCK = 128
"""
So many terms are added in the format of the tensor, and these sums in float64.

Before each block one of all arrays is asked for: of more at once, a core has to wait for the first of them.
"""

AHEAD = 3 * BLOCK
"""Numbers between those that are worked on and those that are fetched: to work on them takes as long."""

LINE = 64
"""Bytes that a processor fetches at once."""


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


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, number: Any) -> Any:
    """Ask for the memory at an address, which need not exist."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        read, keep, data = (ir.Constant(flag, value) for value in (0, 3, 1))
        builder.call(function, [builder.inttoptr(arguments[0], cgutils.voidptr_t), read, keep, data])
        return context.get_dummy_value()

    return types.void(number), generate


@compiled
def fetch(pointer: int, start: int, size: int, like: Any) -> None:
    """Ask for numbers of a tensor that are needed soon; processors foresee too little of several arrays."""
    first = pointer + start * like.itemsize
    for line in range(first, first + size * like.itemsize, LINE):
        prefetch(line)


@compiled
def size_of_part(params: Any) -> Any:
    """Sum of the absolute values of a part of a tensor."""
    size = params.dtype.type(0)
    for i in range(params.size):
        size += abs(params[i])
    return size


@compiled
def param_size(
    like: Any, scalars: Any, own: Any, pointers: Any, chunks: Any, counter: Any, sums: Any, new: Any
) -> None:
    """Sum of the absolute values of the parameters: a sweep before the first step of a rule."""
    taken = take(counter)
    while taken < len(chunks):
        tensor, start, stop = chunks[taken]
        size = 0.0
        for first in range(start, stop, BLOCK):
            size += size_of_part(view(pointers[tensor, 0], first, min(BLOCK, stop - first), like))
        sums[0, taken] = size
        taken = take(counter)


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
