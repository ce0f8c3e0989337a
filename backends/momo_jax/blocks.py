"""
Sums over a tensor, block by block.

Asked for two sums of one tensor, XLA on a CPU writes what both read to memory; and it adds one
element after the other.  A loop adds whole blocks, element by element, and nothing in it is larger
than a block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

BLOCK = 2**15
"""Largest block that stays in the cache of a core with all that is read with it."""

PARTS = 2
"""Blocks that a pass of the loop reads, enough to be worth the start of a second thread."""

SHARE = 320
"""A block is at most 1/320 of all elements, and a step holds up to 15 of them."""

ADDED = 2**10
"""Largest number of blocks that are added to each other, which bounds the rounding error."""

LARGE = 2**17
"""Elements from which it is faster to compute the averages again than to write and read them."""

Result = TypeVar("Result")
Arrays = Any
"""A tree of arrays of one shape, and of numbers."""


class Summing:
    """
    The namespace of JAX with another sum over all elements.

    Parameters
    ----------
    sum : (array) -> array, shape ()
    """

    def __init__(self, sum: Callable[[Array], Array]) -> None:
        self.sum = sum

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)


class WithoutSums:
    """The namespace of JAX for a sweep whose sums nobody reads."""

    needs_sums = False

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)


def by_blocks(
    phase: Callable[[Any, Arrays], Result], arrays: Arrays, longest: int, after: Array
) -> tuple[Result, Array]:
    """
    ``phase(xp, arrays)``, with its sums over all elements taken block by block; and one of them.

    `phase` works on each element for itself and adds with ``xp.sum``.  A block has at most `longest`
    elements, or 1/ADDED of them.  The sums begin when `after`, an array of shape (), is known: given
    the sum of another tensor, they can have its memory.
    """
    size = max(leaf.size for leaf in jax.tree.leaves(arrays))
    passes, length = _cut(size, longest)
    whole = PARTS * passes * length
    # Flattened in the loop, a tensor counts as read by each pass.
    rows = jax.tree.map(lambda leaf: leaf.reshape(-1) if leaf.size == size else leaf, arrays)

    def terms(start: Any, length: int) -> list[Array]:
        return _terms(phase, jax.tree.map(lambda row: _part(row, size, start, length), rows))

    def add(index: Array, totals: list[Array]) -> list[Array]:
        for part in range(PARTS):
            pairs = _paired(terms((part * passes + index) * length, length))
            totals = [total + pair for total, pair in zip(totals, pairs, strict=True)]
        return totals

    like = jax.eval_shape(lambda: terms(0, length))
    zero = (after > jnp.inf).astype(like[0].dtype)
    zeros = _paired([jnp.broadcast_to(zero, term.shape) for term in like])
    sums = _sums(jax.lax.fori_loop(0, passes, add, zeros), len(like))
    if whole < size:
        rest = terms(whole, size - whole)
        sums = [one + jnp.sum(term) for one, term in zip(sums, rest, strict=True)]
    given = iter(sums)
    return phase(Summing(lambda _: next(given)), arrays), sums[0]


def _cut(size: int, longest: int) -> tuple[int, int]:
    """Passes of a loop over `size` elements, and the length of a block."""
    # Of a loop with a single pass, XLA makes code without a loop and writes to memory what it computes.
    passes = min(max(-(-size // (PARTS * longest)), 2), ADDED // PARTS, max(size // PARTS, 1))
    length = size // (PARTS * passes)
    # Blocks of an odd length are read at a third of the speed.
    return passes, length - length % 2 if length > 1 else length


def _terms(phase: Callable[[Any, Arrays], Any], arrays: Arrays) -> list[Array]:
    """What `phase` would add."""
    terms: list[Array] = []

    def record(array: Array) -> Array:
        terms.append(array)
        return jnp.zeros((), array.dtype)

    phase(Summing(record), arrays)
    return terms


def _part(row: Array, size: int, start: Any, length: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(row, start, length) if row.size == size else row


def _paired(arrays: Sequence[Array]) -> list[Array]:
    """
    Each two arrays as the parts of a complex one, the last of an odd number as it is.

    XLA computes what two arrays have in common once if they are one array.
    """
    pairs = [jax.lax.complex(*arrays[at : at + 2]) for at in range(0, len(arrays) - 1, 2)]
    return [*pairs, *arrays[2 * len(pairs) :]]


def _sums(pairs: Sequence[Array], number: int) -> list[Array]:
    """Sums over the elements of `number` arrays in pairs."""
    parts = [part for pair in pairs for part in (pair.real, pair.imag)]
    return [jnp.sum(part) for part in parts[:number]]
