"""
Sums over a tensor, block by block.

Asked for two sums of one tensor, XLA on a CPU writes what both read to memory; and it adds one
element after the other.  A loop adds whole blocks, element by element, and nothing in it is larger
than a block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax import Array

BLOCK = 2**12
"""Largest block that stays in the cache of a core with all that is read with it."""

SHARE = 128
"""Three sums of blocks, each at most 1/128 of the tensor, are 2.3 % of it."""

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


def no_sum(array: Array) -> Array:
    """In the place of a sum that nobody reads."""
    return jnp.zeros((), array.dtype)


def by_blocks(phase: Callable[[Any, Arrays], Result], arrays: Arrays) -> Result:
    """
    ``phase(xp, arrays)``, with its sums over all elements taken block by block.

    `phase` works on each element for itself and adds with ``xp.sum``.
    """
    size = max(leaf.size for leaf in jax.tree.leaves(arrays))
    length = max(min(BLOCK, size // SHARE), size // ADDED, 1)
    whole, rest = divmod(size, length)
    # Flattened in the loop, a tensor counts as read by each pass, and XLA shares out the small blocks
    # among threads, which costs more than the sums.
    rows = jax.tree.map(lambda leaf: leaf.reshape(-1) if leaf.size == size else leaf, arrays)

    def terms(start: Any, length: int) -> list[Array]:
        return _terms(phase, jax.tree.map(lambda row: _part(row, size, start, length), rows))

    def add(block: Array, totals: list[Array]) -> list[Array]:
        return [total + term for total, term in zip(totals, terms(block * length, length), strict=True)]

    zeros = [jnp.zeros(term.shape, term.dtype) for term in jax.eval_shape(lambda: terms(0, length))]
    sums = [jnp.sum(total) for total in jax.lax.fori_loop(0, whole, add, zeros)]
    if rest:
        sums = [one + jnp.sum(term) for one, term in zip(sums, terms(size - rest, rest), strict=True)]
    given = iter(sums)
    return phase(Summing(lambda _: next(given)), arrays)


def _terms(phase: Callable[[Any, Arrays], Any], arrays: Arrays) -> list[Array]:
    """What `phase` would add."""
    terms: list[Array] = []

    def record(array: Array) -> Array:
        terms.append(array)
        return no_sum(array)

    phase(Summing(record), arrays)
    return terms


def _part(row: Array, size: int, start: Any, length: int) -> Array:
    return jax.lax.dynamic_slice_in_dim(row, start, length) if row.size == size else row
