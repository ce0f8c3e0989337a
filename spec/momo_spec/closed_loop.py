"""
Trajectories whose losses and gradients are those at the parameters themselves (tier T3).

A linear network is trained on a few samples: with one layer that is least squares, with more it is no
convex problem.  Rounding errors feed back, so that a trajectory ends where its bound would say too little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np

from .arithmetic import Array, Precise
from .batch import Batch
from .bounds import flattened
from .hexfloat import to_float32
from .load import OptimizerSpec
from .problem import Outcome, Problem, Run, Step
from .sampled import ATTEMPTS, LEAST_MARGIN, Bounds, NoTrajectoryError, error_bounds, rounded
from .sweeps import accepts

BOUNDED = ("f64", "f32")
"""Formats that have bounds."""

LARGEST_BOUND = 2.0**-8
"""Of the largest distance from the start so far: a trajectory ends before its bound in binary32 is more."""

LEAST_STEPS = 8


@dataclass(frozen=True)
class TrainingCase:
    """
    A network and its samples.

    Attributes
    ----------
    comment : str
    hyper : mapping
    widths : tuple of int
        Features, outputs of each layer.
    samples, batch : int
        Number of samples, and how many of them a step sees, in turn.
    steps : int
        At most.
    spread : int
        Features are scaled by powers of two from 0 to minus this number: the root of the condition.
    noise : float
        How far the targets are from those of any network.
    falling : bool
        Whether the learning rate falls to zero.
    """

    comment: str
    hyper: Mapping[str, Any]
    widths: tuple[int, ...] = (4, 1)
    samples: int = 8
    batch: int = 8
    steps: int = 20
    spread: int = 0
    noise: float = 0.0
    falling: bool = False


def training_cases(spec: OptimizerSpec) -> list[TrainingCase]:
    """Cases of tier T3: those whose hyper-parameters the optimizer has."""
    return [case for case in _cases("eps" in spec.hyper) if accepts(spec, case.hyper)]


def _cases(adam: bool) -> Iterator[TrainingCase]:
    base = {"learning_rate": 0.0625 if adam else 0.5}
    decay = {**base, "weight_decay": 0.05}
    star = {**base, "adapt_lower_bound": True}
    yield TrainingCase("least squares, many steps", base, steps=40)
    yield TrainingCase("least squares, ill-conditioned, falling rate", decay, spread=5, falling=True)
    yield TrainingCase("mini-batches that no layer fits", base, (4, 2), samples=16, batch=4, noise=0.5)
    yield TrainingCase("two layers", base, (3, 4, 2))
    yield TrainingCase("two layers, estimator", {**star, "lower_bound": -1.0}, (3, 2, 2), batch=4, noise=0.25)
    uncapped = {"learning_rate": math.inf, "lower_bound": 0.0}
    yield TrainingCase("two layers, uncapped", uncapped, (3, 4, 2), steps=60, spread=8, noise=0.25)


def trained(spec: OptimizerSpec, case: TrainingCase) -> tuple[Problem, list[Step], list[Outcome], Bounds]:
    """
    First trajectory, by seed, that no rounding error pushes over a discontinuity.

    Raises
    ------
    NoTrajectoryError
        If there is none of at least `LEAST_STEPS` steps.
    """
    for seed in range(ATTEMPTS):
        problem, steps = _drawn(case, Random(f"{case.comment} {seed}"))
        run = Run(spec, problem, Precise())
        outcomes = [run.step(step) for step in steps]
        if min(outcome.margin for outcome in outcomes) < LEAST_MARGIN:
            continue
        bounds = error_bounds(spec, problem, steps, outcomes, BOUNDED)
        count = _horizon(problem, outcomes, bounds) if bounds else 0
        if bounds and count >= LEAST_STEPS:
            return problem, steps[:count], outcomes[:count], _until(bounds, count)
    raise NoTrajectoryError(f"{spec.name}: no trajectory for {case.comment!r}")


def _horizon(problem: Problem, outcomes: list[Outcome], bounds: Bounds) -> int:
    """Number of steps before the bound is too large a part of the largest distance from the start."""
    start, way = flattened(problem.x0), 0.0
    for index, (outcome, bound) in enumerate(zip(outcomes, bounds["f32"]["params"], strict=True)):
        way = max(way, float(np.linalg.norm(flattened(outcome.params) - start)))
        if bound > LARGEST_BOUND * way:
            return index
    return len(outcomes)


def _until(bounds: Bounds, count: int) -> Bounds:
    return {name: {key: tol[:count] for key, tol in kept.items()} for name, kept in bounds.items()}


def _drawn(case: TrainingCase, random: Random) -> tuple[Problem, list[Step]]:
    """Start and batches, all of binary32 numbers."""
    layers = [_matrix(shape, random) for shape in pairwise(case.widths)]
    teacher = [_matrix(shape, random) for shape in pairwise(case.widths)]
    powers = np.round(np.linspace(0, case.spread, case.widths[0])).astype(int)
    inputs = np.ldexp(_matrix((case.samples, case.widths[0]), random), -powers)
    targets: Array = reduce(np.matmul, teacher, inputs)  # which nothing rounds: the factors have few bits
    targets = rounded(targets + case.noise * _matrix(targets.shape, random))
    parts = [slice(first, first + case.batch) for first in range(0, case.samples, case.batch)]
    batches = [Batch(inputs[part], targets[part]) for part in parts]
    steps = [Step((), None, _hyper(case, i), batches[i % len(batches)]) for i in range(case.steps)]
    return Problem(hyper=case.hyper, x0=tuple(layers)), steps


def _hyper(case: TrainingCase, index: int) -> dict[str, float]:
    rate = case.hyper["learning_rate"]
    return {"learning_rate": to_float32(rate * (case.steps - index) / case.steps)} if case.falling else {}


def _matrix(shape: tuple[int, ...], random: Random) -> Array:
    """Numbers between -1 and 1 of seven significant bits."""
    numbers: Any = [random.randint(-64, 64) / 64 for _ in range(int(np.prod(shape)))]
    return np.array(numbers, dtype=np.float64).reshape(shape)
