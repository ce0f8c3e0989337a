"""
Every optimizer once more, in the published form: a second oracle.

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

from .second_adaptive import Planes, published_beta

Real = Any
Vector = list[Real]
Gradients = Sequence[Vector | None]
Rates = Sequence[tuple[Real, Real]]
"""Learning rate and weight decay of each tensor."""

DIRECTIONS = (
    "momentum", "adam", "adam_tied", "adagrad", "amsgrad", "am_sgd", "am_adam", "am_adamw", "fsgdm"
)  # fmt: skip
MODELS = ("cut", "fixed", "heavy_ball")

EUCLIDEAN = ("momentum", "am_sgd", "fsgdm")
"""Directions without a metric."""

SQUARES = ("adam", "amsgrad", "am_adam", "am_adamw")
"""Directions with an average of squares that beta2 forgets."""


@dataclass
class Tensor:
    """One parameter tensor: position x, averages d and v, gamma = average of <g, x>, metric."""

    x: Vector
    d: Vector
    v: Vector
    largest: Vector
    metric: Vector
    gamma: Real = 0
    product: Real = 1
    seen: bool = False
    u: Vector = field(default_factory=list)


class PublishedRun:
    """
    A run of an optimizer.

    Parameters
    ----------
    direction : str
        How gradients are averaged, by the name in the specification.
    model : str
        ``cut`` at a lower bound, ``fixed``, or ``heavy_ball``.
    hyper : mapping
        All hyper-parameters by canonical name, numbers of the arithmetic.
    params : sequence of lists
    sqrt : callable
        Square root of the arithmetic.
    """

    def __init__(
        self,
        direction: str,
        model: str,
        hyper: Mapping[str, Any],
        params: Sequence[Vector],
        sqrt: Callable[[Real], Real],
    ) -> None:
        self.direction, self.model, self.hyper, self.sqrt = direction, model, hyper, sqrt
        self.cut = model == "cut"
        self.adaptive = direction.startswith("am_")
        self.tensors = [
            Tensor(list(x), [0] * len(x), [0] * len(x), [0] * len(x), [1] * len(x)) for x in params
        ]
        self.steps = 0
        self.rho: Real = 0
        self.f_bar: Real = 0
        self.product: Real = 1
        self.lb: Real = hyper.get("lower_bound", 0)
        self.last_rate: Real = 0
        self.tau: Real = 0
        self.beta: Real = 0

    def step(self, grads: Gradients, loss: Real, rates: Rates) -> None:
        """Take a step."""
        self.tau = self.beta = 0
        values = [loss if self.cut else 0, *(g for grad in grads if grad is not None for g in grad)]
        if all(grad is None for grad in grads) or not all(math.isfinite(value) for value in values):
            return
        largest = max(rate for rate, _ in rates)
        self._average(grads, loss, rates, largest)
        moving = [
            (tensor, *own)
            for tensor, own, grad in zip(self.tensors, rates, grads, strict=True)
            if grad is not None
        ]
        self.tau = largest if self.model == "heavy_ball" else largest / self.rho
        if self.cut:
            h = self.f_bar + sum(dot(t.d, t.x) - t.gamma for t in self.tensors)
            self._solve(h, moving, largest)
        for tensor, rate, decay in moving:
            self._move(tensor, self.tau * over(rate, largest), 0 if decay == 0 else rate * decay)
        self.last_rate = largest
        self.steps += 1

    def _average(self, grads: Gradients, loss: Real, rates: Rates, largest: Real) -> None:
        """Averages; the new sample has the weight 1 - beta, and all of it in a first step uncorrected."""
        hyper, staged = self.hyper, self.direction == "fsgdm"
        self.product = self.product * hyper.get("beta2", 0)
        beta = staged_momentum(self.steps, hyper) if staged else hyper.get("beta1", hyper.get("beta", 0))
        new_rho = beta * self.rho + (1 - beta)
        for tensor, grad in zip(self.tensors, grads, strict=True):
            if grad is not None:
                tensor.metric = self._metric(tensor, grad, new_rho)
        betas = self._adapted(grads, rates, largest) if self.adaptive else [beta for _ in grads]
        if self.adaptive and self.cut:
            beta = (self.beta + hyper["lambd"]) / (1 + hyper["lambd"])
        if self.rho == 0 and (self.adaptive or hyper.get("bias_correction") is False):
            beta = 0
        share = 1 if staged else 1 - beta
        self.rho = 1 if self.adaptive else beta * self.rho + share
        if self.cut:
            self.f_bar = beta * self.f_bar + share * loss
        for tensor, grad, own in zip(self.tensors, grads, betas, strict=True):
            if self.direction == "am_adamw":
                self._average_damped(tensor, grad, own)
            elif self.adaptive:
                own = (own + hyper["lambd"]) / (1 + hyper["lambd"])
                self._average_tensor(tensor, grad, own, 1 - own)
            else:
                self._average_tensor(tensor, grad, beta, share)

    def _adapted(self, grads: Gradients, rates: Rates, largest: Real) -> list[Real]:
        """Momentum coefficient of each tensor; `beta` becomes that of the step, or the mean."""
        planes = [
            Planes(grad, tensor.d, tensor.x, tensor.metric, *own, over(own[0], largest), tensor.seen)
            for tensor, grad, own in zip(self.tensors, grads, rates, strict=True)
            if grad is not None
        ]
        kappa = 1 if largest in (0, self.last_rate) else self.last_rate / largest
        scalar_penalty = self.hyper.get("metric_penalty", True)
        blocks = [[plane] for plane in planes] if self.hyper.get("beta_scope") == "tensor" else [planes]
        found = [published_beta(block, kappa, self.hyper, scalar_penalty) for block in blocks]
        self.beta = sum(found) / len(found)
        each = iter(found if len(blocks) == len(planes) else found * len(planes))
        return [self.beta if grad is None else next(each) for grad in grads]

    def _average_damped(self, tensor: Tensor, grad: Vector | None, beta: Real) -> None:
        """``d = (I + lambda P)^-1 [(1 - beta) g + (lambda P + beta) d]`` and u = P^-1 d."""
        if grad is None:
            return
        beta, lambd = beta if tensor.seen else self.hyper["beta_max"], self.hyper["lambd"]
        penalty = [lambd if self.hyper["metric_penalty"] else lambd * p for p in tensor.metric]
        mixed = zip(tensor.d, grad, penalty, strict=True)
        tensor.d = [((1 - beta) * g + (p + beta) * d) / (1 + p) for d, g, p in mixed]
        tensor.product = tensor.product * beta
        tensor.u = [d / m if m else 0 for d, m in zip(tensor.d, tensor.metric, strict=True)]
        tensor.seen = True

    def _average_tensor(self, tensor: Tensor, grad: Vector | None, beta: Real, share: Real) -> None:
        """What a plane lacks fades where the gradient is absent; a first gradient is all its past."""
        if grad is None:
            tensor.gamma = beta * tensor.gamma + (1 - beta) * dot(tensor.d, tensor.x)
            return
        old, new = (beta, share) if tensor.seen else (0, self.rho)
        tensor.gamma = old * tensor.gamma + new * dot(grad, tensor.x)
        tensor.d = [old * d + new * g for d, g in zip(tensor.d, grad, strict=True)]
        tensor.u = [d / m if m else 0 for d, m in zip(tensor.d, tensor.metric, strict=True)]
        tensor.seen = True

    def _metric(self, tensor: Tensor, grad: Vector, rho: Real) -> Vector:
        """Diagonal of D_k, or of P_t in AM."""
        if self.direction in EUCLIDEAN:
            return tensor.metric
        if self.direction == "adagrad":
            tensor.v = [v + g * g for v, g in zip(tensor.v, grad, strict=True)]
            return [self.sqrt(v) + self.hyper["eps"] for v in tensor.v]
        squares = self.direction in SQUARES
        beta, weight = (self.hyper["beta2"], 1 - self.product) if squares else (self.hyper["beta"], rho)
        old, new = (beta, 1 - beta) if tensor.seen else (0, weight)
        tensor.v = [old * v + new * g * g for v, g in zip(tensor.v, grad, strict=True)]
        corrected = [v / weight for v in tensor.v]
        if self.direction == "amsgrad":
            corrected = tensor.largest = list(map(max, tensor.largest, corrected))
        factor = 1 - self.hyper["beta_max"] * tensor.product if self.direction == "am_adamw" else 1
        return [factor * (self.sqrt(v) + self.hyper["eps"]) for v in corrected]

    def _solve(self, h: Real, moving: list[tuple[Tensor, Real, Real]], largest: Real) -> None:
        """Reset of the lower bound, step size, estimate of the lower bound."""
        hyper, rho = self.hyper, self.rho
        value, norm = self._decayed(h, moving, largest)
        star = hyper["adapt_lower_bound"] and largest > 0
        first = hyper["lower_bound"]
        if star and value - rho * self.lb < hyper["reset_margin"] * (value - rho * first):
            self.lb = max((value / rho + first) / 2, first)
        gap = value - rho * self.lb
        self.tau = min(largest / rho, gap / norm) if norm > 0 and gap > 0 else 0
        if star:
            n = sum(over(rate, largest) * dot(t.d, t.u) for t, rate, _ in moving)
            self.lb = max((h - self.tau * n / 2) / rho, first)

    def _decayed(self, h: Real, moving: list[tuple[Tensor, Real, Real]], largest: Real) -> tuple[Real, Real]:
        """Model value after the decay alone, and what a unit step takes off it (joint form)."""
        value, norm = h, 0
        for tensor, rate, decay in moving:
            c = 0 if decay == 0 else rate * decay
            q = 1 + c if self.hyper["proximal_decay"] or self.hyper["authors_numerator"] else 1
            value -= c * dot(tensor.d, tensor.x) / q
            norm += over(rate, largest) * dot(tensor.d, tensor.u) / q
        return value, norm

    def _move(self, tensor: Tensor, tau: Real, c: Real) -> None:
        if self.hyper["proximal_decay"]:
            tensor.x = [(x - tau * u) / (1 + c) for x, u in zip(tensor.x, tensor.u, strict=True)]
        else:
            tensor.x = [(1 - c) * x - tau * u for x, u in zip(tensor.x, tensor.u, strict=True)]


def staged_momentum(step: int, hyper: Mapping[str, Any]) -> Real:
    """
    ``u(t_s)`` with ``u(t) = t / (t + c Sigma)``: t_s is the step at which the stage of a step began.

    A stage has ``delta = max(Sigma / N, 1)`` steps; Sigma and N are whole numbers.
    """
    total, stages = hyper["total_steps"], hyper["stages"]
    stage = min(step * int(stages) // int(total), step)
    start = stage * max(total / stages, 1)
    return start / (start + hyper["growth"] * total)


def dot(left: Vector, right: Vector) -> Real:
    """Inner product."""
    return sum(a * b for a, b in zip(left, right, strict=True))


def over(rate: Real, largest: Real) -> Real:
    """`rate` over the largest, 1 where both are infinite or 0."""
    return 1 if rate == largest else rate / largest
