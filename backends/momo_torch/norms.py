"""Norms of what a step computes of its chunks, to know before a write that nothing can overflow."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from momo_core.arrays import cast, leaf_dtype

from . import rows


class Norms:
    """
    Euclidean norms of the parameters, the averages and the directions over all chunks.

    Parameters
    ----------
    dtype : torch.dtype
        Of the scalars.
    """

    def __init__(self, dtype: Any) -> None:
        self._dtype, self._squares = dtype, list[Tensor]()

    def add(self, param: Tensor, average: Tensor, direction: Tensor) -> None:
        """The arrays of a chunk."""
        squares = [self._square(param), self._square(average)]
        self._squares += [*squares, squares[1] if direction is average else self._square(direction)]

    def read(self) -> dict[str, float]:
        """By name, or nothing if there was no chunk."""
        if not self._squares:
            return {}
        squares, names = torch.stack(self._squares).tolist(), ("param", "grad_avg", "direction")
        return {name: math.sqrt(sum(squares[start::3])) for start, name in enumerate(names)}

    def _square(self, array: Tensor) -> Tensor:
        """Sum of the squares of an array, shape ()."""
        flat = array if array.ndim == 1 else array.view(-1)
        wide = cast(flat, leaf_dtype(flat, xp=rows), xp=rows)
        square: Tensor = cast(torch.dot(wide, wide), self._dtype, xp=rows)
        return square
