"""
One step of arbitrary numbers from a state that every format has exactly (tier T1).

The steps before it are those of an exact test, which nothing rounds: so each implementation has the
same state, to the bit, whatever it calls its parts, and what the last step adds is the error of one
step.  Gradients have eight significant bits, so that binary16 and bfloat16 get the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from .arithmetic import Arithmetic, Array, Float64, Perturbed, Precise
from .bounds import SAMPLES, UNIT_ROUNDOFF, Rows, rounding_bound
from .hexfloat import to_float32
from .load import OptimizerSpec, load_spec
from .problem import Outcome, Problem, Run, Step
from .sampled import (
    ATTEMPTS,
    FORMATS,
    LEAST_MARGIN,
    Bounds,
    NoTrajectoryError,
    jumps,
    rounded_up,
    trajectory_rows,
)
from .vector_file import BITS, Vector, load_vectors

TESTS = 6
"""Of an optimizer: exact tests that have the most flags together."""

DRAWS = 16
"""Losses of which every second test takes the one with the shortest step, where the model cancels."""


def prefixes(name: str) -> list[Vector]:
    """Exact tests of an optimizer to go on from: in as many formats and of as many flags as there are."""
    internal = {hyper.name for hyper in load_spec(name).hyper.values() if hyper.internal}
    exact = [vector for vector in load_vectors(name).tests if vector.bits and vector.bits <= BITS["float32"]]
    left = [vector for vector in exact if not internal & {*vector.problem.hyper}]
    chosen: list[Vector] = []
    while left and len(chosen) < TESTS:
        seen = {flag for vector in chosen for flag in vector.flags}
        best = max(left, key=lambda vector: (len({*vector.flags} - seen), -(vector.bits or 0), -vector.tc_id))
        chosen.append(best)
        left.remove(best)
    return chosen


def one_step(prefix: Vector, index: int) -> tuple[Problem, list[Step], list[Outcome], Bounds]:
    """
    The exact test and a step more.

    Raises
    ------
    NoTrajectoryError
        If no step keeps its distance from a discontinuity.
    """
    spec = load_spec(prefix.algorithm)
    for seed in range(ATTEMPTS):
        random = Random(f"{prefix.algorithm} {prefix.tc_id} {seed}")
        last = _drawn(spec, prefix, random, cancel=index % 2 == 1)
        steps = [*prefix.steps, last]
        run = Run(spec, prefix.problem, Precise())
        outcomes = [run.step(step) for step in steps]
        if outcomes[-1].skipped or outcomes[-1].margin < LEAST_MARGIN:
            continue
        bounds = one_step_bounds(spec, prefix.problem, steps, outcomes, formats_of(prefix))
        if bounds:
            return prefix.problem, steps, outcomes, bounds
    raise NoTrajectoryError(f"{prefix.algorithm}: no step after test {prefix.tc_id}")


def formats_of(prefix: Vector) -> list[str]:
    """Formats that have the state exactly."""
    return [short for short, long in FORMATS.items() if long in prefix.dtypes]


def one_step_bounds(
    spec: OptimizerSpec,
    problem: Problem,
    steps: Sequence[Step],
    outcomes: Sequence[Outcome],
    formats: Sequence[str],
) -> Bounds | None:
    """Bounds, 0 but for the last step; None if a rounding error decides which branch that takes."""
    exact = trajectory_rows(problem, outcomes[-1:])
    bounds: Bounds = {}
    for name in formats:
        runs = [after_rounding(spec, problem, steps, name, seed) for seed in range(SAMPLES)]
        if any(jumps([run]) != jumps(outcomes[-1:]) for run in runs):
            return None
        rows = [trajectory_rows(problem, [run]) for run in runs]
        last = {key: _bound(key, name, value, [row[key] for row in rows]) for key, value in exact.items()}
        bounds[name] = {key: [*[0.0] * (len(steps) - 1), bound] for key, bound in last.items()}
    return bounds


def after_rounding(
    spec: OptimizerSpec, problem: Problem, steps: Sequence[Step], name: str, seed: int
) -> Outcome:
    """The last step in a format with random rounding errors; those before it make none."""
    run = Run(spec, problem, Float64())
    for step in steps[:-1]:
        run.step(step)
    return run.fork(arithmetic_of(name, seed)).step(steps[-1])


def arithmetic_of(name: str, seed: int) -> Arithmetic:
    """At least binary32 computes; the format itself stores."""
    storage = UNIT_ROUNDOFF[FORMATS[name]]
    return Perturbed(min(storage, UNIT_ROUNDOFF["float32"]), seed=seed, storage=storage)


def _bound(quantity: str, name: str, exact: Rows, rows: Sequence[Rows]) -> float:
    storage = UNIT_ROUNDOFF[FORMATS[name]]
    unit = storage if quantity == "params" else min(storage, UNIT_ROUNDOFF["float32"])
    return rounded_up(float(rounding_bound(exact[1:], [row[1:] for row in rows], unit)[0]))


def _drawn(spec: OptimizerSpec, prefix: Vector, random: Random, *, cancel: bool) -> Step:
    """Any step, or of some losses the one with the shortest step that is none."""
    grads = tuple(_gradient(np.shape(param), random) for param in prefix.problem.x0)
    before = prefix.steps[-1].hyper
    hyper = {name: to_float32(value * random.uniform(0.5, 1.0)) for name, value in before.items()}
    if not spec.needs_loss:
        return Step(grads, None, hyper)
    steps = [Step(grads, to_float32(random.uniform(-1.0, 8.0)), hyper) for _ in range(DRAWS if cancel else 1)]
    return min(steps, key=lambda step: _length(spec, prefix, step)) if cancel else steps[0]


def _length(spec: OptimizerSpec, prefix: Vector, step: Step) -> float:
    """Step size, infinite where there is no step."""
    run = Run(spec, prefix.problem, Float64())
    for earlier in prefix.steps:
        run.step(earlier)
    return float(run.step(step).info["step_size"]) or np.inf


def _gradient(shape: tuple[int, ...], random: Random) -> Array:
    """Numbers between -2 and 2 of eight significant bits."""
    numbers: Any = [random.randint(-255, 255) * 2.0**-7 for _ in range(int(np.prod(shape)))]
    return np.array(numbers, dtype=np.float64).reshape(shape)
