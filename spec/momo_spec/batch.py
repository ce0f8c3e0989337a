"""A loss that is evaluated where the parameters are: that of a linear network on a few samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .arithmetic import Arithmetic, Array, Float64, Value


@dataclass(frozen=True, eq=False)
class Batch:
    """
    Samples, and the mean of the squared errors of a network on them.

    The network has the parameters as its layers: ``inputs @ x[0] @ x[1] @ ... - targets`` are the errors.

    Attributes
    ----------
    inputs : array, shape (samples, features)
    targets : array, shape (samples, outputs)
        The number of its elements is a power of two, so that the mean rounds nothing.
    """

    inputs: Array
    targets: Array

    def loss_and_gradients(
        self, layers: Sequence[Any], arithmetic: Arithmetic | None = None
    ) -> tuple[Value, list[Value]]:
        """
        Loss, and its gradient by each layer.

        Parameters
        ----------
        layers : sequence of arrays, shapes (features, ...), ..., (..., outputs)
            Arrays of the arithmetic.
        arithmetic : Arithmetic, optional
            Binary64 unless given.
        """
        exact = arithmetic or Float64()
        seen = [exact.array(self.inputs)]
        for layer in layers:
            seen.append(_product(seen[-1], layer, exact))
        errors = exact.apply("-", [seen.pop(), exact.array(self.targets)])
        loss = exact.total(exact.rounded(errors * errors)) / errors.size
        slopes, gradients = 2 * errors / errors.size, []
        for layer, before in zip(reversed(layers), reversed(seen), strict=True):
            gradients.append(_product(before.T, slopes, exact))
            slopes = _product(slopes, layer.T, exact)
        return loss, gradients[::-1]


def _product(left: Value, right: Value, arithmetic: Arithmetic) -> Value:
    """Product of two matrices."""
    return arithmetic.total(arithmetic.rounded(left[:, :, None] * right[None, :, :]), axis=1)
