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
    in_place : bool
        Whether new averages are written where the old ones were.
    """

    def __init__(self, in_place: bool = False) -> None:
        own = set(vars(type(self)))
        super().__init__(**{name: getattr(rows, name) for name in rows.__all__ if name not in own})
        self._in_place = in_place
        self._of_shape: dict[object, list[Tensor]] = {}

    @property
    def without_sums(self) -> SimpleNamespace:
        """The same with the same arrays, for a sweep whose sums are known."""
        return rows.unsummed({name: getattr(self, name) for name in rows.__all__})

    def sum_of_products(self, left: Tensor, right: Tensor) -> Tensor:
        """Sum of the products of the elements, shape (); of those of each row, a column."""
        return torch.dot(left, right) if left.ndim < 2 else rows.sum(left * right)

    def restart(self, like: Tensor, dtype: torch.dtype) -> None:
        """Forget all results; the next ones have the shape of `like`."""
        self._like, self._dtype, self._taken, self._free = like, dtype, 1, 0
        self._arrays = self._of_shape.setdefault((like.shape, dtype), [])

    def blended(self, old: Tensor, array: Tensor, new: Tensor, sample: Tensor) -> Tensor:
        """``old * array + new * sample``."""
        return self._mixed(old, array, new, sample, self._average(array))

    def square_blended(self, old: Tensor, array: Tensor, new: Tensor, sample: Tensor) -> Tensor:
        """``old * array + new * sample**2``."""
        square = torch.mul(sample, sample, out=self._spare())
        return self._mixed(old, array, new, square, self._average(array))

    def root_of_ratio(self, array: Tensor, divisor: Tensor, shift: Tensor) -> Tensor:
        """``sqrt(array / divisor) + shift``."""
        return torch.div(array, divisor, out=self._spare_for_result()).sqrt_().add_(shift)

    def over_root(self, array: Tensor, square: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
        """``array / (sqrt(square / weight) + shift)``, 0 where that is 0/0."""
        return rows.divided_in_place(array, self.root_of_ratio(square, weight, shift), shift)

    def moved(self, array: Tensor, rate: Tensor, direction: Tensor) -> Tensor:
        """``array - rate * direction``."""
        return self._mixed(None, array, -rate, direction, self._next())

    def difference(self, array: Tensor, other: Tensor) -> Tensor:
        """``array - other``."""
        return torch.sub(array, other, out=self._spare())

    def _mixed(self, old: Tensor | None, array: Tensor, new: Tensor, sample: Tensor, out: Tensor) -> Tensor:
        """``old * array + new * sample``, each product rounded; no `old` is 1."""
        # In one call of PyTorch (`addr`, `add` with alpha), which product is rounded depends on the place.
        share = torch.mul(sample, new, out=self._spare())
        return torch.add(array if old is None else torch.mul(array, old, out=out), share, out=out)

    def _average(self, array: Tensor) -> Tensor:
        return array if self._in_place else self._next()

    def _next(self) -> Tensor:
        """An array for a result."""
        self._taken += 1
        return self._array(self._taken - 1)

    def _spare(self) -> Tensor:
        """The array for what is needed no longer when the next function is called."""
        return self._array(self._free)

    def _spare_for_result(self) -> Tensor:
        """The same array, for a result: the next time another one is spare."""
        kept, self._free, self._taken = self._spare(), self._taken, self._taken + 1
        return kept

    def _array(self, index: int) -> Tensor:
        while len(self._arrays) <= index:
            self._arrays.append(torch.empty(self._like.shape, dtype=self._dtype, device=self._like.device))
        return self._arrays[index]
