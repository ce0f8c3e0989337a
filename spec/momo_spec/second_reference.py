"""
MoMo and MoMo-Adam once more, in the published form: a second oracle.

It averages losses, gradients and inner products and solves eq. (15)-(16) of arXiv
2305.07583 for the step, where the specification uses a recurrence; it reads no TOML and
shares no code with the evaluator.  Where both agree, neither has a slip of the pen.
Vectors are lists of numbers with exact or long arithmetic (`Fraction`, `mpf`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Real = Any
Vector = list[Real]


@dataclass
class Tensor:
    """One parameter tensor: position x, averages d and v, gamma = average of <g, x>."""

    x: Vector
    d: Vector
    v: Vector
    gamma: Real
    seen: bool = False
    u: Vector = field(default_factory=list)


class PublishedMomo:
    """
    A run of MoMo, or of MoMo-Adam where `hyper` has ``beta1``.

    Parameters
    ----------
    hyper : mapping
        All hyper-parameters by canonical name, numbers of the arithmetic.
    params : sequence of lists
    sqrt : callable
        Square root of the arithmetic.
    """

    def __init__(
        self, hyper: Mapping[str, Any], params: Sequence[Vector], sqrt: Callable[[Real], Real]
    ) -> None:
        self.hyper, self.sqrt, self.adam = hyper, sqrt, "beta1" in hyper
        self.tensors = [Tensor(list(x), [0] * len(x), [0] * len(x), 0) for x in params]
        self.rho: Real = 0
        self.f_bar: Real = 0
        self.product: Real = 1
        self.lb: Real = hyper["lower_bound"]
        self.tau: Real = 0

    def step(
        self,
        grads: Sequence[Vector | None],
        loss: Real,
        rates: Sequence[tuple[Real, Real]],
    ) -> None:
        """Take a step; `rates` are learning rate and weight decay of each tensor."""
        self.tau = 0
        values = [loss, *(g for grad in grads if grad is not None for g in grad)]
        if all(grad is None for grad in grads) or not all(math.isfinite(value) for value in values):
            return
        self._average(grads, loss)
        h = self.f_bar + sum(_dot(t.d, t.x) - t.gamma for t in self.tensors)
        moving = [
            (tensor, *own)
            for tensor, own, grad in zip(self.tensors, rates, grads, strict=True)
            if grad is not None
        ]
        largest = max(rate for rate, _ in rates)
        self._solve(h, moving, largest)
        for tensor, rate, decay in moving:
            self._move(tensor, self.tau * _over(rate, largest), 0 if decay == 0 else rate * decay)

    def _average(self, grads: Sequence[Vector | None], loss: Real) -> None:
        """Averages with weight 1 - beta for the new sample; beta = 0 in MoMo's first step."""
        hyper = self.hyper
        beta = hyper["beta1"] if self.adam else hyper["beta"]
        if not self.adam and not hyper["bias_correction"] and self.rho == 0:
            beta = 0
        self.rho = beta * self.rho + (1 - beta)
        self.f_bar = beta * self.f_bar + (1 - beta) * loss
        if self.adam:
            self.product = self.product * hyper["beta2"]
        for tensor, grad in zip(self.tensors, grads, strict=True):
            self._average_tensor(tensor, grad, beta)

    def _average_tensor(self, tensor: Tensor, grad: Vector | None, beta: Real) -> None:
        """An absent gradient stands for the average; a first one for all the past."""
        g = tensor.d if grad is None else grad
        old, new = (beta, 1 - beta) if tensor.seen or grad is None else (0, self.rho)
        tensor.gamma = old * tensor.gamma + new * _dot(g, tensor.x)
        if grad is None:
            return
        tensor.d = [old * d + new * g for d, g in zip(tensor.d, grad, strict=True)]
        tensor.u = tensor.d
        if self.adam:
            old, new = self.hyper["beta2"], 1 - self.hyper["beta2"]
            old, new = (old, new) if tensor.seen else (0, 1 - self.product)
            tensor.v = [old * v + new * g * g for v, g in zip(tensor.v, grad, strict=True)]
            metric = [self.sqrt(v / (1 - self.product)) + self.hyper["eps"] for v in tensor.v]
            tensor.u = [d / m if m else 0 for d, m in zip(tensor.d, metric, strict=True)]
        tensor.seen = True

    def _solve(self, h: Real, moving: list[tuple[Tensor, Real, Real]], largest: Real) -> None:
        """Reset of the lower bound, step size, estimate of the lower bound."""
        hyper, rho = self.hyper, self.rho
        value, norm = self._decayed(h, moving, largest)
        star = hyper["adapt_lower_bound"] and largest > 0
        first = hyper["lower_bound"]
        if star and value - rho * self.lb < hyper["reset_margin"] * (value - rho * first):
            self.lb = max((value / rho + first) / 2, first)
        gap = value - rho * self.lb
        if norm > 0 and gap > 0:
            self.tau = min(largest / rho, gap / norm)
        if star:
            n = sum(_over(rate, largest) * _dot(t.d, t.u) for t, rate, _ in moving)
            self.lb = max((h - self.tau * n / 2) / rho, first)

    def _decayed(self, h: Real, moving: list[tuple[Tensor, Real, Real]], largest: Real) -> tuple[Real, Real]:
        """Model value after the decay alone, and what a unit step takes off it (joint form)."""
        value, norm = h, 0
        for tensor, rate, decay in moving:
            c = 0 if decay == 0 else rate * decay
            q = 1 + c if self.hyper["proximal_decay"] or self.hyper["authors_numerator"] else 1
            value -= c * _dot(tensor.d, tensor.x) / q
            norm += _over(rate, largest) * _dot(tensor.d, tensor.u) / q
        return value, norm

    def _move(self, tensor: Tensor, tau: Real, c: Real) -> None:
        if self.hyper["proximal_decay"]:
            tensor.x = [(x - tau * u) / (1 + c) for x, u in zip(tensor.x, tensor.u, strict=True)]
        else:
            tensor.x = [(1 - c) * x - tau * u for x, u in zip(tensor.x, tensor.u, strict=True)]


def _dot(left: Vector, right: Vector) -> Real:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _over(rate: Real, largest: Real) -> Real:
    return 1 if rate == largest else rate / largest
