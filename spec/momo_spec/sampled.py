"""
Trajectories of arbitrary floating-point numbers, with bounds on the rounding error.

Gradients and losses belong to a noisy quadratic evaluated at the reference's own
parameters, or are drawn without one; they are binary32 numbers, so that every
implementation gets the same.  Only operations that IEEE 754 rounds correctly are used, so
that the numbers come out the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import numpy as np

from .arithmetic import Array, Perturbed, Precise
from .bounds import SAMPLES, UNIT_ROUNDOFF, Rows, flattened, rounding_bound
from .exact import SKIPPING
from .hexfloat import to_float32
from .load import OptimizerSpec
from .problem import Outcome, Problem, Run, Step

ATTEMPTS = 200
LEAST_MARGIN = 2.0**-10
FORMATS = {"f64": "float64", "f32": "float32", "f16": "float16", "bf16": "bfloat16"}

Bounds = dict[str, dict[str, list[float]]]
"""Bound after each step, by format and by quantity."""


@dataclass(frozen=True)
class SampledCase:
    """
    A trajectory of arbitrary numbers.

    Attributes
    ----------
    comment : str
    hyper : mapping
    steps : int
    shapes : tuple of tuple of int
        Of the tensors.
    kind : str
        ``quadratic``: noisy quadratic with minimum 1/4; ``random``: independent draws;
        ``squares``: the sum of squares from 1, 2, 3, ...
    scale : float
        Factor of losses and gradients.
    start : float
        Size of the parameters.
    rates : sequence of float
        Learning rate of each step; empty for a constant one.
    spikes : mapping of int to float
        Factor of the loss and gradients of single steps.
    spoiled : mapping of int to str
        Steps with something that is not finite, a key of `exact.SKIPPING`.
    missing : mapping of int to tuple of int
        Tensors without a gradient, by step.
    groups, group_of
        As in `Problem`.
    formats : tuple of str
        Formats with a bound; binary64 alone where binary32 overflows.
    """

    comment: str
    hyper: Mapping[str, Any]
    steps: int = 20
    shapes: tuple[tuple[int, ...], ...] = ((2, 2), (3,))
    kind: str = "quadratic"
    scale: float = 1.0
    start: float = 2.0
    rates: tuple[float, ...] = ()
    spikes: Mapping[int, float] = field(default_factory=dict)
    spoiled: Mapping[int, str] = field(default_factory=dict)
    missing: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    groups: tuple[Mapping[str, float], ...] = ()
    group_of: tuple[int, ...] = ()
    formats: tuple[str, ...] = ("f64", "f32")


class NoTrajectoryError(ArithmeticError):
    """No seed keeps its distance from the discontinuity."""


def sampled_trajectory(
    spec: OptimizerSpec, case: SampledCase
) -> tuple[Problem, list[Step], list[Outcome], Bounds]:
    """
    First trajectory, by seed, that no rounding error pushes over a discontinuity.

    Raises
    ------
    NoTrajectoryError
        If there is none.
    """
    for seed in range(ATTEMPTS):
        problem, steps, outcomes = _Sampler(spec, case, Random(f"{case.comment} {seed}")).sample()
        if min(outcome.margin for outcome in outcomes) < LEAST_MARGIN:
            continue
        bounds = error_bounds(spec, problem, steps, outcomes, case.formats)
        if bounds:
            return problem, steps, outcomes, bounds
    raise NoTrajectoryError(f"{spec.name}: no trajectory for {case.comment!r}")


def error_bounds(
    spec: OptimizerSpec,
    problem: Problem,
    steps: Sequence[Step],
    reference: Sequence[Outcome],
    formats: Sequence[str],
) -> Bounds | None:
    """Bounds of all quantities; None if a perturbed run takes another branch than the reference."""
    bounds: Bounds = {}
    exact = trajectory_rows(problem, reference)
    for name in formats:
        unit = UNIT_ROUNDOFF[FORMATS[name]]
        runs = [evaluate(spec, problem, steps, Perturbed(unit, seed=seed)) for seed in range(SAMPLES)]
        if any(jumps(run) != jumps(reference) for run in runs):
            return None
        rows = [trajectory_rows(problem, run) for run in runs]
        bounds[name] = {
            key: [rounded_up(bound) for bound in rounding_bound(exact[key], [r[key] for r in rows], unit)[1:]]
            for key in exact
        }
    return bounds


def evaluate(spec: OptimizerSpec, problem: Problem, steps: Sequence[Step], arithmetic: Any) -> list[Outcome]:
    """Outcomes of all steps in an arithmetic."""
    run = Run(spec, problem, arithmetic)
    return [run.step(step) for step in steps]


def trajectory_rows(problem: Problem, outcomes: Sequence[Outcome]) -> dict[str, Rows]:
    """
    Quantities of a trajectory that rounding errors reach, as floats.

    Returns
    -------
    dict of arrays, shape (steps + 1, values)
        ``params`` and each finite quantity of the info; the first row is the start.
    """
    rows = {"params": np.array([flattened(problem.x0), *(flattened(outcome.params) for outcome in outcomes)])}
    for name in outcomes[0].info:
        values = [float(outcome.info[name]) for outcome in outcomes]
        if all(math.isfinite(value) for value in values):
            rows[name] = np.array([0.0, *values])[:, None]
    return rows


def rounded_up(value: float) -> float:
    """The next number of two decimal digits."""
    if value == 0 or not math.isfinite(value):
        return value
    exponent = math.floor(math.log10(value)) - 1
    return float(f"{math.ceil(value / 10.0**exponent)}e{exponent}")


def jumps(outcomes: Sequence[Outcome]) -> list[bool]:
    """Which side of each discontinuity a trajectory took."""
    return [outcome.branch == kind for outcome in outcomes for kind in ("reset", "skip")]


class _Sampler:
    """Draw the inputs of one trajectory while the reference walks it."""

    def __init__(self, spec: OptimizerSpec, case: SampledCase, random: Random) -> None:
        self.case, self.random, self.needs_loss = case, random, spec.needs_loss
        self.curvature = [self._drawn(shape, lambda: 2.0 ** -random.randint(0, 4)) for shape in case.shapes]
        self.minimum = [self._drawn(shape, self._uniform) for shape in case.shapes]
        self.problem = Problem(
            hyper=case.hyper,
            x0=tuple(self._start(shape) for shape in case.shapes),
            groups=case.groups,
            group_of=case.group_of,
        )
        self.run = Run(spec, self.problem, Precise())

    def sample(self) -> tuple[Problem, list[Step], list[Outcome]]:
        """All steps, and what they do."""
        steps, outcomes = [], []
        for index in range(self.case.steps):
            step = self._step(index)
            steps.append(step)
            outcomes.append(self.run.step(step))
        return self.problem, steps, outcomes

    def _step(self, index: int) -> Step:
        case = self.case
        draws = {
            "quadratic": self._noisy_quadratic,
            "random": self._independent,
            "squares": self._sum_of_squares,
        }
        grads, loss = draws[case.kind]()
        factor = case.scale * case.spikes.get(index, 1.0)
        hyper = {"learning_rate": case.rates[index]} if case.rates else {}
        step = Step(
            tuple(
                None if leaf in case.missing.get(index, ()) else rounded(factor * grad)
                for leaf, grad in enumerate(grads)
            ),
            to_float32(factor * loss) if self.needs_loss else None,
            hyper,
        )
        return _spoil(step, case.spoiled[index]) if index in case.spoiled else step

    def _noisy_quadratic(self) -> tuple[list[Array], float]:
        """``sum(a * (x - m)**2) / 2 + 1/4`` with noisy minimum m."""
        grads, loss = [], 0.25
        for param, curvature, minimum in zip(self.run.params, self.curvature, self.minimum, strict=True):
            noise = self._drawn(np.shape(param), lambda: 0.25 * self._uniform())
            distance = np.array(param, dtype=np.float64) - (minimum + noise)
            grads.append(np.asarray(curvature * distance))
            for term in np.asarray(curvature * distance * distance).flat:
                loss += 0.5 * float(term)
        return grads, loss

    def _independent(self) -> tuple[list[Array], float]:
        grads = [self._drawn(shape, self._uniform) for shape in self.case.shapes]
        return grads, 2.0 * self.random.random() - 0.25

    def _sum_of_squares(self) -> tuple[list[Array], float]:
        params = [np.array(param, dtype=np.float64) for param in self.run.params]
        return [2.0 * param for param in params], sum(float(x) * float(x) for p in params for x in p.flat)

    def _start(self, shape: tuple[int, ...]) -> Array:
        if self.case.kind == "squares":
            return np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)
        return self._drawn(shape, lambda: to_float32(self.case.start * self._uniform()))

    def _uniform(self) -> float:
        return 2.0 * self.random.random() - 1.0

    def _drawn(self, shape: tuple[int, ...], draw: Any) -> Array:
        array: Array = np.zeros(shape)
        for index in np.ndindex(*shape):
            array[index] = draw()
        return array


def rounded(array: Array) -> Array:
    """The nearest binary32 numbers."""
    return np.array(np.vectorize(to_float32, otypes=[np.float64])(array))


def _spoil(step: Step, kind: str) -> Step:
    loss, element = SKIPPING[kind]
    if element is None:
        return replace(step, loss=loss)
    first = next(index for index, grad in enumerate(step.grads) if grad is not None)
    grads = list(step.grads)
    spoiled = np.array(grads[first])
    spoiled.flat[0] = element
    grads[first] = spoiled
    return replace(step, grads=tuple(grads))
