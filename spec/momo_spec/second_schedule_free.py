"""Schedule-free SGD with a Polyak step once more, in the form of its derivation: a second oracle."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .second_reference import Gradients, Rates, Real, Vector, dot, over


@dataclass
class Point:
    """One parameter tensor: where the gradient is taken (x), the fast sequence z and its average."""

    x: Vector
    z: Vector
    average: Vector


class ScheduleFreeRun:
    """
    A run; see `second_reference.PublishedRun`.

    The plane with the slope g through the loss at x, cut at the lower bound, is minimized near z:
    ``gamma = min(rate, [f + <g, z - x> - bound]_+ / ||g||^2)``, and ``z = z - gamma g``.

    Parameters
    ----------
    hyper : mapping
        ``beta`` and ``lower_bound``.
    params : sequence of lists
    """

    def __init__(self, hyper: Mapping[str, Any], params: Sequence[Vector]) -> None:
        self.mix, self.lb = hyper["beta"], hyper["lower_bound"]
        self.tensors = [Point(list(x), list(x), list(x)) for x in params]
        self.tau: Real = 0
        self.beta: Real = 0
        self.gammas: list[Real] = []

    def step(self, grads: Gradients, loss: Real, rates: Rates) -> None:
        """Take a step."""
        self.tau = 0
        values = [loss, *(g for grad in grads if grad is not None for g in grad)]
        if all(grad is None for grad in grads) or not all(math.isfinite(value) for value in values):
            return
        largest = max(rate for rate, _ in rates)
        moving = [
            (tensor, grad, over(rate, largest))
            for tensor, grad, (rate, _) in zip(self.tensors, grads, rates, strict=True)
            if grad is not None
        ]
        height = loss + sum(dot(g, t.z) - dot(g, t.x) for t, g, _ in moving) - self.lb
        norm = sum(share * dot(g, g) for _, g, share in moving)
        self.tau = min(largest, height / norm) if norm > 0 and height > 0 else 0
        self.gammas.append(self.tau)
        for tensor, grad, share in moving:
            self._move(tensor, grad, self.tau * share)

    def _move(self, tensor: Point, grad: Vector, gamma: Real) -> None:
        """The average of the fast sequence has the weights gamma; x lies between both."""
        total = sum(self.gammas)
        newest = self.tau / total if total else 1
        tensor.z = [z - gamma * g for z, g in zip(tensor.z, grad, strict=True)]
        pairs = list(zip(tensor.average, tensor.z, strict=True))
        tensor.average = [a + newest * (z - a) for a, z in pairs]
        pairs = list(zip(tensor.average, tensor.z, strict=True))
        tensor.x = [z + self.mix * (a - z) for a, z in pairs]
