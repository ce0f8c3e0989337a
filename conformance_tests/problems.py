"""Small problems with hand-written gradients, and their steps as an optimizer takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

import momo_core

Vector = npt.NDArray[np.float64]
EPS = 2.0**-53


@dataclass(frozen=True)
class Problem:
    """
    Losses of several samples of a parameter vector.

    Attributes
    ----------
    start, target : array, shape (n,)
        First parameters, and a point to compare with: a minimiser where the samples share one.
    samples : int
    evaluate : (param, sample) -> (loss, gradient)
    """

    start: Vector
    target: Vector
    samples: int
    evaluate: Callable[[Vector, int], tuple[float, Vector]]

    def target_losses(self) -> list[float]:
        """Loss of each sample at the target."""
        return [self.evaluate(self.target, sample)[0] for sample in range(self.samples)]


def least_squares(random: np.random.Generator, *, noise: float = 0.0) -> Problem:
    """Half the squared residual of one equation; without noise all have a common solution."""
    rows, start, target = _rows(random)
    right = rows @ target + noise * random.normal(size=len(rows))

    def evaluate(param: Vector, sample: int) -> tuple[float, Vector]:
        residual = rows[sample] @ param - right[sample]
        return float(residual**2 / 2), rows[sample] * residual

    return Problem(start, target, len(rows), evaluate)


def noisy_least_squares(random: np.random.Generator) -> Problem:
    """Equations without a common solution."""
    return least_squares(random, noise=0.5)


def absolute_residuals(random: np.random.Generator) -> Problem:
    """Absolute residual of one equation; all have a common solution."""
    rows, start, target = _rows(random)
    right = rows @ target

    def evaluate(param: Vector, sample: int) -> tuple[float, Vector]:
        residual = rows[sample] @ param - right[sample]
        return float(abs(residual)), rows[sample] * np.sign(residual)

    return Problem(start, target, len(rows), evaluate)


def planes(random: np.random.Generator) -> Problem:
    """Maximum of zero and of planes below zero at the target."""
    _, start, target = _rows(random)
    slopes = random.normal(size=(4, 5, len(target)))
    offsets = slopes @ target + random.uniform(0, 0.5, size=(4, 5))

    def evaluate(param: Vector, sample: int) -> tuple[float, Vector]:
        values = slopes[sample] @ param - offsets[sample]
        top = int(np.argmax(values))
        if values[top] <= 0:
            return 0.0, np.zeros_like(param)
        return float(values[top]), slopes[sample, top]

    return Problem(start, target, len(slopes), evaluate)


def logistic(random: np.random.Generator) -> Problem:
    """Logistic loss of separable points: convex, without a minimiser; the target separates."""
    rows, start, target = _rows(random)
    signs = np.sign(rows @ target)

    def evaluate(param: Vector, sample: int) -> tuple[float, Vector]:
        margin = signs[sample] * (rows[sample] @ param)
        small = np.exp(-abs(margin))
        slope = (small if margin > 0 else 1.0) / (1 + small)
        return float(max(-margin, 0.0) + np.log1p(small)), -signs[sample] * slope * rows[sample]

    return Problem(start, target, len(rows), evaluate)


def network(random: np.random.Generator) -> Problem:
    """Squared error of a network with two inputs, three hidden units (tanh) and one output."""
    inputs, outputs = random.normal(size=(6, 2)), random.normal(size=6)
    start = random.normal(size=12)

    def evaluate(param: Vector, sample: int) -> tuple[float, Vector]:
        first, bias, second = param[:6].reshape(3, 2), param[6:9], param[9:]
        hidden = np.tanh(first @ inputs[sample] + bias)
        residual = second @ hidden - outputs[sample]
        back = residual * second * (1 - hidden**2)
        gradient = np.concatenate([np.outer(back, inputs[sample]).ravel(), back, residual * hidden])
        return float(residual**2 / 2), gradient

    return Problem(start, np.zeros_like(start), len(inputs), evaluate)


def _rows(random: np.random.Generator) -> tuple[Vector, Vector, Vector]:
    """Rows of a matrix, a start and a target."""
    size = int(random.integers(1, 5))
    scale = 10.0 ** random.uniform(-1, 1)
    return scale * random.normal(size=(6, size)), random.normal(size=size), random.normal(size=size)


SHARED_MINIMUM = (least_squares, absolute_residuals, planes)
"""Convex problems whose samples all have their minimum, zero, at the target."""

CONVEX = (*SHARED_MINIMUM, noisy_least_squares, logistic)


@st.composite
def problems(draw: st.DrawFn, kinds: Sequence[Callable[[np.random.Generator], Problem]]) -> Problem:
    kind = draw(st.sampled_from(kinds))
    return kind(np.random.default_rng(draw(st.integers(0, 2**32 - 1))))


@dataclass(frozen=True)
class Record:
    """
    A step, with what the mathematics calls its parts.

    Attributes
    ----------
    number : int
        Counted from one.
    param, new_param, grad, grad_avg : array, shape (n,)
    metric : array, shape (n,)
        Diagonal of the metric: ones for MoMo.
    loss, beta, share, weight, model_value : float
        `beta` and `share` are those of the past and of the sample in the averages, `weight`
        is theirs; the model value is at `param`, times the weight.
    lower_bound : float
        Before the step.
    magnitude : float
        Sum of the absolute values of all terms that `model_value` is made of.
    info : dict
        What the optimizer says of the step.
    """

    number: int
    param: Vector
    new_param: Vector
    grad: Vector
    grad_avg: Vector
    metric: Vector
    loss: float
    beta: float
    share: float
    weight: float
    model_value: float
    lower_bound: float
    magnitude: float
    info: Mapping[str, float]

    @property
    def move(self) -> Vector:
        return self.new_param - self.param

    @property
    def norm_sq(self) -> float:
        """Squared norm of the averaged gradient, in the dual norm of the metric."""
        return float(self.grad_avg @ (self.grad_avg / self.metric))

    @property
    def model_error(self) -> float:
        """Bound of the rounding error of `model_value`: each term passes fewer operations."""
        return 4 * (self.number + 3) * (len(self.param) + 8) * EPS * self.magnitude

    @property
    def next_model_error(self) -> float:
        """The same of the model's value after the step."""
        return replace(self, magnitude=self.next_magnitude).model_error

    @property
    def next_magnitude(self) -> float:
        return self.magnitude + float(abs(self.grad_avg) @ (abs(self.param) + abs(self.new_param)))


def record_run(
    optimizer: str,
    hyper: Mapping[str, Any],
    problem: Problem,
    samples: Sequence[int],
    step_hyper: Sequence[Mapping[str, float]] | None = None,
) -> list[Record]:
    """Run an optimizer of `momo_core` on a problem, one sample a step."""
    rule = momo_core.KINDS[optimizer].checked_rule(hyper)
    state = rule.init([problem.start])
    records: list[Record] = []
    for index, sample in enumerate(samples):
        param = records[-1].new_param if records else problem.start
        loss, grad = problem.evaluate(param, sample)
        own = step_hyper[index] if step_hyper else {}
        before = state
        (new_param,), state, info = rule.step([param], [grad], loss, state, hyper=own)
        beta, share = shares(rule, before, state, info)
        terms = abs(loss) + abs(grad) @ (abs(param) + abs(problem.target))
        record = Record(
            number=index + 1,
            param=param,
            new_param=new_param,
            grad=grad,
            grad_avg=state.leaves[0]["grad_avg"],
            metric=metric(rule, state),
            loss=loss,
            beta=beta,
            share=share,
            weight=float(state.scalars["weight"]),
            model_value=share * loss + beta * float(before.scalars["predicted_loss"]),
            lower_bound=float(before.scalars["lower_bound_estimate"]),
            magnitude=float(share * terms + beta * (records[-1].next_magnitude if records else 0)),
            info={name: float(value) for name, value in info._asdict().items()},
        )
        records.append(record)
    return records


def shares(
    rule: momo_core.Rule, before: momo_core.State, after: momo_core.State, info: momo_core.Info
) -> tuple[float, float]:
    """Shares of the past and of the sample in the averages of a step."""
    beta, old, new = float(info.beta), float(before.scalars["weight"]), float(after.scalars["weight"])
    if "lambd" in rule.hyper:
        lambd = rule.hyper["lambd"]
        beta = 0.0 if old == 0 else (beta + lambd) / (1 + lambd)
    return beta, new - beta * old


def metric(rule: momo_core.Rule, state: momo_core.State, index: int = 0) -> Vector:
    """Diagonal of the metric of the last step, for one tensor."""
    leaf, scalars = state.leaves[index], state.scalars
    if "eps" not in rule.hyper:
        return np.ones_like(leaf["grad_avg"])
    if "grad_sq_sum" in leaf:
        squares = leaf["grad_sq_sum"]
    elif "grad_sq_max" in leaf:
        squares = leaf["grad_sq_max"]
    else:
        decay = scalars.get("grad_sq_decay")
        squares = leaf["grad_sq_avg"] / (scalars["weight"] if decay is None else 1 - decay)
    return np.asarray(rule.hyper["eps"] + np.sqrt(squares))
