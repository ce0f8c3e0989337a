"""Every backend follows the specification, step by step."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, target

from conformance_tests.cells import Cell
from conformance_tests.strategies import hypers, trajectories
from momo_spec import load_spec, spec_names
from momo_spec.bounds import UNIT_ROUNDOFF, Rows, flattened, open_loop, open_loop_bound

EXACT_ENOUGH = 1e-10
"""What the project promises for float64 over 50 steps, relative to the largest parameter."""

EXAMPLES = max(3, settings().max_examples // 8)


def flat_rows(params: list[np.ndarray], trajectory: list[dict[str, Any]]) -> Rows:
    return np.array([flattened(params), *(flattened(step["params"]) for step in trajectory)])


def distances(rows: Rows, reference: Rows) -> Rows:
    return np.linalg.norm(rows - reference, axis=1)


@cache
def reference_of(problem: bytes) -> Rows:
    """The exact trajectory; the same problems come back for each cell of a process."""
    optimizer, hyper, params, steps = pickle.loads(problem)
    return open_loop(load_spec(optimizer), hyper, params, steps)[0]


@cache
def float32_bound(problem: bytes) -> Rows:
    optimizer, hyper, params, steps = pickle.loads(problem)
    unit = UNIT_ROUNDOFF["float32"]
    return open_loop_bound(load_spec(optimizer), hyper, params, steps, reference_of(problem), unit)


@pytest.mark.parametrize("optimizer", spec_names())
def test_float64_follows_the_specification(
    cell: Cell, device: str, optimizer: str, record_property: Any
) -> None:
    worst = 0.0

    @given(hyper=hypers(optimizer), run=trajectories(max_steps=50))
    @settings(max_examples=EXAMPLES)
    def check(hyper: dict[str, Any], run: Any) -> None:
        nonlocal worst
        params, steps = run
        reference = reference_of(pickle.dumps((optimizer, hyper, params, steps)))
        rows = flat_rows(params, cell.run(optimizer, hyper, params, steps, dtype="float64", device=device))
        scale = np.max(np.linalg.norm(reference, axis=1))
        error = float(np.max(distances(rows, reference)) / scale)
        worst = max(worst, error)
        target(error)
        assert error <= EXACT_ENOUGH

    check()
    record_property(f"relative error, float64, {cell.name}", worst)


@pytest.mark.parametrize("optimizer", spec_names())
def test_float32_stays_within_its_computed_bound(
    cell: Cell, device: str, optimizer: str, record_property: Any
) -> None:
    worst = 0.0

    @given(hyper=hypers(optimizer), run=trajectories(max_steps=20))
    @settings(max_examples=EXAMPLES)
    def check(hyper: dict[str, Any], run: Any) -> None:
        nonlocal worst
        params, steps = run
        problem = pickle.dumps((optimizer, hyper, params, steps))
        rows = flat_rows(params, cell.run(optimizer, hyper, params, steps, dtype="float32", device=device))
        ratio = float(np.max(distances(rows, reference_of(problem)) / float32_bound(problem)))
        worst = max(worst, ratio)
        target(ratio)
        assert ratio <= 1

    check()
    record_property(f"error/bound, float32, {cell.name}", worst)
