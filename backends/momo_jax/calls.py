"""The generated sweeps as operations of JAX: custom calls of XLA on a CPU."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

if TYPE_CHECKING:
    from momo_kernels.calls import Call, Calls

_lock = threading.Lock()


class Swept(NamedTuple):
    """
    What a sweep returns.

    Attributes
    ----------
    sums : array, shape (sums,)
        Sums over all tensors, added to those that it was given.
    each : array, shape (sums, tensors)
    new : array, shape (numbers, tensors)
        State of shape () of each tensor; undefined where nothing is written.
    updates : list of arrays
        What to add to each tensor; undefined where nothing is written.
    averages : list of lists of arrays
        Those of each name.
    """

    sums: Array
    each: Array
    new: Array
    updates: list[Array]
    averages: list[list[Array]]


def table() -> Mapping[tuple[str, bool], Calls]:
    """The custom calls of each rule; Numba is imported here, when it is needed."""
    from momo_kernels.updates import CALLS

    found: Mapping[tuple[str, bool], Calls] = CALLS
    return found


def sweep(
    call: Call,
    scalars: Array,
    own: Array,
    before: Array,
    columns: Sequence[Sequence[Array]],
    *,
    wanted: Array,
    numbers: int = 0,
    writes: bool = False,
) -> Swept:
    """
    A sweep over some tensors.

    Parameters
    ----------
    call : Call
    scalars : array, shape (scalars,)
    own : array, shape (tensors, own)
    before : array, shape (sums,)
        Sums over other tensors.
    columns : sequence of sequences of arrays
        Parameters, gradients, and averages of each name.
    wanted : array of bool, shape ()
        Whether anything is done at all.
    numbers : int
        States of shape () of each tensor.
    writes : bool
        Whether the averages are written, and what to add.
    """
    count = len(columns[0])
    operands = [
        scalars,
        own,
        wanted.astype(before.dtype),
        before,
        *(array for column in columns for array in column),
    ]
    sizes = (before.shape, (len(call.sums), count), (numbers if writes else 0, count))
    results = [_like(size, before.dtype) for size in sizes]
    first = len(operands) - count * (len(columns) - 2)
    aliases = {}
    if writes:
        aliases = {index: index - first + len(sizes) + count for index in range(first, len(operands))}
        moved = [*columns[0], *operands[first:]]
        results += [_like(array.shape, array.dtype) for array in moved]
    name = target(call, str(before.dtype))
    found = jax.ffi.ffi_call(name, results, input_output_aliases=aliases, vmap_method="sequential")(*operands)
    sums, each, new, *arrays = found
    updates, *averages = [arrays[at : at + count] for at in range(0, len(arrays), count)] or [[]]
    return Swept(sums, each, new, updates, averages)


def _like(shape: tuple[int, ...], dtype: Any) -> Any:
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]


def target(call: Call, dtype: str) -> str:
    """Name by which XLA knows a sweep on tensors of a dtype; it is compiled and registered here."""
    with _lock:
        return _registered(call, dtype)


@cache
def _registered(call: Call, dtype: str) -> str:
    from momo_kernels.updates import SOURCES
    from momo_kernels.xla import handler

    # A program that was compiled with other sources, and kept, must not find these.
    name = f"momo_kernels_{SOURCES}_{call.name}_{dtype}"
    pointer = jax.ffi.pycapsule(handler(call.task, dtype).address)  # type: ignore[no-untyped-call]
    jax.ffi.register_ffi_target(name, pointer, platform="cpu")
    return name


def row(values: Sequence[Any], like: Array) -> Array:
    """Numbers as one array of the dtype of `like`."""
    arrays = [jnp.asarray(value, dtype=like.dtype) for value in values]
    return jnp.stack(arrays) if arrays else jnp.zeros((0,), like.dtype)
