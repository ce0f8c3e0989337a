"""From the sums of each tensor to the sums over all tensors and devices."""

from __future__ import annotations

from collections.abc import Sequence

from .arrays import Array, Namespace, computed_once

Parts = Sequence[Sequence[Array]]
"""Sums of several tensors: for each tensor the same number of arrays of shape ()."""


def add_sums(parts: Parts) -> list[Array]:
    """Sums over all tensors, in the order of the tensors."""
    total = list(parts[0])
    for part in parts[1:]:
        total = [left + right for left, right in zip(total, part, strict=True)]
    return total


class Reduction:
    """
    The sums of tensors that one device holds; a base class for tensors spread over many.

    Parameters
    ----------
    xp : namespace
    """

    def __init__(self, xp: Namespace) -> None:
        self.xp = xp

    def of_each(self, parts: Parts, indices: Sequence[int]) -> list[list[Array]]:
        """
        Sums of each tensor over the devices that hold a part of it.

        Parameters
        ----------
        parts : sequence of sequences of arrays, shape ()
            Sums over what this device holds, of each tensor with a gradient.
        indices : sequence of int
            Positions of these tensors among the parameters.
        """
        return [list(part) for part in parts]

    def of_all(self, parts: Parts, indices: Sequence[int]) -> list[Array]:
        """Sums over all tensors and devices."""
        return self.kept(add_sums(self.of_each(parts, indices)))

    def with_loss(self, parts: Parts, indices: Sequence[int], loss: Array) -> tuple[list[Array], Array]:
        """`of_all`, and the mean over the devices of a loss that each has of its own samples."""
        return self.of_all(parts, indices), loss

    def kept(self, scalars: list[Array]) -> list[Array]:
        """The scalars as they should enter all that follows: a hook for compilers."""
        return scalars


class ComputedOnce(Reduction):
    """Sums that XLA computes once, and not again in every loop that reads them."""

    def of_each(self, parts: Parts, indices: Sequence[int]) -> list[list[Array]]:
        """As `Reduction.of_each`, computed once."""
        each = super().of_each(parts, indices)
        flat = computed_once([part for tensor in each for part in tensor], xp=self.xp)
        width = len(each[0])
        return [flat[start : start + width] for start in range(0, len(flat), width)]

    def of_all(self, parts: Parts, indices: Sequence[int]) -> list[Array]:
        """As `Reduction.of_all`; only the totals are kept."""
        return self.kept(add_sums(super().of_each(parts, indices)))

    def kept(self, scalars: list[Array]) -> list[Array]:
        """The scalars behind an operation that XLA does not copy."""
        return computed_once(scalars, xp=self.xp)
