"""
Training on least squares, and how far rounding errors may part two ways to train.

The rule is the specification with random rounding errors, as in `momo_spec.bounds`, and the loss and
its gradient get errors of their own, those of sums in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conformance_tests.problems import Vector
from momo_spec import load_spec
from momo_spec.arithmetic import Arithmetic, Float64, Perturbed
from momo_spec.bounds import SAMPLES, UNIT_ROUNDOFF, Rows, flattened, rounding_bound
from momo_spec.evaluate import Evaluator


@dataclass(frozen=True)
class Batch:
    """
    Mean of squared residuals, and a penalty: ``mean((rows @ x - goal)**2) + sum(penalty * x**2)``.

    Attributes
    ----------
    rows : array, shape (m, n)
    goal : array, shape (m,)
    penalty : array, shape (n,), or float
    """

    rows: Vector
    goal: Vector
    penalty: Any = 0.0

    def loss_and_gradient(self, x: Vector, rounded: Rounded) -> tuple[float, Vector]:
        """Both at `x`, with the errors that `rounded` makes."""
        residual = rounded(np.column_stack([self.rows * x, -self.goal]), axis=1)
        loss = float(rounded(np.append(residual**2 / len(residual), self.penalty * x**2), axis=0))
        slopes = 2 / len(residual) * (self.rows.T * residual)
        return loss, rounded(np.column_stack([slopes, 2 * self.penalty * x]), axis=1)


class Rounded:
    """Sums with random errors: each term is rounded, and the sum is taken in any order."""

    def __init__(self, unit_roundoff: float, seed: int) -> None:
        self.unit_roundoff, self.random = unit_roundoff, np.random.default_rng(seed)

    def __call__(self, terms: Vector, axis: int) -> Vector:
        exact, magnitude = np.sum(terms, axis=axis), np.sum(np.abs(terms), axis=axis)
        order = 1 + np.sqrt(terms.shape[axis])
        noise = self.random.uniform(-1.0, 1.0, size=np.shape(exact))
        return np.asarray(exact + self.unit_roundoff * order * magnitude * noise)


@dataclass(frozen=True)
class Training:
    """
    A rule on batches of least squares.

    Attributes
    ----------
    optimizer : str
    hyper : mapping
    start : sequence of arrays
        Tensors, of which the batches see all elements in one row.
    batches : sequence of Batch
        One for each step.
    """

    optimizer: str
    hyper: Mapping[str, Any]
    start: Sequence[Vector]
    batches: Sequence[Batch]

    def rows(self, arithmetic: Arithmetic, rounded: Rounded) -> Rows:
        """Parameters after each step, the start first."""
        evaluator = Evaluator(load_spec(self.optimizer), self.hyper, arithmetic=arithmetic)
        params = evaluator.start(self.start)
        rows, cuts = [flattened(params)], np.cumsum([np.size(param) for param in self.start])[:-1]
        for batch in self.batches:
            loss, gradient = batch.loss_and_gradient(rows[-1], rounded)
            parts = np.split(gradient, cuts)
            grads = [part.reshape(np.shape(at)) for part, at in zip(parts, self.start, strict=True)]
            params, _ = evaluator.step(params, grads, loss)
            rows.append(flattened(params))
        return np.array(rows)

    def bound(self, dtype: str) -> Rows:
        """How far from the exact trajectory an implementation in a format may be, after each step."""
        unit = UNIT_ROUNDOFF[dtype]
        reference = self.rows(Float64(), Rounded(0.0, 0))
        runs = (self.rows(Perturbed(unit, seed=seed), Rounded(unit, seed)) for seed in range(SAMPLES))
        return rounding_bound(reference, runs, unit)
