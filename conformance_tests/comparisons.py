"""Two ways to the same trajectory, and how far rounding errors may part them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume

from conformance_tests import core_driver
from conformance_tests.problems import Vector
from momo_spec import load_spec
from momo_spec.arithmetic import Float64, Precise
from momo_spec.bounds import UNIT_ROUNDOFF, Rows, flattened, open_loop, open_loop_bound
from momo_spec.problem import Problem as OpenLoop
from momo_spec.problem import Run, Step
from momo_spec.sampled import FORMATS, LEAST_MARGIN, error_bounds, evaluate, trajectory_rows

Trajectory = tuple[list[Vector], list[dict[str, Any]]]


def core_rows(optimizer: str, hyper: Mapping[str, Any], run: Trajectory) -> Rows:
    params, steps = run
    trajectory = core_driver.run(optimizer, dict(hyper), params, steps, dtype="float64")
    return np.array([flattened(params), *(flattened(step["params"]) for step in trajectory)])


def rounding(optimizer: str, hyper: Mapping[str, Any], run: Trajectory, dtype: str = "float64") -> Rows:
    """How far rounding errors may carry an implementation in a format, after each step."""
    return exact_and_bound(optimizer, hyper, run, dtype)[1]


def exact_and_bound(
    optimizer: str, hyper: Mapping[str, Any], run: Trajectory, dtype: str
) -> tuple[Rows, Rows]:
    """The trajectory of the specification, and how far from it rounding errors may carry a format."""
    spec, (params, steps) = load_spec(optimizer), run
    reference, _ = open_loop(spec, hyper, params, steps)
    return reference, open_loop_bound(spec, hyper, params, steps, reference, UNIT_ROUNDOFF[dtype])


def problem_and_bound(
    optimizer: str, problem: OpenLoop, steps: Sequence[Step], dtype: str
) -> tuple[Rows, Rows]:
    """`exact_and_bound` where tensors have groups or lack gradients."""
    spec = load_spec(optimizer)
    outcomes = evaluate(spec, problem, steps, Precise())
    name = next(short for short, long in FORMATS.items() if long == dtype)
    bounds = error_bounds(spec, problem, steps, outcomes, (name,))
    assert bounds, "a rounding error decides"
    return trajectory_rows(problem, outcomes)["params"], np.array([0.0, *bounds[name]["params"]])


def assert_within(left: Rows, right: Rows, *bounds: Rows) -> None:
    distance = np.linalg.norm(left - right, axis=1)
    assert np.all(distance <= sum(bounds)), f"at most {max(distance / sum(bounds)):.3g} of the bound"


def assert_apart(left: Rows, right: Rows, *bounds: Rows) -> None:
    """Somewhere farther from each other than the bounds together."""
    assert np.any(np.linalg.norm(left - right, axis=1) > sum(bounds))


def assume_clear_of_resets(optimizer: str, hyper: Mapping[str, Any], run: Trajectory) -> None:
    """The reset is the one discontinuity: rounding errors may take either side close to it."""
    params, steps = run
    walk = Run(load_spec(optimizer), OpenLoop(dict(hyper), tuple(params)), Float64())
    for step in steps:
        assume(walk.step(Step(tuple(step["grads"]), step["loss"])).margin > LEAST_MARGIN)


def with_losses(run: Trajectory, change: Callable[[float], float]) -> Trajectory:
    params, steps = run
    return params, [{**step, "loss": change(step["loss"])} for step in steps]


def mapped(run: Trajectory, change: Callable[[list[Vector]], list[Vector]]) -> Trajectory:
    """The same change of parameters and gradients."""
    params, steps = run
    return change(params), [{**step, "grads": change(step["grads"])} for step in steps]


def torch_rows(run: Trajectory, build: Callable[[list[Any]], Any], *, needs_loss: bool) -> Rows:
    """Trajectory of a PyTorch optimizer in float64."""
    torch = pytest.importorskip("torch")
    params, steps = run
    leaves = [torch.nn.Parameter(torch.tensor(param)) for param in params]
    optimizer, rows = build(leaves), [flattened(params)]
    for step in steps:
        for leaf, grad in zip(leaves, step["grads"], strict=True):
            leaf.grad = torch.tensor(grad)
        optimizer.step(loss=step["loss"]) if needs_loss else optimizer.step()
        rows.append(flattened([leaf.detach().numpy().copy() for leaf in leaves]))
    return np.array(rows)


HADAMARD = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
"""Orthogonal, and exact on numbers of float32."""


def padded(vector: Vector) -> Vector:
    return np.pad(vector, (0, -len(vector) % 4))


def exact(vector: Vector) -> list[Fraction]:
    return [Fraction(float(value)) for value in vector]


def dot(left: Sequence[Fraction], right: Sequence[Fraction]) -> Fraction:
    return sum((one * other for one, other in zip(left, right, strict=True)), Fraction(0))
