"""
`rows` for a sweep over large chunks: what is computed lies in the same few arrays for each of them.

New arrays for every operation would be cold in the cache, and memory that the system has to hand out.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor

from . import rows


class Workspace(SimpleNamespace):
    """
    A namespace whose results are valid until `restart`.

    Parameters
    ----------
    needs_sums : bool
        Whether sums are asked for, and not only the arrays on the way to them.
    in_place : bool
        Whether new averages are written where the old ones were.
    """

    def __init__(self, *, needs_sums: bool, in_place: bool = False) -> None:
        own = set(vars(type(self)))
        super().__init__(**{name: getattr(rows, name) for name in rows.__all__ if name not in own})
        self.needs_sums, self._in_place = needs_sums, in_place
        self._arrays: dict[object, list[Tensor]] = {}
        self.restart()

    def restart(self) -> None:
        """Forget all results."""
        self._taken = 0

    def blended(self, old: Tensor, array: Tensor, new: Tensor, sample: Tensor) -> Tensor:
        """``old * array + new * sample``."""
        way = torch.mul(sample, new, out=self._spare(array))
        return torch.mul(array, old, out=self._average(array)).add_(way)

    def square_blended(self, old: Tensor, array: Tensor, new: Tensor, sample: Tensor) -> Tensor:
        """``old * array + new * sample**2``."""
        way = torch.mul(sample, sample, out=self._spare(array)).mul_(new)
        return torch.mul(array, old, out=self._average(array)).add_(way)

    def root_of_ratio(self, array: Tensor, divisor: Tensor, shift: Tensor) -> Tensor:
        """``sqrt(array / divisor) + shift``."""
        return torch.div(array, divisor, out=self._next(array)).sqrt_().add_(shift)

    def over_root(self, array: Tensor, square: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
        """``array / (sqrt(square / weight) + shift)``, 0 where that is 0/0."""
        return rows.divided_in_place(array, self.root_of_ratio(square, weight, shift), shift)

    def divided(self, array: Tensor, divisor: Tensor) -> Tensor:
        """``array / divisor``, 0 where the divisor, of the shape of the result and nowhere negative, is 0."""
        safe = self._next(divisor).copy_(divisor)
        return rows.divided_in_place(array, safe)

    def moved(self, array: Tensor, rate: Tensor, direction: Tensor) -> Tensor:
        """``array - rate * direction``."""
        way = torch.mul(direction, rate, out=self._next(array))
        return torch.sub(array, way, out=way)

    def difference(self, array: Tensor, other: Tensor) -> Tensor:
        """``array - other``."""
        return torch.sub(array, other, out=self._spare(array))

    def _average(self, array: Tensor) -> Tensor:
        return array if self._in_place else self._next(array)

    def _next(self, like: Tensor) -> Tensor:
        """An array that has no result yet."""
        self._taken += 1
        return self._array(like, self._taken)

    def _spare(self, like: Tensor) -> Tensor:
        """The array that is free again when a function returns, or its result is used."""
        return self._array(like, 0)

    def _array(self, like: Tensor, index: int) -> Tensor:
        arrays = self._arrays.setdefault((like.shape, like.dtype), [])
        while len(arrays) <= index:
            arrays.append(torch.empty_like(like, memory_format=torch.contiguous_format))
        return arrays[index]
